#include "engine/view/file_rows.h"

#include <algorithm>
#include <utility>

#include "engine/base/planted.h"
#include "engine/index/bitmap.h"

namespace cordon {

// A set of bits has its numbers in order. Most files are of documents that were written near each
// other; with fewer than one number in so many bits, to sort them takes less.
std::vector<uint64_t> SortedOnce(std::vector<uint64_t> numbers) {
  constexpr uint64_t kBitsForOne = 256;
  if (numbers.empty()) return numbers;
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  const uint64_t first = *least, range = *most - *least;
  if (range / kBitsForOne >= numbers.size()) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
  }
  Bitmap there(range + 1);
  for (const uint64_t number : numbers) there.Set(number - first);
  numbers.clear();
  there.ForEach([&](size_t place) { numbers.push_back(first + place); });
  return numbers;
}

FileRows::FileRows(const CollectionIndex& index, const StoredRows& stored, const Geometry* geometry,
                   AnyErased any_erased, LoadedRows* loaded)
    : index_(index),
      stored_(stored),
      geometry_(geometry),
      any_erased_(std::move(any_erased)),
      loaded_(*loaded) {
  AddPlaces();
}

void FileRows::AddPlaces() {
  const auto& all = stored_.documents;
  if (all.empty()) return;
  first_ = all.front().stored;
  const uint64_t last = all.back().stored - first_;
  while (last >> shift_ > all.size()) ++shift_;
  places_.reserve((last >> shift_) + 2);
  for (uint32_t place = 0; place < all.size(); ++place) {
    places_.resize(((all[place].stored - first_) >> shift_) + 1, place);
  }
  places_.push_back(static_cast<uint32_t>(all.size()));
}

const StoredRows::Document* FileRows::Find(uint64_t stored) const {
  const auto& all = stored_.documents;
  if (all.empty() || stored < first_ || stored > all.back().stored) return nullptr;
  const size_t bucket = (stored - first_) >> shift_;
  const auto begin = all.begin() + places_[bucket];
  const auto end = all.begin() + places_[bucket + 1];
  const auto found = std::lower_bound(
      begin, end, stored, [](const auto& document, uint64_t n) { return document.stored < n; });
  return found == end || found->stored != stored ? nullptr : &*found;
}

// A row of another class than the document's record says belongs elsewhere: it does not count.
FileRows::Match FileRows::Find(const StoredRows::Document* document, const FiledRow& row) const {
  if (document == nullptr) return {};
  const auto begin = stored_.rows.begin() + static_cast<std::ptrdiff_t>(document->first);
  const auto end = begin + static_cast<std::ptrdiff_t>(document->rows);
  const auto found = std::lower_bound(
      begin, end, row.ordinal,
      [](const StoredRows::Row& other, uint32_t ordinal) { return other.ordinal < ordinal; });
  if (found == end || found->ordinal != row.ordinal) return {document};
  if (found->class_id != row.class_id && !Planted(Bug::kFileClassTrusted)) return {document};
  return {document, true, static_cast<size_t>(found - stored_.rows.begin())};
}

// Two files may have the same row: it is the first one's.
std::optional<std::vector<FileRows::Match>> FileRows::Claim(std::span<const uint64_t> documents,
                                                            std::span<const FiledRow> rows,
                                                            LoadedRows::Part part) {
  std::vector<const StoredRows::Document*> places;
  places.reserve(documents.size());
  std::vector<uint64_t> others;  // versions that are not the newest of any document
  for (const uint64_t number : documents) {
    places.push_back(Find(number));
    if (places.back() == nullptr) others.push_back(number);
  }
  if (any_erased_(others)) return std::nullopt;
  std::vector<Match> matches(rows.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    Match& match = matches[row];
    match = Find(places[rows[row].document], rows[row]);
    if (match.counts) match.counts = (loaded_.parts[match.row].fetch_or(part) & part) == 0;
  }
  return matches;
}

StatusOr<std::optional<FileRows::Facts>> FileRows::TakeVectors(ByteSource* source) {
  using Taken = std::optional<Facts>;
  const size_t dimension = index_.vectors.dimension();
  ASSIGN_OR_RETURN(FiledVectors filed, ReadVectors(dimension, source));
  const auto matches = Claim(filed.documents, filed.rows, LoadedRows::kVector);
  if (!matches) return Taken();
  std::vector<std::optional<RowSource>> sources(filed.rows.size());
  for (size_t row = 0; row < sources.size(); ++row) {
    const auto& [document, counts, stored] = (*matches)[row];
    if (!counts) continue;
    RowSource& source_of = sources[row].emplace();
    source_of.document = index_.documents.id(document->number);
    source_of.valid_from = document->valid_from;
    source_of.valid_until = document->valid_until;
    source_of.ordinal = filed.rows[row].ordinal;
    source_of.class_id = filed.rows[row].class_id;
    source_of.number = document->number;
  }
  Facts facts{nullptr, filed.geometry, filed.rows.size(), SortedOnce(filed.documents)};
  auto segment = SegmentOf(dimension, std::move(filed), sources, geometry_);
  if (!segment) {
    for (const Match& match : *matches) {
      if (!match.counts) continue;
      loaded_.parts[match.row].fetch_and(static_cast<uint8_t>(~LoadedRows::kVector));
    }
    return Taken();
  }
  facts.rows = segment->shared_rows();
  std::lock_guard lock(mutex_);
  loaded_.vectors.push_back(*std::move(segment));
  return Taken(std::move(facts));
}

StatusOr<std::optional<FileRows::Facts>> FileRows::TakeWords(ByteSource* source) {
  using Taken = std::optional<Facts>;
  ASSIGN_OR_RETURN(FiledWords filed, ReadWords(index_.lexical.language(), source));
  const auto matches = Claim(filed.named().documents, filed.named().rows, LoadedRows::kWords);
  if (!matches) return Taken();
  std::vector<std::optional<KeptWords>> kept(filed.named().rows.size());
  for (size_t row = 0; row < kept.size(); ++row) {
    const auto& [document, counts, stored] = (*matches)[row];
    if (document == nullptr) continue;
    kept[row] = {document->number, document->valid_from, document->valid_until, !counts};
  }
  Facts facts{nullptr, 0, kept.size(), SortedOnce(filed.named().documents)};
  auto segment = filed.Take(kept);
  if (!segment) return Taken();
  facts.rows = segment->shared_rows();
  std::lock_guard lock(mutex_);
  loaded_.words.push_back(*std::move(segment));
  return Taken(std::move(facts));
}

}  // namespace cordon
