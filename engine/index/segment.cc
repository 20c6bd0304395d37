#include "engine/index/segment.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <tuple>

#include "engine/base/check.h"
#include "engine/index/list_part.h"
#include "engine/index/score.h"

namespace cordon {
namespace {

// Two bits in 16 a document: about one look-up in 70 searches the ids for nothing.
constexpr size_t kFilterBitsPerDocument = 16;

struct FilterBits {
  size_t first;
  size_t second;
};

// Each half of the hash as a part of 2^32, and of `size`: a division would cost more than the rest.
FilterBits BitsOf(uint64_t hash, size_t size) {
  return {(hash & UINT32_MAX) * size >> 32, (hash >> 32) * size >> 32};
}

bool Before(const RowSource* a, const RowSource* b) {
  return std::tie(a->document, a->ordinal) < std::tie(b->document, b->ordinal);
}

// By (document, ordinal).
std::vector<const RowSource*> SortedByDocument(std::span<const RowSource> rows) {
  std::vector<const RowSource*> sorted;
  sorted.reserve(rows.size());
  for (const RowSource& row : rows) sorted.push_back(&row);
  std::sort(sorted.begin(), sorted.end(), Before);
  return sorted;
}

// The same of rows that lie in the order of the layout. Those of one class are in order then, and
// so are all once the classes are, where ids begin with what has a class, such as a folder.
std::vector<const RowSource*> SortedByClasses(std::span<const RowSource> rows) {
  std::vector<std::span<const RowSource>> classes;
  for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    while (end < rows.size() && rows[end].class_id == rows[begin].class_id) ++end;
    classes.push_back(rows.subspan(begin, end - begin));
  }
  std::sort(classes.begin(), classes.end(),
            [](const auto& a, const auto& b) { return Before(&a.front(), &b.front()); });
  std::vector<const RowSource*> sorted;
  sorted.reserve(rows.size());
  for (const auto& of_class : classes) {
    for (const RowSource& row : of_class) sorted.push_back(&row);
  }
  if (!std::is_sorted(sorted.begin(), sorted.end(), Before)) {
    std::sort(sorted.begin(), sorted.end(), Before);
  }
  return sorted;
}

// The places of rows in the order of documents, in the order of the layout.
std::vector<uint32_t> LayoutOf(std::span<const RowSource* const> by_document) {
  std::vector<uint32_t> order(by_document.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return by_document[a]->class_id < by_document[b]->class_id;
  });
  return order;
}

// The same of rows that lie in the order of the layout.
std::vector<uint32_t> LayoutOf(std::span<const RowSource* const> by_document,
                               std::span<const RowSource> rows) {
  std::vector<uint32_t> order(rows.size());
  for (uint32_t place = 0; place < by_document.size(); ++place) {
    order[static_cast<size_t>(by_document[place] - rows.data())] = place;
  }
  for (size_t row = 1; row < rows.size(); ++row) {
    CORDON_CHECK(rows[row - 1].class_id <= rows[row].class_id);
  }
  return order;
}

double FiniteNorm(const float* embedding, size_t dimension) {
  const double norm = Norm(embedding, dimension);
  CORDON_CHECK(std::isfinite(norm));
  return norm;
}

}  // namespace

std::shared_ptr<const SegmentRows> SegmentRows::Build(size_t dimension, std::vector<RowSource> rows,
                                                      ListsOfRows* lists) {
  return std::shared_ptr<const SegmentRows>(
      new SegmentRows(dimension, std::nullopt, std::nullopt, std::move(rows), lists));
}

std::shared_ptr<const SegmentRows> SegmentRows::BuildInPlace(size_t dimension, FloatRows floats,
                                                             std::vector<RowSource> rows,
                                                             std::optional<CodeRows> codes) {
  return std::shared_ptr<const SegmentRows>(
      new SegmentRows(dimension, std::move(floats), std::move(codes), std::move(rows), nullptr));
}

SegmentRows::SegmentRows(size_t dimension, std::optional<FloatRows> floats,
                         std::optional<CodeRows> codes, std::vector<RowSource> rows,
                         ListsOfRows* lists) {
  CORDON_CHECK(!rows.empty() && rows.size() <= UINT32_MAX);
  const bool copy = !floats;
  floats_ = copy ? FloatRows(rows.size(), dimension) : *std::move(floats);
  codes_ = codes ? *std::move(codes) : CodeRows(rows.size(), dimension);
  const std::vector<const RowSource*> by_document =
      copy ? SortedByDocument(rows) : SortedByClasses(rows);
  AddDocuments(by_document);
  AddValidity(by_document);
  AddRows(dimension, copy, by_document, copy ? LayoutOf(by_document) : LayoutOf(by_document, rows),
          lists);
  AddFilter();
  GiveBackRoom();
}

// Numbers the documents and lets each know where its rows begin.
void SegmentRows::AddDocuments(Sources by_document) {
  size_t id_bytes = 0;
  for (size_t i = 0; i < by_document.size(); ++i) {
    const RowSource& row = *by_document[i];
    if (i > 0 && by_document[i - 1]->document == row.document) {
      CORDON_CHECK(by_document[i - 1]->ordinal < row.ordinal);
      continue;
    }
    first_rows_.push_back(static_cast<uint32_t>(i));
    id_bytes += row.document.size();
    CORDON_CHECK(id_bytes <= UINT32_MAX);
    id_ends_.push_back(static_cast<uint32_t>(id_bytes));
    numbers_.push_back(row.number);
  }
  ids_.reserve(id_bytes);
  for (uint32_t first : first_rows_) ids_.append(by_document[first]->document);
  first_rows_.push_back(static_cast<uint32_t>(by_document.size()));
}

