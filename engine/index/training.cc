#include "engine/index/training.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/index/kernels.h"
#include "engine/index/kmeans.h"
#include "engine/index/shared_means.h"

namespace cordon {
namespace {

// More of them find hardly better centroids.
constexpr size_t kSampleForList = 24;
constexpr uint64_t kSeed = 0xC02D0;

size_t ListsFor(uint64_t rows) {
  const auto lists = static_cast<size_t>(4 * std::sqrt(static_cast<double>(rows)));
  return std::clamp<size_t>(lists, 1, std::min<size_t>(rows / 32, kListsMax));
}

// A row's rotated form before there is a geometry.
void RotateRow(Metric metric, const Rotation& rotation, const SegmentRows& rows, uint32_t row,
               float* out) {
  const double norm = rows.norm(row);
  const bool cosine = metric == Metric::kCosine;
  const bool usable = norm <= kNormMax && (!cosine || norm >= kNormMin);
  const float scale = !usable ? 0 : cosine ? static_cast<float>(1 / norm) : 1;
  rotation.Apply(rows.embedding(row), scale, out);
}

struct DrawnRow {
  const SegmentRows* rows;
  uint32_t row;
};

// Drawn evenly from all live rows; fewer than `wanted` if there are no more, or it was stopped.
std::vector<DrawnRow> Draw(std::span<const Segment> segments, size_t wanted,
                           const std::function<bool()>& stop) {
  uint64_t left = 0;
  for (const Segment& segment : segments) left += segment.live();
  uint64_t missing = std::min<uint64_t>(wanted, left);
  std::vector<DrawnRow> drawn;
  drawn.reserve(missing);
  Random random(kSeed);
  for (const Segment& segment : segments) {
    if (stop()) break;
    for (uint32_t row = 0; row < segment.rows().size(); ++row) {
      if (segment.Dead(row)) continue;
      if (random.Below(left--) >= missing) continue;  // selection sampling (Knuth, 3.4.2 S)
      drawn.push_back({&segment.rows(), row});
      --missing;
    }
  }
  return drawn;
}

// Not all of them if it was stopped.
FloatRows Rotated(Metric metric, const Rotation& rotation, std::span<const DrawnRow> drawn,
                  const std::function<bool()>& stop, size_t threads) {
  constexpr size_t kRowsOfSlice = 1024;  // a millisecond to some
  FloatRows rotated(drawn.size(), rotation.size());
  InSlices(drawn.size(), kRowsOfSlice, threads, stop, [&](size_t begin, size_t end, const auto&) {
    for (size_t i = begin; i < end; ++i) {
      RotateRow(metric, rotation, *drawn[i].rows, drawn[i].row, rotated.row(i));
    }
  });
  return rotated;
}

FloatRows CopyOf(const FloatRows& rows, size_t n, size_t size) {
  FloatRows copy(n, size);
  for (size_t i = 0; i < n; ++i) std::copy_n(rows.row(i), size, copy.row(i));
  return copy;
}

// By list, the rows of the sample that are in it.
using Members = std::vector<std::vector<uint32_t>>;

// Not all of them if it was stopped.
Members MembersOf(const Geometry& geometry, const FloatRows& sample, std::span<const uint32_t> rows,
                  const std::function<bool()>& stop, size_t threads) {
  constexpr size_t kRowsOfSlice = 512;  // some milliseconds
  std::vector<ListPair> pairs(rows.size());
  InSlices(rows.size(), kRowsOfSlice, threads, stop, [&](size_t begin, size_t end, const auto&) {
    for (size_t i = begin; i < end; ++i) pairs[i] = geometry.Assign(sample.row(rows[i]));
  });
  Members members(geometry.lists());
  for (size_t i = 0; i < rows.size(); ++i) {
    members[pairs[i].first].push_back(rows[i]);
    if (pairs[i].second != pairs[i].first) members[pairs[i].second].push_back(rows[i]);
  }
  return members;
}

// The mean ‖residual‖² of each list; of a list without rows, that of all.
std::vector<float> Spreads(const Geometry& geometry, const FloatRows& sample,
                           const Members& members) {
  std::vector<float> spreads(members.size());
  double sum = 0;
  size_t lists = 0;
  for (size_t l = 0; l < members.size(); ++l) {
    double of_list = 0;
    for (const uint32_t row : members[l]) {
      of_list += RotatedDistance(sample.row(row), geometry.centroid(l), geometry.size());
    }
    if (members[l].empty()) continue;
    spreads[l] = static_cast<float>(of_list / static_cast<double>(members[l].size()));
    sum += spreads[l];
    ++lists;
  }
  for (size_t l = 0; l < members.size(); ++l) {
    if (members[l].empty()) spreads[l] = static_cast<float>(sum / static_cast<double>(lists));
  }
  return spreads;
}

// How far residuals of near lists reach in the direction of a query, in parts of the length that
// their spread says: the root of the mean square.
float DeviationOf(const Geometry& geometry, const FloatRows& sample, std::span<const uint32_t> rows,
                  const Members& members, const std::vector<float>& spreads) {
  const size_t queries = std::min<size_t>(256, rows.size());
  const size_t size = geometry.size();
  FloatRows direction(1, size);
  double squares = 0;
  size_t terms = 0;
  for (size_t i = 0; i < queries; ++i) {
    const float* q = sample.row(rows[i * (rows.size() / queries)]);
    const ListPair pair = geometry.Assign(q);
    for (const uint32_t list : {pair.first, pair.second}) {
      const float* c = geometry.centroid(list);
      for (size_t j = 0; j < size; ++j) direction.row(0)[j] = q[j] - c[j];
      const float length = RotatedDot(direction.row(0), direction.row(0), size);
      for (const uint32_t row : members[list]) {
        if (sample.row(row) == q || length == 0 || spreads[list] == 0) continue;
        const double along = RotatedDot(direction.row(0), sample.row(row), size) -
                             RotatedDot(direction.row(0), c, size);
        squares += along * along / (double{length} * spreads[list]);
        ++terms;
      }
    }
  }
  return terms == 0 ? 1 : static_cast<float>(std::sqrt(squares / static_cast<double>(terms)));
}

}  // namespace

std::shared_ptr<Geometry> Train(Metric metric, size_t dimension, uint64_t revision,
                                std::span<const Segment> segments,
                                const std::function<bool()>& stop, size_t threads) {
  uint64_t live = 0;
  for (const Segment& segment : segments) live += segment.live();
  CORDON_CHECK(live >= 64 && dimension >= kListedDimensionMin);
  const Rotation rotation(dimension, kSeed + revision);
  const size_t wanted = ListsFor(live);
  const std::vector<DrawnRow> drawn = Draw(segments, wanted * kSampleForList, stop);
  const FloatRows sample = Rotated(metric, rotation, drawn, stop, threads);
  if (stop()) return nullptr;
  const auto nearest = NearestMeans(sample, drawn.size(), rotation.size(), wanted, stop, threads);
  if (!nearest) return nullptr;
  SharedMeans means = MeansOf(sample, *nearest, rotation.size(), wanted);
  const size_t lists = means.lists;
  const Geometry draft(metric, rotation, revision, live,
                       CopyOf(means.centroids, lists, rotation.size()), lists,
                       std::vector<float>(lists, 1.0f), 1);
  const Members members = MembersOf(draft, sample, means.rows, stop, threads);
  if (stop()) return nullptr;
  std::vector<float> spreads = Spreads(draft, sample, members);
  const float deviation = DeviationOf(draft, sample, means.rows, members, spreads);
  return std::make_shared<Geometry>(metric, rotation, revision, live, std::move(means.centroids),
                                    lists, std::move(spreads), deviation);
}

std::shared_ptr<const SegmentLists> AssignRows(const Geometry& geometry, const SegmentRows& rows,
                                               std::span<const std::optional<KnownLists>> known,
                                               const std::function<bool()>& stop, size_t threads) {
  constexpr size_t kRowsOfSlice = 128;  // a millisecond to some
  auto lists = std::make_shared<SegmentLists>();
  lists->geometry = geometry.revision();
  lists->pairs.resize(rows.size());
  std::vector<uint32_t> unknown;
  for (uint32_t row = 0; row < rows.size(); ++row) {
    if (!known.empty() && known[row]) {
      lists->pairs[row] = known[row]->pair;
    } else {
      unknown.push_back(row);
    }
  }
  const auto assign = [&](size_t begin, size_t end, const auto&) {
    FloatRows rotated(1, geometry.size());
    for (const uint32_t row : std::span(unknown).subspan(begin, end - begin)) {
      geometry.Rotate(rows.embedding(row), rows.norm(row), rotated.row(0));
      lists->pairs[row] = geometry.Assign(rotated.row(0));
    }
  };
  if (!InSlices(unknown.size(), kRowsOfSlice, threads, stop, assign)) return nullptr;
  return lists;
}

std::shared_ptr<const SegmentLists> ListAlone(const Geometry& geometry, const SegmentRows& rows,
                                              std::span<const std::optional<KnownLists>> known,
                                              const std::function<bool()>& stop, size_t threads) {
  const auto assigned = AssignRows(geometry, rows, known, stop, threads);
  if (assigned == nullptr) return nullptr;
  std::vector<NumberedRow> numbered;
  for (uint32_t row = 0; row < rows.size(); ++row) {
    const bool codes = !known.empty() && known[row];
    numbered.push_back({row, rows.embedding(row), rows.norm(row),
                        codes ? *known[row] : KnownLists{assigned->pairs[row]}});
  }
  auto lists = std::make_shared<SegmentLists>(*assigned);
  lists->part = std::make_shared<const ListPart>(geometry, numbered, stop, threads);
  if (stop && stop()) return nullptr;
  return lists;
}

}  // namespace cordon
