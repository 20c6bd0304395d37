#include "engine/index/document_numbers.h"

#include <algorithm>
#include <functional>

#include "engine/base/check.h"

namespace cordon {
namespace {

struct IdHash {
  uint32_t bucket;
  uint32_t rest;
};

IdHash HashOfId(std::string_view id, uint32_t buckets) {
  const uint64_t hash = std::hash<std::string_view>()(id);
  return {static_cast<uint32_t>(hash % buckets), static_cast<uint32_t>(hash >> 32)};
}

}  // namespace

std::optional<uint32_t> DocumentNumbers::Find(std::string_view id) const {
  const IdHash hash = HashOfId(id, kBuckets);
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
  const IdHash hash = HashOfId(id, kBuckets);
  buckets_.Mutable(hash.bucket).push_back({hash.rest, number});
  ++size_;
  return number;
}

void DocumentNumbers::Remove(uint32_t number) {
  const IdHash hash = HashOfId(id(number), kBuckets);
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

}  // namespace cordon
