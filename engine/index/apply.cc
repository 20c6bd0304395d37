// VectorIndex::Apply: stages the new rows, marks the old ones dead, and merges segments.
#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted.h"
#include "engine/index/compaction.h"
#include "engine/index/list_part.h"
#include "engine/index/training.h"
#include "engine/index/vector_index.h"

namespace cordon {
namespace {

// The segments and staged rows of the next version, while it is made.
class NextVersion {
 public:
  // `lists` cover the first of the segments; null if there are none. Borrowed.
  NextVersion(std::span<const Segment> segments, const Lists* lists, RowNumbers numbers)
      : segments_(segments.begin(), segments.end()),
        lists_(lists),
        covered_(lists == nullptr ? 0 : lists->segments()),
        numbers_(numbers),
        dead_(segments.size()),
        erased_(segments.size(), false) {}

  void Change(const DocumentChange& change) {
    if (change.kind == DocumentChange::Kind::kSweep) return Sweep();
    std::vector<RowSource> old;
    const bool reclass = change.kind == DocumentChange::Kind::kReclass;
    Unstage(change.document, reclass ? &old : nullptr);
    if (change.may_exist) Kill(change.document, reclass ? &old : nullptr);
    if (change.kind == DocumentChange::Kind::kErase) Erase(change.document);
    const bool goes =
        change.kind == DocumentChange::Kind::kRemove || change.kind == DocumentChange::Kind::kErase;
    if (!goes && !change.rows.empty()) Stage(change, std::move(old));
  }

  // The rows of covered segments that died.
  const std::vector<uint32_t>& killed() const { return killed_; }

  // The segments with their new dead rows, without the empty ones but for the frozen, and with a
  // mark where they hold rows that must not stay.
  std::vector<Segment> TakeSegments() {
    std::vector<Segment> left;
    for (size_t s = 0; s < segments_.size(); ++s) {
      if (dead_[s]) segments_[s] = segments_[s].WithDead(*std::move(dead_[s]));
      if (segments_[s].live() == 0 && !segments_[s].frozen()) continue;
      left.push_back(erased_[s] ? segments_[s].WithErasure() : std::move(segments_[s]));
    }
    return left;
  }

  std::vector<RowSource> TakeStaged() const {
    std::vector<RowSource> rows;
    for (const std::vector<RowSource>& document : staged_) {
      rows.insert(rows.end(), document.begin(), document.end());
    }
    return rows;
  }

 private:
  // Forgets what earlier changes of this batch staged, appended to `old` if wanted.
  void Unstage(std::string_view document, std::vector<RowSource>* old) {
    const auto found = staged_of_.find(document);
    if (found == staged_of_.end()) return;
    std::vector<RowSource>& rows = staged_[found->second];
    if (old != nullptr) old->insert(old->end(), rows.begin(), rows.end());
    rows.clear();
  }

  // Marks the stored rows dead, appended to `old` if wanted.
  void Kill(std::string_view document, std::vector<RowSource>* old) {
    const HashedId id(document);
    for (size_t s = 0; s < segments_.size(); ++s) {
      const SegmentRows& rows = segments_[s].rows();
      const std::optional<uint32_t> number = rows.Find(id);
      if (!number) continue;
      for (const uint32_t row : rows.rows_of(*number)) {
        if (segments_[s].Dead(row) || (dead_[s] && dead_[s]->Test(row))) continue;
        if (!dead_[s]) dead_[s] = segments_[s].dead();
        dead_[s]->Set(row);
        if (s < covered_) killed_.push_back(numbers_.Of(s, row));
        if (old == nullptr) continue;
        RowSource& source = old->emplace_back();
        source.ordinal = rows.ordinal(row);
        source.embedding = rows.embedding(row);
        source.norm = rows.norm(row);
        source.codes = rows.codes(row);
        source.code = rows.facts()[row].code;
        source.lists = ListsOf(s, row);
      }
    }
  }

  // Nothing if there are none, or those of another geometry.
  std::optional<KnownLists> ListsOf(size_t s, uint32_t row) const {
    const auto& known = segments_[s].lists();
    if (lists_ == nullptr || known == nullptr) return std::nullopt;
    if (known->geometry != lists_->geometry().revision()) return std::nullopt;
    if (s < covered_) return KnownLists{known->pairs[row], &lists_->part(), numbers_.Of(s, row)};
    return KnownLists{known->pairs[row], known->part.get(), row};
  }

  // Rows of the document that died before are as readable as those that die now.
  void Erase(std::string_view document) {
    if (Planted(Bug::kVectorsKept)) return;
    for (size_t s = 0; s < segments_.size(); ++s) {
      if (segments_[s].rows().Find(document)) erased_[s] = true;
    }
  }

  // Whose the dead rows were is not known.
  void Sweep() {
    for (size_t s = 0; s < segments_.size(); ++s) {
      if (dead_[s] || segments_[s].live() < segments_[s].rows().size()) erased_[s] = true;
    }
  }

