#include "engine/lexical/lexical_index.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/in_slices.h"
#include "engine/base/planted.h"
#include "engine/index/compaction.h"

namespace cordon {
namespace {

// Whether the segment must be written anew for an erasure, dead rows and all.
bool HoldsErased(const LexicalSegment& segment, const LexicalChange& change) {
  if (change.kind == LexicalChange::Kind::kSweep) return segment.dead() != nullptr;
  if (change.kind != LexicalChange::Kind::kErase || Planted(Bug::kWordsKept)) return false;
  return !segment.rows().rows_of(change.document).empty() ||
         (change.renumbered && segment.dead() != nullptr);
}

// What the changes of one document leave: of its rows the last one tells.
struct Outcome {
  const LexicalChange* last;
  const LexicalChange* words;  // the kReplace that they come with; null: those of the index, if any
};
using Outcomes = std::unordered_map<uint32_t, Outcome>;  // by document

bool Goes(const LexicalChange& change) {
  return change.kind == LexicalChange::Kind::kRemove || change.kind == LexicalChange::Kind::kErase;
}

Outcomes OutcomesOf(std::span<const LexicalChange> changes) {
  Outcomes outcomes;
  for (const LexicalChange& change : changes) {
    if (change.kind == LexicalChange::Kind::kSweep) continue;
    const auto [place, first] = outcomes.try_emplace(change.document, Outcome{&change, nullptr});
    Outcome& outcome = place->second;
    if (change.kind == LexicalChange::Kind::kReclass) {
      CORDON_CHECK(first || !Goes(*outcome.last) || change.rows.empty());
    } else {
      outcome.words = change.kind == LexicalChange::Kind::kReplace ? &change : nullptr;
    }
    outcome.last = &change;
  }
  return outcomes;
}

// Null if the change has no such row.
const LexicalChange::Row* RowOf(const LexicalChange& change, uint32_t ordinal) {
  const auto found =
      std::lower_bound(change.rows.begin(), change.rows.end(), ordinal,
                       [](const auto& row, uint32_t wanted) { return row.ordinal < wanted; });
  return found == change.rows.end() || found->ordinal != ordinal ? nullptr : &*found;
}

LexicalSource SourceOf(const LexicalChange& change, const LexicalChange::Row& row,
                       const TermCounts* terms) {
  return {change.document, row.ordinal, row.class_id, change.valid_from, change.valid_until, terms};
}

// The rows of the index that keep their words, as they are from now on.
class MovedRows {
 public:
  explicit MovedRows(const Outcomes& outcomes) : outcomes_(outcomes) {
    for (const auto& [document, outcome] : outcomes) {
      if (Moves(outcome)) wanted_ += outcome.last->rows.size();
    }
  }

  // Tells of a live row of segment `s` that is going.
  void Add(const LexicalRows& rows, uint32_t s, uint32_t row) {
    const Outcome& outcome = outcomes_.at(rows.document(row));
    if (!Moves(outcome)) return;
    const LexicalChange::Row* const next = RowOf(*outcome.last, rows.ordinal(row));
    if (next != nullptr) moved_.push_back({SourceOf(*outcome.last, *next, nullptr), s, row});
  }

  std::vector<SegmentRow> Take() {
    CORDON_CHECK(moved_.size() == wanted_);
    return std::move(moved_);
  }

 private:
  static bool Moves(const Outcome& outcome) {
    return outcome.last->kind == LexicalChange::Kind::kReclass && outcome.words == nullptr;
  }

  const Outcomes& outcomes_;
  size_t wanted_ = 0;
  std::vector<SegmentRow> moved_;
};

// Marks the rows of the changed documents dead; without the segments that are empty then. `rewrite`
// gets, for each that is left, whether it holds rows that must not stay.
std::vector<LexicalSegment> WithoutChanged(std::span<const LexicalSegment> segments,
                                           std::span<const LexicalChange> changes,
                                           std::vector<bool>* rewrite, MovedRows* moved) {
  std::vector<LexicalSegment> rest;
  for (uint32_t s = 0; s < segments.size(); ++s) {
    const LexicalSegment& segment = segments[s];
    std::optional<Bitmap> dead;
    bool erased = false;
    for (const LexicalChange& change : changes) {
      erased = erased || HoldsErased(segment, change) ||
               (change.kind == LexicalChange::Kind::kSweep && dead);
      if (!change.may_exist || change.kind == LexicalChange::Kind::kSweep) continue;
      for (const uint32_t row : segment.rows().rows_of(change.document)) {
        if (segment.Dead(row) || (dead && dead->Test(row))) continue;
        if (!dead) dead = segment.CopyDead();
        dead->Set(row);
        moved->Add(segment.rows(), s, row);
      }
    }
    rest.push_back(dead ? segment.WithDead(*std::move(dead)) : segment);
    rewrite->push_back(erased);
    if (rest.back().live() > 0) continue;
    rest.pop_back();
    rewrite->pop_back();
  }
  return rest;
}

// The rows that come with their words.
std::vector<LexicalSource> NewRows(const Outcomes& outcomes) {
  std::vector<LexicalSource> rows;
  for (const auto& [document, outcome] : outcomes) {
    if (outcome.words == nullptr) continue;
    for (const auto& row : outcome.last->rows) {
      const LexicalChange::Row* const with_words = RowOf(*outcome.words, row.ordinal);
      CORDON_CHECK(with_words != nullptr);
      rows.push_back(SourceOf(*outcome.last, row, with_words->terms));
    }
  }
  return rows;
}

// Adds to `rewrite` the segments of which more than half is dead, as far as `weight_max` goes.
void AddHalfDead(std::span<const LexicalSegment> segments, size_t weight_max,
                 std::vector<bool>* rewrite) {
  size_t copied = 0;
  for (size_t s = 0; s < segments.size(); ++s) {
    const bool half_dead = segments[s].live() < (segments[s].rows().size() + 1) / 2;
    if (!half_dead || copied + segments[s].live_weight() > weight_max) continue;
    copied += segments[s].live_weight();
    (*rewrite)[s] = true;
  }
}

// Full segments of the rows, and what is left over.
std::vector<LexicalSegment> SegmentsOf(std::span<const LexicalSource> rows, size_t weight_max) {
  std::vector<LexicalSegment> segments;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin, weight = 0;
    for (; end < rows.size(); ++end) {
      weight += WeightOf(*rows[end].terms);
      if (end > begin && weight > weight_max) break;
    }
    const auto some = rows.subspan(begin, end - begin);
    segments.emplace_back(LexicalRows::Build({some.begin(), some.end()}));
    begin = end;
  }
  return segments;
}

}  // namespace

