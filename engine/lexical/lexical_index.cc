#include "engine/lexical/lexical_index.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted.h"
#include "engine/index/compaction.h"

namespace cordon {
namespace {

// Whether the segment must be written anew for an erasure, dead rows and all.
bool HoldsErased(const LexicalSegment& segment, const LexicalChange& change) {
  if (change.kind != LexicalChange::Kind::kErase || Planted(Bug::kWordsKept)) return false;
  return !segment.rows().rows_of(change.document).empty() ||
         (change.renumbered && segment.dead() != nullptr);
}

// Marks the rows of the changed documents dead; without the segments that are empty then. `rewrite`
// gets, for each that is left, whether it holds rows that must not stay.
std::vector<LexicalSegment> WithoutChanged(std::span<const LexicalSegment> segments,
                                           std::span<const LexicalChange> changes,
                                           std::vector<bool>* rewrite) {
  std::vector<LexicalSegment> rest;
  for (const LexicalSegment& segment : segments) {
    std::optional<Bitmap> dead;
    bool erased = false;
    for (const LexicalChange& change : changes) {
      erased = erased || HoldsErased(segment, change);
      if (!change.may_exist) continue;
      for (const uint32_t row : segment.rows().rows_of(change.document)) {
        if (segment.Dead(row)) continue;
        if (!dead) dead = segment.CopyDead();
        dead->Set(row);
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

// The rows that the changes leave: of a document's changes the last one counts.
std::vector<LexicalSource> NewRows(std::span<const LexicalChange> changes) {
  std::unordered_map<uint32_t, const LexicalChange*> last;
  for (const LexicalChange& change : changes) last[change.document] = &change;
  std::vector<LexicalSource> rows;
  for (const auto& [document, change] : last) {
    if (change->kind != LexicalChange::Kind::kReplace) continue;
    for (const auto& row : change->rows) {
      rows.push_back({document, row.ordinal, row.class_id, change->valid_from, change->valid_until,
                      row.terms});
    }
  }
  return rows;
}

// Adds to `rewrite` the segments of which more than half is dead, as far as `rows_max` rows go.
void AddHalfDead(std::span<const LexicalSegment> segments, size_t rows_max,
                 std::vector<bool>* rewrite) {
  size_t copied = 0;
  for (size_t s = 0; s < segments.size(); ++s) {
    const bool half_dead = segments[s].live() < (segments[s].rows().size() + 1) / 2;
    if (!half_dead || copied + segments[s].live() > rows_max) continue;
    copied += segments[s].live();
    (*rewrite)[s] = true;
  }
}

}  // namespace

LexicalIndex::LexicalIndex(Language language, Bm25 parameters, size_t rows_max)
    : language_(language),
      parameters_(parameters),
      rows_max_(rows_max),
      segments_(std::make_shared<const std::vector<LexicalSegment>>()) {
  CORDON_CHECK(rows_max >= 2 && rows_max <= kLexicalRowsMax);
}

LexicalIndex LexicalIndex::Apply(std::span<const LexicalChange> changes) const {
  std::vector<bool> rewrite;
  std::vector<LexicalSegment> all = WithoutChanged(*segments_, changes, &rewrite);
  AddHalfDead(all, rows_max_, &rewrite);
  std::vector<LexicalSource> rows = NewRows(changes);
  for (size_t begin = 0; begin < rows.size(); begin += rows_max_) {
    const auto from = rows.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto to =
        rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), begin + rows_max_));
    all.emplace_back(LexicalRows::Build({from, to}));
  }
  std::vector<size_t> live;
  for (const LexicalSegment& segment : all) live.push_back(segment.live());
  std::vector<LexicalSegment> merged;
  for (const std::vector<size_t>& group : PlanMerges(live, rows_max_)) {
    const size_t first = group.front();
    if (group.size() == 1 && (first >= rewrite.size() || !rewrite[first])) {
      merged.push_back(all[first]);
      continue;
    }
    std::vector<LexicalSegment> pieces;
    for (const size_t piece : group) pieces.push_back(all[piece]);
    for (LexicalSegment& segment : MergeSegments(pieces, rows_max_)) {
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
  rows_.push_back(std::move(row));
  if (rows_.size() == index_.rows_max_) Seal();
}

// Each segment is built on a thread of its own; no more of them at once than there are processors.
void LexicalIndexBuilder::Seal() {
  const size_t threads = std::max(1U, std::thread::hardware_concurrency());
  if (sealing_.size() >= threads) {
    segments_.emplace_back(sealing_.front().get());
    sealing_.erase(sealing_.begin());
  }
  sealing_.push_back(std::async(
      std::launch::async, [language = index_.language_, rows = std::exchange(rows_, {})] {
        std::vector<TermCounts> terms;
        terms.reserve(rows.size());
        std::vector<LexicalSource> sources;
        for (const Row& row : rows) {
          terms.push_back(CountTerms(language, row.text));
          sources.push_back({row.document, row.ordinal, row.class_id, row.valid_from,
                             row.valid_until, &terms.back()});
        }
        return LexicalRows::Build(std::move(sources));
      }));
}

LexicalIndex LexicalIndexBuilder::Finish() {
  if (!rows_.empty()) Seal();
  for (Sealed& sealed : sealing_) segments_.emplace_back(sealed.get());
  index_.segments_ = std::make_shared<const std::vector<LexicalSegment>>(std::move(segments_));
  return std::move(index_);
}

}  // namespace cordon
