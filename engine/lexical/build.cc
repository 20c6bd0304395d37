// LexicalRows out of texts, and out of the live rows of other segments.
#include <algorithm>
#include <bit>
#include <tuple>
#include <utility>

#include "engine/base/check.h"
#include "engine/lexical/segment.h"

namespace cordon {

// Takes the rows in their order, then their postings in any order, and puts each in its place.
class LexicalRowsBuilder {
 public:
  LexicalRowsBuilder() : rows_(std::make_shared<LexicalRows>()) { rows_->slots_.resize(1024); }

  // Makes room for about so many: what grows by doubling is copied each time.
  void Reserve(size_t terms, size_t postings) {
    rows_->slots_.resize(std::max(rows_->slots_.size(), std::bit_ceil(2 * terms + 1)));
    flat_.reserve(postings);
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

  // The place of a term among those that there are so far.
  uint32_t Intern(std::string_view text, uint32_t hash) {
    if (rows_->terms_.size() * 2 >= rows_->slots_.size()) Grow();
    uint32_t& slot = SlotOf(text, hash);
    if (slot == 0) {
      rows_->terms_.push_back({hash, static_cast<uint32_t>(rows_->text_.size()), 0, 0, 0});
      rows_->text_.append(text);
      counts_.push_back(0);
      slot = static_cast<uint32_t>(rows_->terms_.size());
    }
    return slot - 1;
  }

  void AddPosting(uint32_t term, uint32_t row, uint32_t count) {
    CORDON_CHECK(count <= UINT16_MAX);
    ++counts_[term];
    flat_.push_back({term, {static_cast<uint16_t>(row), static_cast<uint16_t>(count)}});
  }

  std::shared_ptr<const LexicalRows> Finish() {
    NumberRows();
    CORDON_CHECK(rows_->text_.size() <= UINT32_MAX);
    rows_->terms_.push_back({0, static_cast<uint32_t>(rows_->text_.size()), 0, 0, 0});
    PlacePostings();
    for (size_t term = 0; term < rows_->terms(); ++term) Complete(term);
    rows_->text_.shrink_to_fit();
    rows_->terms_.shrink_to_fit();
    return std::move(rows_);
  }

 private:
  struct Flat {
    uint32_t term;
    Posting posting;
  };

  std::string_view TextOf(size_t term) const {
    const size_t begin = rows_->terms_[term].text;
    const size_t end =
        term + 1 < rows_->terms_.size() ? rows_->terms_[term + 1].text : rows_->text_.size();
    return std::string_view(rows_->text_).substr(begin, end - begin);
  }

  uint32_t& SlotOf(std::string_view text, uint32_t hash) {
    const size_t mask = rows_->slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      uint32_t& slot = rows_->slots_[at];
      if (slot == 0) return slot;
      if (rows_->terms_[slot - 1].hash == hash && TextOf(slot - 1) == text) return slot;
    }
  }

  void Grow() {
    rows_->slots_.assign(rows_->slots_.size() * 2, 0);
    const size_t mask = rows_->slots_.size() - 1;
    for (size_t term = 0; term < rows_->terms_.size(); ++term) {
      size_t at = rows_->terms_[term].hash & mask;
      while (rows_->slots_[at] != 0) at = (at + 1) & mask;
      rows_->slots_[at] = static_cast<uint32_t>(term + 1);
    }
  }

  void NumberRows() {
    const auto& keys = rows_->keys_;
    auto& order = rows_->by_number_;
    order.resize(keys.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return std::tie(keys[a].document, keys[a].ordinal) <
             std::tie(keys[b].document, keys[b].ordinal);
    });
    for (size_t i = 1; i < order.size(); ++i) {
      const auto& a = keys[order[i - 1]];
      const auto& b = keys[order[i]];
      CORDON_CHECK(a.document != b.document || a.ordinal < b.ordinal);
    }
  }

  void PlacePostings() {
    CORDON_CHECK(flat_.size() <= UINT32_MAX);
    uint32_t begin = 0;
    for (size_t term = 0; term < counts_.size(); ++term) {
      rows_->terms_[term].postings = begin;
      begin += std::exchange(counts_[term], begin);
    }
    rows_->terms_.back().postings = begin;
    rows_->postings_.resize(begin);
    for (const Flat& flat : flat_) rows_->postings_[counts_[flat.term]++] = flat.posting;
  }

