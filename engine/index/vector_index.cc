#include "engine/index/vector_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"

namespace cordon {

VectorIndex::VectorIndex(size_t dimension, Metric metric, size_t segment_floats)
    : dimension_(dimension),
      metric_(metric),
      segment_rows_max_(std::max<size_t>(2, segment_floats / RowStride(dimension))),
      segments_(std::make_shared<const std::vector<Segment>>()) {
  CORDON_CHECK(dimension >= 1 && dimension <= limits::kDimensionMax);
}

StatusOr<std::vector<Hit>> VectorIndex::Search(const AllowedSet& allowed,
                                               std::span<const float> query, size_t k,
                                               const std::function<bool()>& stop) const {
  if (query.size() != dimension_) {
    return Invalid("vector", fmt::format("has {} numbers; the collection has {} dimensions",
                                         query.size(), dimension_));
  }
  const double norm = Norm(query.data(), query.size());
  if (!std::isfinite(norm)) {
    return Invalid("vector", "has a NaN or an infinity; every number must be finite");
  }
  if (k == 0) return Invalid("k", "is 0; ask for at least 1");
  const PaddedQuery padded(metric_, query, norm);
  Ranking ranking(padded, *segments_, k);
  Scan scan(padded, *segments_, allowed, stop, ranking);
  RETURN_IF_ERROR(scan.Run());
  return ranking.Finish();
}

uint64_t VectorIndex::CountAllowed(const AllowedSet& allowed) const {
  const PermittedRuns permitted(allowed.classes);
  uint64_t count = 0;
  for (const Segment& segment : *segments_) {
    permitted.ForEach(segment, [&](const ClassRun& run) {
      if (!segment.Sparse() && allowed.filter == nullptr) {
        count += run.end - run.begin;
        return;
      }
      for (uint32_t row = run.begin; row < run.end; ++row) {
        if (segment.Counts(row, allowed.now, allowed.filter)) ++count;
      }
    });
  }
  return count;
}

uint64_t VectorIndex::rows() const {
  uint64_t rows = 0;
  for (const Segment& segment : *segments_) rows += segment.live();
  return rows;
}

Micros VectorIndex::NextEvent(Micros after) const {
  Micros next = kNever;
  for (const Segment& segment : *segments_) next = std::min(next, segment.NextEvent(after));
  return next;
}

VectorIndexBuilder::VectorIndexBuilder(const VectorIndex& empty) : index_(empty) {
  CORDON_CHECK(empty.segments().empty());
}

void VectorIndexBuilder::Add(const DocumentChange& change) {
  CORDON_CHECK(change.kind == DocumentChange::Kind::kReplace);
  if (change.rows.empty()) return;
  const std::string& id = ids_.emplace_back(change.document);
  for (const NewRow& row : change.rows) {
    if (floats_.size() == index_.RowsMax() * index_.dimension()) Seal();
    floats_.insert(floats_.end(), row.embedding, row.embedding + index_.dimension());
    sources_.push_back({id, change.valid_from, change.valid_until, row.ordinal, row.class_id,
                        nullptr, std::nullopt, change.number});
  }
}

void VectorIndexBuilder::Seal() {
  const size_t dimension = index_.dimension();
  const size_t rows = floats_.size() / dimension;
  FloatRows& part = parts_.emplace_back(rows, dimension);
  for (size_t i = 0; i < rows; ++i) {
    std::memcpy(part.row(i), floats_.data() + i * dimension, dimension * sizeof(float));
  }
  floats_.clear();
}

// Moves the vectors in place, along the cycles of the permutation: at no time are there two copies.
void VectorIndexBuilder::Arrange(std::vector<size_t> from) {
  const size_t stride = RowStride(index_.dimension());
  const auto row = [&](size_t i) { return parts_[i / index_.RowsMax()].row(i % index_.RowsMax()); };
  std::vector<float> first(stride);
  for (size_t start = 0; start < from.size(); ++start) {
    if (from[start] == start) continue;
    std::memcpy(first.data(), row(start), stride * sizeof(float));
    size_t to = start;
    while (from[to] != start) {
      std::memcpy(row(to), row(from[to]), stride * sizeof(float));
      to = std::exchange(from[to], to);
    }
    std::memcpy(row(to), first.data(), stride * sizeof(float));
    from[to] = to;
  }
}

VectorIndex VectorIndexBuilder::Finish() {
  if (!floats_.empty()) Seal();
  floats_ = {};
  std::vector<size_t> order(sources_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return LayoutKey(sources_[a]) < LayoutKey(sources_[b]); });
  Arrange(order);
  std::vector<Segment> segments;
  auto next = order.begin();
  for (FloatRows& part : parts_) {
    std::vector<RowSource> rows;
    for (size_t i = 0; i < index_.RowsMax() && next != order.end(); ++i) {
      rows.push_back(sources_[*next++]);
    }
    segments.emplace_back(
        SegmentRows::BuildInPlace(index_.dimension(), std::move(part), std::move(rows)));
  }
  index_.segments_ = std::make_shared<const std::vector<Segment>>(std::move(segments));
  return index_;
}

}  // namespace cordon
