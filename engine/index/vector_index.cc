#include "engine/index/vector_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/stop.h"
#include "engine/index/calibrate.h"
#include "engine/index/list_search.h"
#include "engine/index/permitted_count.h"
#include "engine/index/training.h"

namespace cordon {
namespace {

// So few rows are always read faster than lists are searched, and so many for each answer. With
// more it is the calibration that tells.
constexpr uint64_t kFlatRows = 500;
constexpr uint64_t kFlatRowsPerAnswer = 20;

double InMicros(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

}  // namespace

VectorIndex::VectorIndex(size_t dimension, Metric metric, size_t segment_floats)
    : dimension_(dimension),
      metric_(metric),
      segment_rows_max_(std::max<size_t>(2, segment_floats / RowStride(dimension))),
      segments_(std::make_shared<const std::vector<Segment>>()) {
  CORDON_CHECK(dimension >= 1 && dimension <= limits::kDimensionMax);
}

StatusOr<double> VectorIndex::NormOf(std::span<const float> query, size_t k) const {
  if (query.size() != dimension_) {
    return Invalid("vector", fmt::format("has {} numbers; the collection has {} dimensions",
                                         query.size(), dimension_));
  }
  const double norm = Norm(query.data(), query.size());
  if (!std::isfinite(norm)) {
    return Invalid("vector", "has a NaN or an infinity; every number must be finite");
  }
  if (k == 0) return Invalid("k", "is 0; ask for at least 1");
  return norm;
}

StatusOr<std::vector<Hit>> VectorIndex::Search(const AllowedSet& allowed,
                                               std::span<const float> query,
                                               const SearchOptions& options,
                                               SearchTrace* trace) const {
  ASSIGN_OR_RETURN(const double norm, NormOf(query, options.k));
  const PaddedQuery padded(metric_, query, norm);
  SearchTrace ignored;
  SearchTrace& noted = trace == nullptr ? ignored : *trace;
  ASSIGN_OR_RETURN(auto by_lists, SearchLists(padded, allowed, options, &noted));
  if (by_lists) return *std::move(by_lists);
  return SearchAll(padded, allowed, options, &noted);
}

// Nothing where all permitted rows must be searched; the trace says so.
StatusOr<std::optional<std::vector<Hit>>> VectorIndex::SearchLists(const PaddedQuery& query,
                                                                   const AllowedSet& allowed,
                                                                   const SearchOptions& options,
                                                                   SearchTrace* trace) const {
  using Found = std::optional<std::vector<Hit>>;
  trace->plan = SearchPlan::kFlat;
  if (lists_ != nullptr) trace->geometry = lists_->geometry().revision();
  ASSIGN_OR_RETURN(const bool may, MayUseLists(allowed, query, options));
  if (!may) return Found();
  const std::shared_ptr<CallerMasks> masks = lists_->MasksOf(allowed, options.stop);
  if (masks == nullptr) return Stopped();
  ASSIGN_OR_RETURN(const Calibration::Depth depth, DepthFor(allowed, options, *masks, trace));
  if (depth.least <= 0) return Found();
  trace->plan = SearchPlan::kLists;
  const SearchedLists searched{*lists_, *segments_, numbers(), live_.get()};
  ListSearch search(searched, query, allowed, *masks, options.k, depth, trace);
  RETURN_IF_ERROR(search.Run(options.stop));
  return Found(search.Finish());
}

StatusOr<std::vector<Hit>> VectorIndex::SearchAll(const PaddedQuery& query,
                                                  const AllowedSet& allowed,
                                                  const SearchOptions& options,
                                                  SearchTrace* trace) const {
  const auto begin = std::chrono::steady_clock::now();
  Ranking ranking(query, *segments_, options.k);
  ScannedQuery scanned(query, ranking);
  ScannedQuery* const alone[] = {&scanned};
  RETURN_IF_ERROR(Scan(alone, *segments_, allowed, options.stop).Run());
  const auto ended = std::chrono::steady_clock::now();
  std::vector<Hit> hits = ranking.Finish(options.scored);
  trace->rows_reranked = scanned.rows_read();
  trace->scan_us = InMicros(ended - begin);
  trace->finish_us = InMicros(std::chrono::steady_clock::now() - ended);
  return hits;
}

namespace {

// A question that shares a scan. 30 KiB.
struct Sharing {
  Sharing(Metric metric, const VectorQuestion& question, double norm,
          std::span<const Segment> segments, VectorAnswer* to)
      : query(metric, question.vector, norm),
        ranking(query, segments, question.k),
        scanned(query, ranking),
        scored(question.scored),
        answer(to) {}

