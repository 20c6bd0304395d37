// LexicalRows out of texts, and out of the live rows of other segments.
#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/lexical/merge_runs.h"
#include "engine/lexical/segment.h"

namespace cordon {

// Takes the rows in their order, then the terms with how often they come, and puts each posting in
// its place.
class LexicalRowsBuilder {
 public:
  // Of about so many terms: a table that grows by doubling is filled each time.
  explicit LexicalRowsBuilder(size_t rows, size_t terms = 0)
      : rows_(std::make_shared<LexicalRows>()) {
    rows_->keys_.reserve(rows);
    rows_->lengths_.reserve(rows);
    rows_->weights_.reserve(rows);
    rows_->slots_ = TermSlots(terms);
  }

  // Rows come by (class, document, ordinal).
  void AddRow(const LexicalSource& row, uint32_t length, uint32_t weight) {
    const auto number = static_cast<uint32_t>(rows_->keys_.size());
    rows_->weight_ += weight;
    CORDON_CHECK(number == 0 || rows_->weight_ <= kLexicalRowsMax);
    rows_->keys_.push_back({row.document, row.ordinal, row.class_id});
    rows_->lengths_.push_back(length);
    rows_->weights_.push_back(weight);
    auto& runs = rows_->runs_;
    if (runs.empty() || runs.back().class_id != row.class_id) {
      runs.push_back({row.class_id, number, number, 0});
    }
    runs.back().end = number + 1;
    runs.back().words += length;
    if (row.valid_from != kAlways || row.valid_until != kNever) {
      rows_->bounded_.push_back({number, row.valid_from, row.valid_until});
    }
  }

  // The place of a term among those that there are so far. So many more postings of it will come.
  uint32_t Intern(std::string_view text, uint32_t hash, size_t postings) {
    const auto found = rows_->slots_.Find(hash, [&](uint32_t term) {
      return rows_->terms_[term].hash == hash && TextOf(term) == text;
    });
    const uint32_t term = found ? *found : Add(text, hash);
    rows_->terms_[term].postings += static_cast<uint32_t>(postings);
    return term;
  }

  // All terms are there; their postings follow, in any order.
  void MakeRoom() {
    CORDON_CHECK(rows_->text_.size() <= UINT32_MAX);
    rows_->terms_.push_back({0, static_cast<uint32_t>(rows_->text_.size()), 0, 0, 0});
    next_.reserve(rows_->terms_.size());
    uint64_t begin = 0;
    for (LexicalRows::Term& term : rows_->terms_) {
      next_.push_back(static_cast<uint32_t>(begin));
      begin += std::exchange(term.postings, static_cast<uint32_t>(begin));
    }
    CORDON_CHECK(begin <= UINT32_MAX);
    rows_->postings_.resize(begin);
  }

  // The next `n` postings of a term, to be written.
  std::span<Posting> Next(uint32_t term, size_t n) {
    const uint32_t begin = std::exchange(next_[term], next_[term] + static_cast<uint32_t>(n));
    return std::span(rows_->postings_).subspan(begin, n);
  }

  std::shared_ptr<const LexicalRows> Finish() {
    NumberRows();
    const std::vector<uint16_t> lengths = rows_->CutLengths();
    for (size_t term = 0; term < rows_->terms(); ++term) Complete(term, lengths);
    rows_->text_.shrink_to_fit();
    rows_->terms_.shrink_to_fit();
    return std::move(rows_);
  }

 private:
  std::string_view TextOf(size_t term) const {
    const size_t begin = rows_->terms_[term].text;
    const size_t end =
        term + 1 < rows_->terms_.size() ? rows_->terms_[term + 1].text : rows_->text_.size();
    return std::string_view(rows_->text_).substr(begin, end - begin);
  }

  uint32_t Add(std::string_view text, uint32_t hash) {
    const auto term = static_cast<uint32_t>(rows_->terms_.size());
    if (term == rows_->slots_.room()) Grow();
    rows_->terms_.push_back({hash, static_cast<uint32_t>(rows_->text_.size()), 0, 0, 0});
    rows_->text_.append(text);
    rows_->slots_.Put(hash, term);
    return term;
  }

  void Grow() {
    rows_->slots_ = TermSlots(rows_->terms_.size());
    for (uint32_t term = 0; term < rows_->terms_.size(); ++term) {
      rows_->slots_.Put(rows_->terms_[term].hash, term);
    }
  }

