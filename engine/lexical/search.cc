#include "engine/lexical/search.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted.h"
#include "engine/base/stop.h"

namespace cordon {
namespace {

// With so many rows or fewer it may pay to look for each of them.
constexpr size_t kFewRows = 2048;
// To look for a row is as dear as to test some postings.
constexpr size_t kLookCost = 16;

// Rounding of a rough score: each of its terms adds two operations in float, and the sum is rounded
// once more for each.
double SlackOf(size_t terms) {
  return static_cast<double>(terms + 8) * std::numeric_limits<float>::epsilon();
}

const Posting* FindRow(std::span<const Posting> postings, uint32_t row) {
  const auto found = std::lower_bound(
      postings.begin(), postings.end(), row,
      [](const Posting& posting, uint32_t wanted) { return posting.row < wanted; });
  return found != postings.end() && found->row == row ? &*found : nullptr;
}

}  // namespace

void PermittedRows::Add(const LexicalRows::Run& run) {
  size_ += run.end - run.begin;
  words_ += run.words;
  for (uint32_t row = run.begin; row < run.end;) {
    const uint32_t end = std::min(run.end, (row / 64 + 1) * 64);
    const uint64_t ones = ~uint64_t{0} >> (64 - (end - row));
    mask_[row / 64] |= ones << (row % 64);
    row = end;
  }
}

void PermittedRows::Remove(const LexicalRows& rows, uint32_t row) {
  if (!Test(row)) return;
  mask_[row / 64] &= ~(uint64_t{1} << (row % 64));
  --size_;
  words_ -= rows.length(row);
}

void PermittedRows::Find(const LexicalSegment& segment) {
  const LexicalRows& rows = segment.rows();
  of_ = rows.size();
  size_ = 0;
  words_ = 0;
  few_.clear();
  mask_.assign((of_ + 63) / 64, 0);
  runs_.ForEachOf(rows.runs(), [&](const LexicalRows::Run& run) {
    Add(run);
    return true;
  });
  if (size_ == 0) return;
  if (segment.dead() != nullptr) {
    const auto dead = segment.dead()->words();
    for (size_t w = 0; w < mask_.size(); ++w) {
      for (uint64_t word = mask_[w] & dead[w]; word != 0; word &= word - 1) {
        Remove(rows, static_cast<uint32_t>(w * 64) + static_cast<uint32_t>(std::countr_zero(word)));
      }
    }
  }
  for (const LexicalRows::Bounded& bounded : rows.bounded()) {
    const bool valid = bounded.from <= allowed_.now && allowed_.now < bounded.until;
    if (!valid) Remove(rows, bounded.row);
  }
  const bool few = size_ <= kFewRows && size_ < of_;
  if (!few && allowed_.filter == nullptr) return;
  for (size_t w = 0; w < mask_.size(); ++w) {
    for (uint64_t word = mask_[w]; word != 0; word &= word - 1) {
      const auto row =
          static_cast<uint32_t>(w * 64) + static_cast<uint32_t>(std::countr_zero(word));
      if (allowed_.filter != nullptr && !allowed_.filter->Admits(rows.document(row))) {
        Remove(rows, row);
      } else if (few_.size() <= kFewRows) {
        few_.push_back(static_cast<uint16_t>(row));
      }
    }
  }
}

std::span<const Posting> PermittedRows::Among(std::span<const Posting> all,
                                              std::vector<Posting>* found) const {
  if (size_ == of_) return all;
  const size_t first = found->size();
  if (few_.size() == size_ && size_ * kLookCost < all.size()) {
    auto rest = all.begin();
    for (const uint16_t row : few_) {
      rest = std::lower_bound(rest, all.end(), row, [](const Posting& posting, uint16_t wanted) {
        return posting.row < wanted;
      });
      if (rest == all.end()) break;
      if (rest->row == row) found->push_back(*rest);
    }
  } else {
    found->resize(first + all.size());
    Posting* next = found->data() + first;
    for (const Posting& posting : all) {
      *next = posting;
      next += Test(posting.row) ? 1 : 0;
    }
    found->resize(static_cast<size_t>(next - found->data()));
  }
  return std::span(*found).subspan(first);
}

LexicalSearch::LexicalSearch(std::span<const LexicalSegment> segments,
                             const DocumentNumbers& documents, const AllowedSet& allowed, size_t k,
                             const std::function<bool()>& stop)
    : segments_(segments), documents_(documents), allowed_(allowed), k_(k), stop_(stop) {
  CORDON_CHECK(k >= 1);
}

StatusOr<LexicalSearch::Result> LexicalSearch::Run(const Bm25& parameters, TextQuery query) {
  for (const auto& term : query.terms) required_ |= term.required;
  Statistics statistics;
  statistics.document_frequency.resize(query.terms.size());
  RETURN_IF_ERROR(Gather(query, &statistics));
  Result result{{}, TextScorer(parameters, std::move(query), statistics)};
  size_t rows_max = 0;
  for (const Match& match : matches_) rows_max = std::max<size_t>(rows_max, match.rows->size());
  sums_.resize(rows_max);
  for (uint32_t i = 0; i < matches_.size(); ++i) {
    RETURN_IF_ERROR(CheckGoesOn(stop_));
    required_ ? ScoreRequired(i, result.scorer) : ScoreMatch(i, result.scorer);
  }
  std::sort(best_.begin(), best_.end(),
            [&](const Found& a, const Found& b) { return Better(a, b); });
  for (const Found& found : best_) {
    const LexicalRows& rows = *matches_[found.match].rows;
    result.hits.push_back({rows.document(found.row), rows.ordinal(found.row), found.score});
  }
  return result;
}

Status LexicalSearch::Gather(const TextQuery& query, Statistics* statistics) {
  PermittedRows permitted(allowed_);
  for (const LexicalSegment& segment : segments_) {
    RETURN_IF_ERROR(CheckGoesOn(stop_));
    permitted.Find(segment);
    const LexicalRows& rows = segment.rows();
    statistics->rows += permitted.size();
    statistics->words += permitted.words();
    if (permitted.size() == 0) continue;
    Match match{&rows, {}, {}};
    for (size_t term = 0; term < query.terms.size(); ++term) {
      const auto found = rows.Find(query.terms[term].text, query.terms[term].hash);
      if (!found) continue;
      List list{term, *found, match.own.size()};
      const auto among = permitted.Among(found->postings, &match.own);
      list.copied = match.own.size() > list.first;
      list.found.postings = among;
      statistics->document_frequency[term] +=
          Planted(Bug::kFrequenciesOfAll) ? found->postings.size() : among.size();
      if (!among.empty()) match.lists.push_back(list);
    }
    if (match.lists.empty()) continue;
    for (List& list : match.lists) {  // what was copied has been moved as more came
      if (!list.copied) continue;
      list.found.postings = std::span(match.own).subspan(list.first, list.found.postings.size());
    }
    matches_.push_back(std::move(match));
  }
  if (Planted(Bug::kLengthsOfAll)) {
    for (const LexicalSegment& segment : segments_) {
      for (const auto& run : segment.rows().runs()) statistics->words += run.words;
    }
  }
  return OkStatus();
}

size_t LexicalSearch::SortByMost(std::vector<List>* lists, double* weak) const {
  std::sort(lists->begin(), lists->end(),
            [](const List& a, const List& b) { return a.most < b.most; });
  const double slack = 1 + SlackOf(lists->size());
  double sum = 0;
  size_t count = 0;
  *weak = 0;
  for (; count < lists->size(); ++count) {
    sum += (*lists)[count].most;
    if (sum * slack >= floor()) break;
    *weak = sum;
  }
  return count;
}

void LexicalSearch::ScoreMatch(uint32_t number, const TextScorer& scorer) {
  const Match& match = matches_[number];
  std::vector<List> lists;
  for (List list : match.lists) {
    list.most = scorer.Part(list.term, list.found.count_max, list.found.length_min);
    if (scorer.weight(list.term) > 0) lists.push_back(list);
  }
  double weak = 0;
  const size_t first = SortByMost(&lists, &weak);
  if (first == lists.size()) return;
  const auto strong = std::span<const List>(lists).subspan(first);
  for (const List& list : strong) Accumulate(match, list, scorer);
  Harvest(strong);
  OfferBest(number, scorer, weak);
}

void LexicalSearch::Accumulate(const Match& match, const List& list, const TextScorer& scorer) {
  const auto weight = static_cast<float>(scorer.weight(list.term));
  const auto base = static_cast<float>(scorer.LengthNorm(0));
  const auto slope = static_cast<float>(scorer.LengthNorm(1) - scorer.LengthNorm(0));
  float* const sums = sums_.data();
  for (const Posting& posting : list.found.postings) {
    const auto count = static_cast<float>(posting.count);
    const auto length = static_cast<float>(match.rows->length(posting.row));
    sums[posting.row] += weight * count / (count + (base + slope * length));
  }
}

// Takes the sums of all rows that have one of `lists`, and leaves zeros.
void LexicalSearch::Harvest(std::span<const List> lists) {
  roughs_.clear();
  for (const List& list : lists) {
    for (const Posting& posting : list.found.postings) {
      const float sum = std::exchange(sums_[posting.row], 0.0F);
      if (sum > 0) roughs_.push_back({sum, posting.row});
    }
  }
}

void LexicalSearch::OfferBest(uint32_t number, const TextScorer& scorer, double weak) {
  const double slack = SlackOf(matches_[number].lists.size());
  double floor_here = 0;
  if (roughs_.size() > k_) {
    std::nth_element(roughs_.begin(), roughs_.begin() + static_cast<std::ptrdiff_t>(k_ - 1),
                     roughs_.end(),
                     [](const Rough& a, const Rough& b) { return a.score > b.score; });
    floor_here = roughs_[k_ - 1].score * (1 - slack);
  }
  for (const Rough& rough : roughs_) {
    const double high = (rough.score + weak) * (1 + slack);
    if (high < std::max(floor_here, floor())) continue;
    Offer({ExactScore(matches_[number], rough.row, scorer), number, rough.row});
  }
}

void LexicalSearch::ScoreRequired(uint32_t number, const TextScorer& scorer) {
  const Match& match = matches_[number];
  const auto& terms = scorer.query().terms;
  std::vector<const List*> required;
  for (const List& list : match.lists) {
    if (terms[list.term].required) required.push_back(&list);
  }
  const auto asked = std::count_if(terms.begin(), terms.end(),
                                   [](const TextQuery::Term& term) { return term.required; });
  if (required.size() < static_cast<size_t>(asked)) return;  // no row has them all
  std::sort(required.begin(), required.end(), [](const List* a, const List* b) {
    return a->found.postings.size() < b->found.postings.size();
  });
  for (const Posting& posting : required.front()->found.postings) {
    const bool all = std::all_of(required.begin() + 1, required.end(), [&](const List* list) {
      return FindRow(list->found.postings, posting.row) != nullptr;
    });
    if (all) Offer({ExactScore(match, posting.row, scorer), number, posting.row});
  }
}

double LexicalSearch::ExactScore(const Match& match, uint32_t row, const TextScorer& scorer) const {
  double score = 0;
  for (const List& list : match.lists) {
    const Posting* posting = FindRow(list.found.postings, row);
    if (posting != nullptr)
      score += scorer.Part(list.term, posting->count, match.rows->length(row));
  }
  return score;
}

bool LexicalSearch::Better(const Found& a, const Found& b) const {
  if (a.score != b.score) return a.score > b.score;
  const LexicalRows& a_rows = *matches_[a.match].rows;
  const LexicalRows& b_rows = *matches_[b.match].rows;
  const uint32_t a_document = a_rows.document(a.row), b_document = b_rows.document(b.row);
  if (a_document != b_document) return documents_.id(a_document) < documents_.id(b_document);
  return a_rows.ordinal(a.row) < b_rows.ordinal(b.row);
}

void LexicalSearch::Offer(const Found& found) {
  const auto better = [&](const Found& a, const Found& b) { return Better(a, b); };
  if (best_.size() == k_) {
    if (!Better(found, best_.front())) return;
    std::pop_heap(best_.begin(), best_.end(), better);
    best_.pop_back();
  }
  best_.push_back(found);
  std::push_heap(best_.begin(), best_.end(), better);
}

}  // namespace cordon