  void Stage(const DocumentChange& change, std::vector<RowSource> old) {
    std::sort(old.begin(), old.end(),
              [](const RowSource& a, const RowSource& b) { return a.ordinal < b.ordinal; });
    std::vector<RowSource> rows;
    rows.reserve(change.rows.size());
    for (const NewRow& row : change.rows) {
      RowSource source = {change.document, change.valid_from, change.valid_until,
                          row.ordinal,     row.class_id,      row.embedding,
                          std::nullopt,    change.number,     std::nullopt};
      if (change.kind == DocumentChange::Kind::kReclass) {
        const auto found = std::lower_bound(
            old.begin(), old.end(), row.ordinal,
            [](const RowSource& a, uint32_t ordinal) { return a.ordinal < ordinal; });
        CORDON_CHECK(found != old.end() && found->ordinal == row.ordinal);
        source.embedding = found->embedding;
        source.norm = found->norm;
        source.codes = found->codes;
        source.code = found->code;
        source.lists = found->lists;
      }
      rows.push_back(source);
    }
    const auto [place, added] = staged_of_.try_emplace(change.document, staged_.size());
    if (added) staged_.emplace_back();
    staged_[place->second] = std::move(rows);
  }

  std::vector<Segment> segments_;
  const Lists* const lists_;
  const size_t covered_;
  const RowNumbers numbers_;
  std::vector<uint32_t> killed_;
  std::vector<std::optional<Bitmap>> dead_;     // by segment; what this version adds included
  std::vector<bool> erased_;                    // by segment
  std::vector<std::vector<RowSource>> staged_;  // by document; empty if taken back
  std::unordered_map<std::string_view, size_t> staged_of_;  // by id, into staged_
};

// Which segments are to be written anew: those that hold what was erased, and those of which more
// than half is dead, as far as `rows_max` rows of copying go. Not the frozen, which upkeep sees to.
std::vector<bool> ToRewrite(std::span<const Segment> segments, size_t rows_max) {
  std::vector<bool> rewrite(segments.size(), false);
  size_t copied = 0;
  for (size_t s = 0; s < segments.size(); ++s) {
    if (segments[s].frozen()) continue;
    rewrite[s] = segments[s].erasures() > 0;
    const bool half_dead = segments[s].live() < (segments[s].rows().size() + 1) / 2;
    if (!half_dead || copied + segments[s].live() > rows_max) continue;
    copied += segments[s].live();
    rewrite[s] = true;
  }
  return rewrite;
}

// A row that keeps its vector, whatever else changes of it, comes with its norm.
uint64_t NewVectors(std::span<const RowSource> staged) {
  return static_cast<uint64_t>(
      std::count_if(staged.begin(), staged.end(), [](const RowSource& row) { return !row.norm; }));
}

}  // namespace

void VectorIndex::AppendSegments(std::vector<RowSource> rows, const Geometry* geometry,
                                 const std::function<bool()>& stop,
                                 std::vector<Segment>& segments) const {
  const size_t parts = (rows.size() + RowsMax() - 1) / RowsMax();
  if (parts > 1) {
    std::stable_sort(rows.begin(), rows.end(), [](const RowSource& a, const RowSource& b) {
      return a.class_id < b.class_id;
    });
  }
  for (size_t part = 0; part < parts; ++part) {
    const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() * part / parts);
    const auto end = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() * (part + 1) / parts);
    if (stop && stop()) return;
    std::vector<std::optional<KnownLists>> known;
    Segment segment(SegmentRows::Build(dimension_, std::vector<RowSource>(begin, end), &known));
    if (geometry != nullptr) {
      const auto lists = ListAlone(*geometry, segment.rows(), known, stop);
      if (lists == nullptr) return;
      segment = segment.With(lists);
    }
    segments.push_back(std::move(segment));
  }
}

VectorIndex VectorIndex::Apply(std::span<const DocumentChange> changes) const {
  const uint64_t geometry = lists_ == nullptr ? 0 : lists_->geometry().revision();
  NextVersion next(*segments_, lists_.get(), numbers());
  for (const DocumentChange& change : changes) next.Change(change);
  const std::vector<RowSource> staged = next.TakeStaged();
  const std::vector<Segment> old = next.TakeSegments();
  const std::vector<bool> rewrite = ToRewrite(old, RowsMax());

  std::vector<Segment> segments;
  for (const Segment& segment : old) {
    if (segment.frozen()) segments.push_back(segment);
  }
  const size_t frozen = segments.size();
  std::vector<size_t> pieces;  // live rows: the old segments, then what was staged
  for (size_t s = frozen; s < old.size(); ++s) pieces.push_back(old[s].live());
  if (!staged.empty()) pieces.push_back(staged.size());

  for (const std::vector<size_t>& group : PlanMerges(pieces, RowsMax())) {
    const size_t first = frozen + group[0];
    if (group.size() == 1 && first < old.size() && !rewrite[first]) {
      segments.push_back(old[first]);
      continue;
    }
    std::vector<RowSource> rows;
    for (const size_t piece : group) {
      if (frozen + piece < old.size()) {
        old[frozen + piece].AppendLive(geometry, rows);
      } else {
        rows.insert(rows.end(), staged.begin(), staged.end());
      }
    }
    AppendSegments(std::move(rows), lists_ == nullptr ? nullptr : &lists_->geometry(), {},
                   segments);
  }
  VectorIndex result = Next(std::move(segments), next.killed());
  result.changed_ += NewVectors(staged);
  if (lists_ != nullptr) {
    result.live_ = lists_->WithDead(live_, result.segments(), next.killed());
  }
  return result;
}

}  // namespace cordon