  void NumberRows() {
    const auto& keys = rows_->keys_;
    auto& order = rows_->by_number_;
    order.resize(keys.size());
    std::iota(order.begin(), order.end(), 0U);
    std::vector<uint32_t> left;
    MergeRuns(std::span(order), &left, [&](uint32_t a, uint32_t b) {
      return std::tie(keys[a].document, keys[a].ordinal) <
             std::tie(keys[b].document, keys[b].ordinal);
    });
    for (size_t i = 1; i < order.size(); ++i) {
      const auto& a = keys[order[i - 1]];
      const auto& b = keys[order[i]];
      CORDON_CHECK(a.document != b.document || a.ordinal < b.ordinal);
    }
  }

  // Orders a term's postings, of which each segment gave its own in order, and bounds them.
  void Complete(size_t term, std::span<const uint16_t> lengths) {
    LexicalRows::Term& entry = rows_->terms_[term];
    const uint32_t end = rows_->terms_[term + 1].postings;
    CORDON_CHECK(next_[term] == end);
    const auto postings = std::span(rows_->postings_).subspan(entry.postings, end - entry.postings);
    bool sorted = true;
    uint16_t last = 0, count_max = 0, length_min = UINT16_MAX;
    for (const Posting& posting : postings) {
      sorted &= posting.row >= last;
      last = posting.row;
      count_max = std::max(count_max, posting.count);
      length_min = std::min(length_min, lengths[posting.row]);
    }
    entry.count_max = count_max;
    entry.length_min = length_min;
    if (!sorted) SortByRow(postings);
  }

  void SortByRow(std::span<Posting> postings) {
    constexpr size_t kFew = 64;  // all sorted at once for less than it takes to find their runs
    const auto by_row = [](const Posting& a, const Posting& b) { return a.row < b.row; };
    if (postings.size() < kFew) {
      std::sort(postings.begin(), postings.end(), by_row);
    } else {
      MergeRuns(postings, &left_, by_row);
    }
  }

  std::shared_ptr<LexicalRows> rows_;
  std::vector<uint32_t> next_;  // where the next posting of a term goes
  std::vector<Posting> left_;
};

namespace {

Posting PostingOf(uint32_t row, uint32_t count) {
  CORDON_CHECK(count <= UINT16_MAX);
  return {static_cast<uint16_t>(row), static_cast<uint16_t>(count)};
}

}  // namespace

std::shared_ptr<const LexicalRows> LexicalRows::Build(std::vector<LexicalSource> sources) {
  CORDON_CHECK(!sources.empty());
  std::sort(sources.begin(), sources.end(), [](const LexicalSource& a, const LexicalSource& b) {
    return std::tie(a.class_id, a.document, a.ordinal) <
           std::tie(b.class_id, b.document, b.ordinal);
  });
  LexicalRowsBuilder builder(sources.size());
  std::vector<uint32_t> places;  // of the terms of one row after the other
  for (const LexicalSource& source : sources) {
    const TermCounts& terms = *source.terms;
    builder.AddRow(source, terms.length(), WeightOf(terms));
    for (size_t i = 0; i < terms.size(); ++i) {
      places.push_back(builder.Intern(terms[i].text, terms[i].hash, 1));
    }
  }
  builder.MakeRoom();
  auto place = places.begin();
  for (uint32_t row = 0; row < sources.size(); ++row) {
    const TermCounts& terms = *sources[row].terms;
    for (size_t i = 0; i < terms.size(); ++i) {
      builder.Next(*place++, 1)[0] = PostingOf(row, terms[i].count);
    }
  }
  return builder.Finish();
}

namespace {

std::vector<SegmentRow> LiveRows(std::span<const LexicalSegment> segments) {
  std::vector<SegmentRow> live;
  for (uint32_t s = 0; s < segments.size(); ++s) {
    const LexicalRows& rows = segments[s].rows();
    auto bounded = rows.bounded().begin();
    for (uint32_t row = 0; row < rows.size(); ++row) {
      LexicalSource source{rows.document(row), rows.ordinal(row), rows.class_id(row)};
      if (bounded != rows.bounded().end() && bounded->row == row) {
        source.valid_from = bounded->from;
        source.valid_until = bounded->until;
        ++bounded;
      }
      if (!segments[s].Dead(row)) live.push_back({source, s, row});
    }
  }
  return live;
}

// The rows of one segment that are gathered: their terms first, then their postings.
class Gathering {
 public:
  explicit Gathering(const LexicalRows& rows) : rows_(rows), places_(rows.size(), kNoRow) {}