void SegmentRows::AddValidity(Sources by_document) {
  const auto bounded = [](const RowSource* row) {
    return row->valid_from != kAlways || row->valid_until != kNever;
  };
  if (std::none_of(by_document.begin(), by_document.end(), bounded)) return;
  valid_.reserve(documents());
  for (uint32_t d = 0; d < documents(); ++d) {
    const RowSource& row = *by_document[first_rows_[d]];
    valid_.push_back({row.valid_from, row.valid_until});
    if (row.valid_from != kAlways) events_.push_back({row.valid_from, d});
    if (row.valid_until != kNever) events_.push_back({row.valid_until, d});
  }
  std::sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
    return std::tie(a.time, a.document) < std::tie(b.time, b.document);
  });
}

// `order` has the places in `by_document`, by row.
void SegmentRows::AddRows(size_t dimension, bool copy, Sources by_document,
                          std::span<const uint32_t> order, ListsOfRows* lists) {
  const uint32_t n = static_cast<uint32_t>(by_document.size());
  std::vector<uint32_t> document_of(n);
  for (uint32_t d = 0; d < documents(); ++d) {
    for (uint32_t i = first_rows_[d]; i < first_rows_[d + 1]; ++i) document_of[i] = d;
  }
  facts_.resize(n);
  keys_.resize(n);
  document_rows_.resize(n);
  if (lists != nullptr) lists->resize(n);
  for (uint32_t row = 0; row < n; ++row) {
    const RowSource& source = *by_document[order[row]];
    if (copy) std::memcpy(floats_.row(row), source.embedding, dimension * sizeof(float));
    facts_[row].norm = source.norm ? *source.norm : FiniteNorm(floats_.row(row), dimension);
    if (source.codes == nullptr) {
      facts_[row].code = QuantiseRow(floats_.row(row), floats_.stride(), codes_.row(row));
    } else {
      const bool in_place = source.codes == codes_.row(row);
      if (!in_place) std::memcpy(codes_.row(row), source.codes, codes_.stride());
      facts_[row].code = source.code;
    }
    keys_[row] = {document_of[order[row]], source.ordinal, source.class_id};
    document_rows_[order[row]] = row;
    if (lists != nullptr) (*lists)[row] = source.lists;
    if (runs_.empty() || runs_.back().class_id != source.class_id) {
      runs_.push_back({source.class_id, row, row});
    }
    runs_.back().end = row + 1;
  }
}

void SegmentRows::AddFilter() {
  filter_ = Bitmap(documents() * kFilterBitsPerDocument);
  for (uint32_t d = 0; d < documents(); ++d) {
    const FilterBits bits = BitsOf(HashedId(id(d)).hash, filter_.size());
    filter_.Set(bits.first);
    filter_.Set(bits.second);
  }
}

// What grew by doubling keeps as much as it needs.
void SegmentRows::GiveBackRoom() {
  if (documents() == size()) first_rows_.clear();
  for (auto* const numbers : {&id_ends_, &numbers_, &first_rows_}) numbers->shrink_to_fit();
  runs_.shrink_to_fit();
}

std::span<const uint32_t> SegmentRows::rows_of(uint32_t document) const {
  if (first_rows_.empty()) return std::span(document_rows_).subspan(document, 1);
  return std::span(document_rows_)
      .subspan(first_rows_[document], first_rows_[document + 1] - first_rows_[document]);
}

std::optional<uint32_t> SegmentRows::Find(const HashedId& wanted) const {
  const FilterBits bits = BitsOf(wanted.hash, filter_.size());
  if (!filter_.Test(bits.first) || !filter_.Test(bits.second)) return std::nullopt;
  uint32_t low = 0;
  uint32_t high = documents();
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (id(middle) < wanted.id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == documents() || id(low) != wanted.id) return std::nullopt;
  return low;
}

uint64_t Segment::CountIn(uint32_t begin, uint32_t end, Micros now, DocumentFilter* filter) const {
  if (filter == nullptr && !Sparse()) return end - begin;
  if (filter == nullptr && !rows_->bounded()) return end - begin - dead_->CountIn(begin, end);
  uint64_t count = 0;
  for (uint32_t row = begin; row < end; ++row) count += Counts(row, now, filter) ? 1 : 0;
  return count;
}

Segment Segment::WithDead(Bitmap dead) const {
  CORDON_CHECK(dead.size() == rows_->size());
  Segment result = *this;
  result.live_ = rows_->size() - dead.Count();
  if (result.live_ != rows_->size()) result.dead_ = std::make_shared<const Bitmap>(std::move(dead));
  return result;
}

void Segment::AppendLive(uint64_t geometry, std::vector<RowSource>& out) const {
  const bool known = lists_ != nullptr && lists_->geometry == geometry;
  for (uint32_t d = 0; d < rows_->documents(); ++d) {
    for (uint32_t row : rows_->rows_of(d)) {
      if (Dead(row)) continue;
      out.push_back({rows_->id(d), rows_->valid_from(d), rows_->valid_until(d), rows_->ordinal(row),
                     rows_->class_id(row), rows_->embedding(row), rows_->norm(row),
                     rows_->number(d), std::nullopt, rows_->codes(row), rows_->facts()[row].code});
      if (known) out.back().lists = KnownLists{lists_->pairs[row], lists_->part.get(), row};
    }
  }
}

Micros Segment::NextEvent(Micros after) const {
  const auto events = rows_->events();
  auto event = std::upper_bound(
      events.begin(), events.end(), after,
      [](Micros time, const SegmentRows::Event& event) { return time < event.time; });
  // The rows of a document die together.
  while (event != events.end() && Dead(rows_->rows_of(event->document).front())) ++event;
  return event == events.end() ? kNever : event->time;
}

}  // namespace cordon
