#include "engine/index/document_numbers.h"

#include <algorithm>
#include <functional>

#include "engine/base/check.h"

namespace cordon {

DocumentNumbers::IdHash DocumentNumbers::HashOf(std::string_view id) {
  const uint64_t hash = std::hash<std::string_view>()(id);
  return {static_cast<uint32_t>(hash % kBuckets), static_cast<uint32_t>(hash >> 32)};
}

std::optional<uint32_t> DocumentNumbers::Find(std::string_view id) const {
  const IdHash hash = HashOf(id);
  const std::vector<Place>* bucket = buckets_.Find(hash.bucket);
  if (bucket == nullptr) return std::nullopt;
  for (const Place& place : *bucket) {
    if (place.rest == hash.rest && this->id(place.number) == id) return place.number;
  }
  return std::nullopt;
}

uint32_t DocumentNumbers::Add(std::string_view id) {
  if (const auto found = Find(id)) return *found;
  uint32_t number = first_free_;
  if (number == kNone) {
    number = bound_++;
    CORDON_CHECK(number != kNone);
  } else {
    first_free_ = slots_.Find(number)->next_free;
  }
  slots_.Mutable(number) = {std::string(id), kNone};
  const IdHash hash = HashOf(id);
  buckets_.Mutable(hash.bucket).push_back({hash.rest, number});
  ++size_;
  return number;
}

void DocumentNumbers::Remove(uint32_t number) {
  const IdHash hash = HashOf(id(number));
  const size_t erased = std::erase_if(buckets_.Mutable(hash.bucket),
                                      [&](const Place& place) { return place.number == number; });
  CORDON_CHECK(erased == 1);
  slots_.Mutable(number) = {std::string(), first_free_};
  first_free_ = number;
  --size_;
}

void DocumentNumbers::SetStored(uint32_t number, uint64_t stored) {
  if (this->stored(number) != stored) slots_.Mutable(number).stored = stored;
}

std::optional<uint64_t> DocumentNumbers::stored(uint32_t number) const {
  const Slot* slot = slots_.Find(number);
  return slot == nullptr ? std::nullopt : slot->stored;
}

std::vector<std::string_view> DocumentNumbers::Next(std::string_view prefix, std::string_view after,
                                                    size_t limit) const {
  std::vector<std::string_view> ids;
  const auto keep_first = [&] {
    if (ids.size() <= limit) return;
    std::nth_element(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(limit), ids.end());
    ids.resize(limit);
  };
  slots_.ForEach([&](uint32_t, const Slot& slot) {
    // A number that is given to none has an empty id, which is behind none.
    if (slot.id <= after || !slot.id.starts_with(prefix)) return;
    ids.push_back(slot.id);
    if (ids.size() / 2 >= limit) keep_first();
  });
  keep_first();
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string_view DocumentNumbers::id(uint32_t number) const {
  const Slot* slot = slots_.Find(number);
  CORDON_CHECK(slot != nullptr);
  return slot->id;
}

uint32_t DocumentNumbersBuilder::Add(std::string_view id, uint64_t stored) {
  const uint32_t number = built_.bound_++;
  CORDON_CHECK(number != DocumentNumbers::kNone);
  built_.slots_.Mutable(number) = {std::string(id), DocumentNumbers::kNone, stored};
  hashes_.push_back(DocumentNumbers::HashOf(id));
  return number;
}

// By a counting sort.
DocumentNumbers DocumentNumbersBuilder::Finish() {
  std::vector<uint32_t> next(DocumentNumbers::kBuckets + 1);  // by bucket, where its next place is
  for (const auto& hash : hashes_) ++next[hash.bucket + 1];
  for (uint32_t b = 0; b < DocumentNumbers::kBuckets; ++b) next[b + 1] += next[b];
  std::vector<Place> places(hashes_.size());
  for (uint32_t number = 0; number < hashes_.size(); ++number) {
    const auto& hash = hashes_[number];
    places[next[hash.bucket]++] = {hash.rest, number};
  }
  uint32_t begin = 0;
  for (uint32_t b = 0; b < DocumentNumbers::kBuckets; ++b) {
    PutBucket(b, std::span(places).subspan(begin, next[b] - begin));
    begin = next[b];
  }
  built_.size_ = hashes_.size();
  return std::move(built_);
}

void DocumentNumbersBuilder::PutBucket(uint32_t bucket, std::span<const Place> places) {
  if (places.empty()) return;
  for (size_t i = 0; i < places.size(); ++i) {
    for (const Place& other : places.first(i)) {
      CORDON_CHECK(other.rest != places[i].rest ||
                   built_.id(other.number) != built_.id(places[i].number));
    }
  }
  built_.buckets_.Mutable(bucket).assign(places.begin(), places.end());
}

}  // namespace cordon