LexicalIndex::LexicalIndex(Language language, Bm25 parameters, size_t weight_max)
    : language_(language),
      parameters_(parameters),
      weight_max_(weight_max),
      segments_(std::make_shared<const std::vector<LexicalSegment>>()) {
  CORDON_CHECK(weight_max >= 2 && weight_max <= kLexicalRowsMax);
}

LexicalIndex LexicalIndex::Apply(std::span<const LexicalChange> changes) const {
  const Outcomes outcomes = OutcomesOf(changes);
  MovedRows moved(outcomes);
  std::vector<bool> rewrite;
  std::vector<LexicalSegment> all = WithoutChanged(*segments_, changes, &rewrite, &moved);
  AddHalfDead(all, weight_max_, &rewrite);
  for (LexicalSegment& segment : SegmentsOf(NewRows(outcomes), weight_max_)) {
    all.push_back(std::move(segment));
  }
  for (LexicalSegment& segment : GatherRows(*segments_, moved.Take(), weight_max_)) {
    all.push_back(std::move(segment));
  }
  std::vector<size_t> live;
  for (const LexicalSegment& segment : all) live.push_back(segment.live_weight());
  std::vector<LexicalSegment> merged;
  for (const std::vector<size_t>& group : PlanMerges(live, weight_max_)) {
    const size_t first = group.front();
    if (group.size() == 1 && (first >= rewrite.size() || !rewrite[first])) {
      merged.push_back(all[first]);
      continue;
    }
    std::vector<LexicalSegment> pieces;
    for (const size_t piece : group) pieces.push_back(all[piece]);
    for (LexicalSegment& segment : MergeSegments(pieces, weight_max_)) {
      merged.push_back(std::move(segment));
    }
  }
  LexicalIndex result = *this;
  result.segments_ = std::make_shared<const std::vector<LexicalSegment>>(std::move(merged));
  return result;
}

StatusOr<LexicalSearch::Result> LexicalIndex::Search(const AllowedSet& allowed,
                                                     const DocumentNumbers& documents,
                                                     TextQuery query, size_t k,
                                                     const std::function<bool()>& stop) const {
  return LexicalSearch(*segments_, documents, allowed, k, stop).Run(parameters_, std::move(query));
}

uint64_t LexicalIndex::rows() const {
  uint64_t rows = 0;
  for (const LexicalSegment& segment : *segments_) rows += segment.live();
  return rows;
}

uint64_t LexicalIndex::bytes() const {
  uint64_t bytes = 0;
  for (const LexicalSegment& segment : *segments_) bytes += segment.rows().bytes();
  return bytes;
}

void LexicalIndexBuilder::Add(Row row) {
  text_bytes_ += row.text.size();
  rows_.push_back(std::move(row));
  const bool full =
      rows_.size() == index_.weight_max_ || text_bytes_ >= index_.weight_max_ * kLexicalRowBytes;
  if (full) Seal();
}

void LexicalIndexBuilder::Take(Sealed sealed) {
  for (LexicalSegment& segment : sealed.get()) segments_.push_back(std::move(segment));
}

// What was added is taken apart on a thread of its own; no more of them at once than there are
// processors.
void LexicalIndexBuilder::Seal() {
  const size_t threads = Processors();
  if (sealing_.size() >= threads) {
    Take(std::move(sealing_.front()));
    sealing_.erase(sealing_.begin());
  }
  text_bytes_ = 0;
  sealing_.push_back(
      std::async(std::launch::async, [language = index_.language_, weight_max = index_.weight_max_,
                                      rows = std::exchange(rows_, {})] {
        std::vector<TermCounts> terms;
        terms.reserve(rows.size());
        std::vector<LexicalSource> sources;
        for (const Row& row : rows) {
          terms.push_back(CountTerms(language, row.text));
          sources.push_back({row.document, row.ordinal, row.class_id, row.valid_from,
                             row.valid_until, &terms.back()});
        }
        return SegmentsOf(sources, weight_max);
      }));
}

LexicalIndex LexicalIndexBuilder::Finish() {
  if (!rows_.empty()) Seal();
  for (Sealed& sealed : sealing_) Take(std::move(sealed));
  index_.segments_ = std::make_shared<const std::vector<LexicalSegment>>(std::move(segments_));
  return std::move(index_);
}

}  // namespace cordon