  // Of some segments each gave its rows in order.
  void Complete(size_t term) {
    LexicalRows::Term& entry = rows_->terms_[term];
    const auto begin = rows_->postings_.begin() + entry.postings;
    const auto end = rows_->postings_.begin() + rows_->terms_[term + 1].postings;
    SortRuns(begin, end);
    uint32_t length_min = UINT16_MAX;
    for (auto posting = begin; posting != end; ++posting) {
      entry.count_max = std::max(entry.count_max, posting->count);
      length_min = std::min(length_min, rows_->lengths_[posting->row]);
    }
    entry.length_min = static_cast<uint16_t>(length_min);
  }

  // By row: runs are merged, of few postings all sorted at once.
  template <typename Place>
  void SortRuns(Place begin, Place end) {
    constexpr std::ptrdiff_t kFew = 64;
    const auto by_row = [](const Posting& a, const Posting& b) { return a.row < b.row; };
    for (Place sorted = std::is_sorted_until(begin, end, by_row); sorted != end;) {
      if (end - begin < kFew) return std::sort(begin, end, by_row);
      const Place next = std::is_sorted_until(sorted, end, by_row);
      std::inplace_merge(begin, sorted, next, by_row);
      sorted = next;
    }
  }

  std::shared_ptr<LexicalRows> rows_;
  std::vector<Flat> flat_;
  std::vector<uint32_t> counts_;  // postings by term; then where the next one goes
};

std::shared_ptr<const LexicalRows> LexicalRows::Build(std::vector<LexicalSource> sources) {
  CORDON_CHECK(!sources.empty());
  std::sort(sources.begin(), sources.end(), [](const LexicalSource& a, const LexicalSource& b) {
    return std::tie(a.class_id, a.document, a.ordinal) <
           std::tie(b.class_id, b.document, b.ordinal);
  });
  LexicalRowsBuilder builder;
  for (uint32_t row = 0; row < sources.size(); ++row) {
    const TermCounts& terms = *sources[row].terms;
    builder.AddRow(sources[row], terms.length(), WeightOf(terms));
    for (size_t i = 0; i < terms.size(); ++i) {
      builder.AddPosting(builder.Intern(terms[i].text, terms[i].hash), row, terms[i].count);
    }
  }
  return builder.Finish();
}

namespace {

constexpr uint32_t kNoRow = UINT32_MAX;

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

// Some rows as one segment.
LexicalSegment Gathered(std::span<const LexicalSegment> segments,
                        std::span<const SegmentRow> some) {
  LexicalRowsBuilder builder;
  std::vector<std::vector<uint32_t>> places(segments.size());  // of the rows of those that have any
  for (size_t i = 0; i < some.size(); ++i) {
    const auto& [source, s, row] = some[i];
    const LexicalRows& rows = segments[s].rows();
    builder.AddRow(source, rows.length(row), rows.weight(row));
    if (places[s].empty()) places[s].assign(rows.size(), kNoRow);
    places[s][row] = static_cast<uint32_t>(i);
  }
  size_t terms = 0, postings = 0, from = 0;
  for (size_t s = 0; s < segments.size(); ++s) {
    if (places[s].empty()) continue;
    terms = std::max(terms, segments[s].rows().terms());
    postings += segments[s].rows().all_postings();
    from += segments[s].rows().size();
  }
  const double part = static_cast<double>(some.size()) / static_cast<double>(from);
  builder.Reserve(static_cast<size_t>(part * static_cast<double>(terms)),
                  static_cast<size_t>(part * static_cast<double>(postings)));
  for (size_t s = 0; s < segments.size(); ++s) {
    if (places[s].empty()) continue;
    segments[s].rows().ForEachTerm(
        [&](std::string_view text, uint32_t hash, std::span<const Posting> postings) {
          std::optional<uint32_t> term;
          for (const Posting& posting : postings) {
            const uint32_t place = places[s][posting.row];
            if (place == kNoRow) continue;
            if (!term) term = builder.Intern(text, hash);
            builder.AddPosting(*term, place, posting.count);
          }
        });
  }
  return LexicalSegment(builder.Finish());
}

}  // namespace

std::vector<LexicalSegment> GatherRows(std::span<const LexicalSegment> segments,
                                       std::vector<SegmentRow> rows, size_t weight_max) {
  std::sort(rows.begin(), rows.end(), [](const SegmentRow& a, const SegmentRow& b) {
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