  void Place(uint32_t row, size_t place) {
    places_[row] = static_cast<uint16_t>(place);
    ++placed_;
  }

  // About how many terms they have.
  size_t Terms() const { return rows_.terms() * placed_ / rows_.size(); }

  void Intern(LexicalRowsBuilder* builder) {
    terms_.reserve(rows_.terms());
    rows_.ForEachTerm([&](std::string_view text, uint32_t hash, std::span<const Posting> postings) {
      const size_t n = Placed(postings);
      terms_.push_back({n == 0 ? 0 : builder->Intern(text, hash, n), static_cast<uint32_t>(n)});
    });
  }

  void AddPostings(LexicalRowsBuilder* builder) const {
    auto term = terms_.begin();
    rows_.ForEachTerm([&](std::string_view, uint32_t, std::span<const Posting> postings) {
      const auto [place, n] = *term++;
      if (n == 0) return;
      const std::span<Posting> to = builder->Next(place, n);
      size_t i = 0;
      for (const Posting& posting : postings) {
        const uint16_t row = places_[posting.row];
        if (row != kNoRow) to[i++] = {row, posting.count};
      }
    });
  }

 private:
  struct Term {
    uint32_t place;  // among the gathered ones
    uint32_t postings;
  };

  static constexpr uint16_t kNoRow = UINT16_MAX;
  static_assert(kLexicalRowsMax <= kNoRow);

  size_t Placed(std::span<const Posting> postings) const {
    if (placed_ == rows_.size()) return postings.size();
    return static_cast<size_t>(
        std::count_if(postings.begin(), postings.end(),
                      [&](const Posting& posting) { return places_[posting.row] != kNoRow; }));
  }

  const LexicalRows& rows_;
  std::vector<uint16_t> places_;  // by row
  size_t placed_ = 0;
  std::vector<Term> terms_;
};

// Some rows as one segment.
LexicalSegment Gathered(std::span<const LexicalSegment> segments,
                        std::span<const SegmentRow> some) {
  std::vector<std::optional<Gathering>> parts(segments.size());  // of the segments that have any
  size_t terms = 0;
  for (size_t i = 0; i < some.size(); ++i) {
    auto& part = parts[some[i].segment];
    if (!part) part.emplace(segments[some[i].segment].rows());
    part->Place(some[i].row, i);
  }
  for (const auto& part : parts) terms = std::max(terms, part ? part->Terms() : 0);
  LexicalRowsBuilder builder(some.size(), terms);
  for (const auto& [source, s, row] : some) {
    const LexicalRows& rows = segments[s].rows();
    builder.AddRow(source, rows.length(row), rows.weight(row));
  }
  for (auto& part : parts) {
    if (part) part->Intern(&builder);
  }
  builder.MakeRoom();
  for (const auto& part : parts) {
    if (part) part->AddPostings(&builder);
  }
  return LexicalSegment(builder.Finish());
}

}  // namespace

std::vector<LexicalSegment> GatherRows(std::span<const LexicalSegment> segments,
                                       std::vector<SegmentRow> rows, size_t weight_max) {
  std::vector<SegmentRow> left;
  MergeRuns(std::span(rows), &left, [](const SegmentRow& a, const SegmentRow& b) {
    return std::tie(a.source.class_id, a.source.document, a.source.ordinal) <
           std::tie(b.source.class_id, b.source.document, b.source.ordinal);
  });
  const auto weight_of = [&](const SegmentRow& row) {
    return segments[row.segment].rows().weight(row.row);
  };
  size_t weight = 0;
  for (const SegmentRow& row : rows) weight += weight_of(row);
  const size_t parts = (weight + weight_max - 1) / weight_max;
  std::vector<LexicalSegment> gathered;
  size_t done = 0;  // the weight of what is gathered
  for (size_t begin = 0; begin < rows.size();) {
    // The parts' ends are where the weight would be shared out evenly, or before, if it is too
    // much.
    const size_t share = weight * (gathered.size() + 1) / parts;
    size_t end = begin, here = 0;
    while (end < rows.size() &&
           (end == begin || (done + here < share && here + weight_of(rows[end]) <= weight_max))) {
      here += weight_of(rows[end++]);
    }
    gathered.push_back(Gathered(segments, std::span(rows).subspan(begin, end - begin)));
    done += here;
    begin = end;
  }
  return gathered;
}

std::vector<LexicalSegment> MergeSegments(std::span<const LexicalSegment> segments,
                                          size_t weight_max) {
  return GatherRows(segments, LiveRows(segments), weight_max);
}

}  // namespace cordon
