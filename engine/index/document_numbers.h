// Numbers for the documents of a collection: small, and the same in every index of them.
//
// A document has one number as long as it is there, whatever replaces its chunks. Numbers of
// removed documents are given again; no index holds a live row of them then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/persistent_map.h"

namespace cordon {

// An immutable value once it is copied: a version costs what differs. One writer changes its own
// copy; const calls are thread-safe.
class DocumentNumbers {
 public:
  std::optional<uint32_t> Find(std::string_view id) const;

  // The number of `id`, a new one if it has none.
  uint32_t Add(std::string_view id);
  void Remove(uint32_t number);

  // The number that the store gave to the document's newest version; nothing if nobody said.
  void SetStored(uint32_t number, uint64_t stored);
  std::optional<uint64_t> stored(uint32_t number) const;

  // The first `limit` ids behind `after` that begin with `prefix`, sorted; valid as long as this
  // version. Looks at every id.
  std::vector<std::string_view> Next(std::string_view prefix, std::string_view after,
                                     size_t limit) const;

  // Of a number that is given; valid as long as this version.
  std::string_view id(uint32_t number) const;

  // Every number is below it.
  size_t bound() const { return bound_; }
  size_t size() const { return size_; }

 private:
  friend class DocumentNumbersBuilder;

  static constexpr uint32_t kBuckets = 1 << 16;  // a million documents: 15 in each
  static constexpr uint32_t kNone = UINT32_MAX;

  struct IdHash {
    uint32_t bucket;
    uint32_t rest;
  };
  static IdHash HashOf(std::string_view id);

  // Most ids of a bucket are told apart by the rest of their hash.
  struct Place {
    uint32_t rest;
    uint32_t number;
  };
  struct Slot {
    std::string id;
    uint32_t next_free = kNone;  // of a number that is given to none
    std::optional<uint64_t> stored = {};
  };

  PersistentMap<std::vector<Place>> buckets_;
  PersistentMap<Slot> slots_;  // by number
  uint32_t first_free_ = kNone;
  uint32_t bound_ = 0;
  size_t size_ = 0;
};

// Numbers for all documents of a collection at once, as Add() would give them. To find its bucket
// anew for each of a million ids is a walk through all of the memory; here they are sorted first.
class DocumentNumbersBuilder {
 public:
  // The number of an id that comes once, whose newest version has this number in the store.
  uint32_t Add(std::string_view id, uint64_t stored);

  // An id that came twice is a defect and aborts. Ends the builder.
  DocumentNumbers Finish();

 private:
  using Place = DocumentNumbers::Place;

  void PutBucket(uint32_t bucket, std::span<const Place> places);

  DocumentNumbers built_;                        // no buckets before the end
  std::vector<DocumentNumbers::IdHash> hashes_;  // by number
};

}  // namespace cordon