  PaddedQuery query;
  Ranking ranking;
  ScannedQuery scanned;
  bool scored;
  VectorAnswer* answer;
};
using Sharers = std::vector<std::unique_ptr<Sharing>>;

// Answers them all. Requires 1 to Scan::kQueriesMax.
Status ScanTogether(const Sharers& sharers, std::span<const Segment> segments,
                    const AllowedSet& allowed, const std::function<bool()>& stop) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<ScannedQuery*> queries;
  for (const auto& sharing : sharers) queries.push_back(&sharing->scanned);
  RETURN_IF_ERROR(Scan(queries, segments, allowed, stop).Run());
  const auto ended = std::chrono::steady_clock::now();
  for (const auto& sharing : sharers) {
    const auto its_begin = std::chrono::steady_clock::now();
    auto& [hits, trace] = *sharing->answer;
    hits = sharing->ranking.Finish(sharing->scored);
    trace.rows_reranked = sharing->scanned.rows_read();
    trace.scan_us = InMicros(ended - begin);
    trace.finish_us = InMicros(std::chrono::steady_clock::now() - its_begin);
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::vector<VectorAnswer>> VectorIndex::SearchMany(
    const AllowedSet& allowed, std::span<const VectorQuestion> questions,
    const SearchOptions& options) const {
  std::vector<VectorAnswer> answers(questions.size());
  Sharers sharers;
  SearchOptions its = options;
  for (size_t i = 0; i < questions.size(); ++i) {
    its.k = questions[i].k;
    ASSIGN_OR_RETURN(const double norm, NormOf(questions[i].vector, its.k));
    auto sharing = std::make_unique<Sharing>(metric_, questions[i], norm, *segments_, &answers[i]);
    ASSIGN_OR_RETURN(auto by_lists, SearchLists(sharing->query, allowed, its, &answers[i].trace));
    if (by_lists) {
      answers[i].hits = *std::move(by_lists);
      continue;
    }
    sharers.push_back(std::move(sharing));
    if (sharers.size() < Scan::kQueriesMax) continue;
    RETURN_IF_ERROR(ScanTogether(sharers, *segments_, allowed, options.stop));
    sharers.clear();
  }
  if (!sharers.empty()) {
    RETURN_IF_ERROR(ScanTogether(sharers, *segments_, allowed, options.stop));
  }
  return answers;
}

// By permitted rows and what is asked alone.
StatusOr<bool> VectorIndex::MayUseLists(const AllowedSet& allowed, const PaddedQuery& query,
                                        const SearchOptions& options) const {
  if (lists_ == nullptr || options.plan == SearchPlan::kFlat) return false;
  if (options.mode == SearchMode::kExact && options.plan == SearchPlan::kAuto) return false;
  const bool cosine = metric_ == Metric::kCosine;
  if (query.norm() > kNormMax || (cosine && query.norm() < kNormMin)) return false;
  if (options.plan == SearchPlan::kLists) return true;
  const uint64_t flat = std::max(kFlatRows, kFlatRowsPerAnswer * options.k);
  ASSIGN_OR_RETURN(const uint64_t rows, CountPermitted(segments(), allowed, options.stop, flat));
  return rows > flat;
}

// How far the lists must be searched; 0: all permitted rows must be.
StatusOr<Calibration::Depth> VectorIndex::DepthFor(const AllowedSet& allowed,
                                                   const SearchOptions& options, CallerMasks& masks,
                                                   SearchTrace* trace) const {
  constexpr float kStrictest = 1e-6f, kAnyLeft = std::numeric_limits<float>::infinity();
  if (options.least > 0) return Calibration::Depth{options.least, 0, kAnyLeft};
  ASSIGN_OR_RETURN(const uint64_t covered, CountCovered(allowed, masks, options.stop));
  ASSIGN_OR_RETURN(const uint64_t beside,
                   CountPermitted(segments().subspan(Covered()), allowed, options.stop));
  const uint64_t rows = covered + beside;
  trace->rows_permitted = rows;
  const double part = static_cast<double>(rows) / static_cast<double>(lists_->geometry().rows());
  const auto depth = lists_->geometry().calibration().DepthFor(options.recall, part);
  if (options.plan == SearchPlan::kLists) {
    return depth.least == 0 ? Calibration::Depth{kStrictest, 0, kAnyLeft} : depth;
  }
  const bool pays = depth.work < FlatWork(static_cast<double>(rows), dimension_);
  return pays ? depth : Calibration::Depth();
}

// Others share the masks who have other classes beside the lists: of the covered rows alone a count
// is theirs as well. While lists change, each version is another: what died since is counted.
StatusOr<uint64_t> VectorIndex::CountCovered(const AllowedSet& allowed, CallerMasks& masks,
                                             const std::function<bool()>& stop) const {
  const auto covered = segments().first(Covered());
  // What a filter admits, no other question counts.
  if (allowed.filter != nullptr) return CountPermitted(covered, allowed, stop);
  const auto known = masks.covered_rows();
  if (known && known->version == version_) return known->rows;
  uint64_t rows = known ? known->rows : 0;
  const auto die = [&](uint32_t id) { rows -= masks.rows().Test(id) ? 1 : 0; };
  if (!known || !deaths_.ForEachSince(known->version, die)) {
    rows = masks.rows().Count();
    for (size_t s = 0; s < covered.size(); ++s) {
      covered[s].ForEachDead([&](size_t row) { die(numbers().Of(s, static_cast<uint32_t>(row))); });
    }
  }
  if (Planted(Bug::kRowsOfAnother)) rows = CountAllowed(allowed);
  masks.SetCoveredRows({version_, rows});
  return rows;
}

uint64_t VectorIndex::CountAllowed(const AllowedSet& allowed) const {
  return *CountPermitted(segments(), allowed, {});
}

uint64_t VectorIndex::unlisted() const {
  uint64_t rows = 0;
  for (const Segment& segment : segments().subspan(Covered())) rows += segment.live();
  return rows;
}

VectorIndex VectorIndex::Next(std::vector<Segment> segments, std::vector<uint32_t> killed) const {
  static std::atomic<uint64_t> versions = 0;
  VectorIndex next = *this;
  next.segments_ = std::make_shared<const std::vector<Segment>>(std::move(segments));
  next.deaths_ = deaths_.With(version_, std::move(killed));
  next.version_ = ++versions;
  return next;
}

VectorIndex VectorIndex::Frozen() const {
  std::vector<Segment> segments(segments_->begin(), segments_->end());
  for (Segment& segment : segments) segment = segment.Frozen(true);
  return Next(std::move(segments));
}

VectorIndex VectorIndex::Thawed() const {
  std::vector<Segment> segments(segments_->begin(), segments_->end());
  bool erased = false;
  for (size_t s = Covered(); s < segments.size(); ++s) {
    segments[s] = segments[s].Frozen(false);
    erased |= segments[s].erasures() > 0;
  }
  const VectorIndex thawed = Next(std::move(segments));
  return erased ? thawed.Apply({}) : thawed;
}

namespace {

// Adds to `to` the rows that died in `now` since it was `then`: in the same segment, or in one that
// was written of it.
void AddDead(const Segment& then, const Segment& now, std::vector<Segment>* to) {
  for (Segment& segment : *to) {
    if (segment.shared_rows() == now.shared_rows()) {
      segment = segment.WithDead(now.dead());
      return;
    }
  }
  std::vector<std::optional<Bitmap>> dead(to->size());
  now.ForEachDead([&](size_t place) {
    const auto row = static_cast<uint32_t>(place);
    if (then.Dead(row)) return;
    const SegmentRows& old = now.rows();
    for (size_t s = 0; s < to->size(); ++s) {
      const SegmentRows& rows = (*to)[s].rows();
      const auto document = rows.Find(old.id(old.document(row)));
      if (!document) continue;
      for (const uint32_t other : rows.rows_of(*document)) {
        if (rows.ordinal(other) != old.ordinal(row)) continue;
        // At the freeze one row of this name was alive; others are dead already.
        if (!dead[s]) dead[s] = (*to)[s].dead();
        dead[s]->Set(other);
      }
    }
  });
  for (size_t s = 0; s < to->size(); ++s) {
    if (dead[s]) (*to)[s] = (*to)[s].WithDead(*std::move(dead[s]));
  }
}

// What was erased from `now` since the freeze is in the same segment, or in any that was written
// meanwhile: it is to be written anew once more.
void AddErased(std::span<const Segment> from, const Segment& now, std::vector<Segment>* to) {
  const auto same = [](const Segment& a) {
    return [&a](const Segment& b) { return a.shared_rows() == b.shared_rows(); };
  };
  const auto found = std::find_if(to->begin(), to->end(), same(now));
  if (found != to->end()) {
    *found = found->WithErasure();
    return;
  }
  for (Segment& segment : *to) {
    if (std::none_of(from.begin(), from.end(), same(segment))) segment = segment.WithErasure();
  }
}

// The rows that are dead in `now`, but not in the same segments `then`.
std::vector<uint32_t> DiedSince(std::span<const Segment> then, std::span<const Segment> now,
                                RowNumbers numbers) {
  std::vector<uint32_t> died;
  for (size_t s = 0; s < now.size(); ++s) {
    now[s].ForEachDead([&](size_t place) {
      const auto row = static_cast<uint32_t>(place);
      if (!then[s].Dead(row)) died.push_back(numbers.Of(s, row));
    });
  }
  return died;
}

}  // namespace

VectorIndex VectorIndex::With(const MadeLists& made) const {
  const uint64_t before = lists_ == nullptr ? 0 : lists_->geometry().revision();
  const bool trained = made.lists->geometry().revision() != before;
  const auto now = segments();
  std::vector<Segment> covered = made.to;
  for (size_t s = 0; s < made.from.size(); ++s) {
    CORDON_CHECK(now[s].shared_rows() == made.from[s].shared_rows());
    if (now[s].live() != made.from[s].live()) AddDead(made.from[s], now[s], &covered);
    if (now[s].erasures() != made.from[s].erasures()) AddErased(made.from, now[s], &covered);
  }
  for (size_t s = 0; s < covered.size(); ++s) {
    covered[s] = covered[s].With(made.lists->of_segment(s)).Frozen(true);
  }
  VectorIndex next = *this;
  next.lists_ = made.lists;
  next.deaths_ = Deaths();
  next.live_ = made.lists->WithDead(made.live, covered, DiedSince(made.to, covered, numbers()));
  next.changed_ = next.changed_ + made.changed - made.trained;
  bool erased = false;
  for (size_t i = 0; i < now.size() - made.from.size(); ++i) {
    Segment segment = now[made.from.size() + i].Frozen(false);
    erased |= segment.erasures() > 0;
    if (trained && i < made.listed.size()) {
      CORDON_CHECK(segment.shared_rows() == made.listed[i].shared_rows());
      segment = segment.With(made.listed[i].lists());
    } else if (trained) {
      segment = next.Listed(segment, {});
    }
    covered.push_back(std::move(segment));
  }
  next = next.Next(std::move(covered));
  return erased ? next.Apply({}) : next;
}

uint64_t VectorIndex::RowsToList(const MadeLists& made) const {
  if (lists_ != nullptr && lists_->geometry().revision() == made.lists->geometry().revision()) {
    return 0;
  }
  uint64_t rows = 0;
  for (const Segment& segment : segments().subspan(made.from.size() + made.listed.size())) {
    rows += segment.rows().size();
  }
  return rows;
}

// A segment beside the lists has its own.
Segment VectorIndex::Listed(Segment segment,
                            std::span<const std::optional<KnownLists>> known) const {
  if (lists_ == nullptr) return segment;
  return segment.With(ListAlone(lists_->geometry(), segment.rows(), known));
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
  std::vector<Segment> segments = std::move(ready_);
  auto next = order.begin();
  for (FloatRows& part : parts_) {
    std::vector<RowSource> rows;
    for (size_t i = 0; i < index_.RowsMax() && next != order.end(); ++i) {
      rows.push_back(sources_[*next++]);
    }
    segments.emplace_back(
        SegmentRows::BuildInPlace(index_.dimension(), std::move(part), std::move(rows)));
  }
  return index_.Next(std::move(segments));
}

}  // namespace cordon
