#include "engine/index/vector_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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
  if (!std::all_of(query.begin(), query.end(), [](float x) { return std::isfinite(x); })) {
    return Invalid("vector", "has a NaN or an infinity; every number must be finite");
  }
  if (k == 0) return Invalid("k", "is 0; ask for at least 1");
  Ranking ranking(metric_, query.data(), dimension_, *segments_, k);
  Scan scan(metric_, query, *segments_, allowed, ranking);
  RETURN_IF_ERROR(scan.Run(stop));
  return ranking.Finish();
}

uint64_t VectorIndex::CountAllowed(const AllowedSet& allowed) const {
  const PermittedRuns permitted(allowed.classes, RunsMax(*segments_));
  uint64_t count = 0;
  for (const Segment& segment : *segments_) {
    permitted.ForEach(segment.rows(), [&](const ClassRun& run) {
      if (!segment.Sparse()) {
        count += run.end - run.begin;
        return;
      }
      for (uint32_t row = run.begin; row < run.end; ++row) {
        if (segment.Counts(row, allowed.now)) ++count;
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
  const std::string* id = nullptr;
  for (const NewRow& row : change.rows) {
    if (sources_.size() == index_.RowsMax()) {
      Seal();
      id = nullptr;
    }
    if (id == nullptr) id = &ids_.emplace_back(change.document);
    floats_.insert(floats_.end(), row.embedding, row.embedding + index_.dimension());
    sources_.push_back({*id, change.valid_from, change.valid_until, row.ordinal, row.class_id,
                        nullptr, std::nullopt});
  }
}

void VectorIndexBuilder::Seal() {
  if (sources_.empty()) return;
  for (size_t i = 0; i < sources_.size(); ++i) {
    sources_[i].embedding = floats_.data() + i * index_.dimension();
  }
  sealed_.emplace_back(SegmentRows::Build(index_.dimension(), std::exchange(sources_, {})));
  floats_.clear();
  ids_.clear();
}

VectorIndex VectorIndexBuilder::Finish() {
  Seal();
  floats_ = {};
  index_.segments_ = std::make_shared<const std::vector<Segment>>(std::move(sealed_));
  return index_;
}

}  // namespace cordon
