// Scans of Documents that open their records on all processors: what a start waits for.
#include <google/protobuf/arena.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <future>
#include <memory>
#include <utility>

#include "engine/base/in_slices.h"
#include "engine/store/documents.h"

namespace cordon {
namespace {

// Records that one thread opens at a time: a fraction of a millisecond to some.
constexpr size_t kAheadRecords = 256;
constexpr size_t kAheadBytes = 1 << 20;

// Numbers of documents in one part of a scan: a moment's work, and many times what it is to begin.
constexpr uint64_t kPartNumbersMin = 4096;
// Parts that wait to be done, beside one that each thread scans.
constexpr size_t kPartsAhead = 2;

// Calls `scan(part)` for each on all processors, and `done(part)` on this thread in their order.
// Sets `stopped` once one of them fails. What is scanned is little farther than what is done: a
// machine of many processors would else hold all there is before this thread has taken it over.
template <typename ScanPart>
Status InParts(size_t parts, const ScanPart& scan, const Documents::PartDone& done,
               std::atomic<bool>* stopped) {
  std::vector<std::packaged_task<Status()>> tasks;
  std::vector<std::future<Status>> scanned;
  for (size_t part = 0; part < parts; ++part) {
    tasks.emplace_back([&scan, part] { return scan(part); });
    scanned.push_back(tasks.back().get_future());
  }
  const size_t many = std::min<size_t>(parts, Processors());
  const size_t ahead = many + kPartsAhead;
  std::atomic<size_t> next = 0, taken = 0;
  const auto work = [&] {
    for (size_t part = next++; part < parts; part = next++) {
      for (size_t now = taken; part >= now + ahead; now = taken) taken.wait(now);
      tasks[part]();
    }
  };
  const auto take = [&](size_t to) {
    taken = to;
    taken.notify_all();
  };
  std::vector<std::future<void>> threads;  // the end of each waits for it
  // Whatever ends this, an exception too: no thread goes on waiting, or scanning for nobody.
  const auto end = [&](void*) {
    *stopped = true;
    take(parts);
  };
  const std::unique_ptr<void, decltype(end)> at_the_end(stopped, end);
  for (size_t i = 0; i < many; ++i) threads.push_back(std::async(std::launch::async, work));
  for (size_t part = 0; part < parts; ++part) {
    RETURN_IF_ERROR(scanned[part].get());
    RETURN_IF_ERROR(done(part));
    take(part + 1);
  }
  return OkStatus();
}

// One record after the other, each with all of its parts in memory that serves them all: messages
// give theirs back when they are cleared, and a document's record has some twenty parts.
template <typename Record>
class RecordMemory {
 public:
  RecordMemory() : arena_(room_.data(), room_.size()) {}

  // An empty one; ends the one before.
  Record* Next() {
    arena_.Reset();
    return google::protobuf::Arena::CreateMessage<Record>(&arena_);
  }

 private:
  alignas(std::max_align_t) std::array<char, 16 << 10> room_;  // most records need no more
  google::protobuf::Arena arena_;
};

// Of the document that a cursor is at, once it is known that the record is whole.
StatusOr<uint64_t> NumberAt(const Database::Cursor& cursor) {
  RETURN_IF_ERROR(cursor.Payload().status());
  return DocumentNumber(cursor.key());
}

// Records as they are stored, then opened.
template <typename Record>
struct Share {
  struct Place {
    size_t begin;  // of the key; the payload is behind it
    size_t key;
    size_t payload;
  };
  std::string bytes;
  std::vector<Place> places;
  std::vector<Record> records;
  std::vector<bool> there;
  Status status;

  std::string_view key(size_t i) const {
    return std::string_view(bytes).substr(places[i].begin, places[i].key);
  }
  std::string_view payload(size_t i) const {
    return std::string_view(bytes).substr(places[i].begin + places[i].key, places[i].payload);
  }

  void Add(std::string_view key, std::string_view payload) {
    places.push_back({bytes.size(), key.size(), payload.size()});
    bytes.append(key).append(payload);
  }
  bool Full() const { return places.size() >= kAheadRecords || bytes.size() >= kAheadBytes; }

  void Open(const Vault& vault, Family family) {
    records.resize(places.size());
    there.resize(places.size());
    for (size_t i = 0; i < places.size() && status.ok(); ++i) {
      const auto opened = vault.Open(family, key(i), payload(i), &records[i]);
      status = opened.status();
      there[i] = opened.ok() && *opened;
    }
  }
};

// Opens shares on other threads, and gives them back in their order.
template <typename Record, typename Visit>
class Opening {
 public:
  Opening(const Vault& vault, Family family, Visit visit)
      : vault_(vault), family_(family), visit_(std::move(visit)) {}

  Status Add(std::string_view key, std::string_view payload) {
    share_.Add(key, payload);
    return share_.Full() ? Send() : OkStatus();
  }
  Status Finish() {
    if (!share_.places.empty()) RETURN_IF_ERROR(Send());
    while (!opening_.empty()) RETURN_IF_ERROR(TakeFirst());
    return OkStatus();
  }

 private:
  Status Send() {
    if (opening_.size() > Processors()) {
      RETURN_IF_ERROR(TakeFirst());
    }
    opening_.push_back(
        std::async(std::launch::async, [this, share = std::exchange(share_, {})]() mutable {
          share.Open(vault_, family_);
          return std::move(share);
        }));
    return OkStatus();
  }

  Status TakeFirst() {
    Share<Record> share = opening_.front().get();
    opening_.pop_front();
    RETURN_IF_ERROR(share.status);
    for (size_t i = 0; i < share.places.size(); ++i) {
      RETURN_IF_ERROR(visit_(share.key(i), share.records[i], share.there[i]));
    }
    return OkStatus();
  }

  const Vault& vault_;
  const Family family_;
  const Visit visit_;
  Share<Record> share_;
  std::deque<std::future<Share<Record>>> opening_;
};

}  // namespace

Status Documents::ScanParts(uint32_t collection, const VisitPart& visit,
                            const PartDone& done) const {
  const std::string prefix = CollectionPrefix(tenant_, collection);
  const auto cursor = database_->Walk(Family::kDocuments, prefix, PrefixEnd(prefix), snapshot_);
  RETURN_IF_ERROR(cursor->status());
  if (!cursor->Valid()) return OkStatus();
  ASSIGN_OR_RETURN(const uint64_t first, NumberAt(*cursor));
  cursor->Last();
  RETURN_IF_ERROR(cursor->status());
  ASSIGN_OR_RETURN(const uint64_t last, NumberAt(*cursor));
  // Nothing here is beyond 64 bits, whatever the numbers: a key that nobody wrote is met as any is.
  const uint64_t step = std::max<uint64_t>(kPartNumbersMin, (last - first) / kPartsMax + 1);
  const auto parts = static_cast<size_t>((last - first) / step + 1);
  std::atomic<bool> stopped = false;
  const auto scan = [&](size_t part) {
    const uint64_t begin = first + part * step;
    KeyStore::Walk keys(vault_->keys(), tenant_);
    RecordMemory<store::v1::DocumentRecord> memory;
    return database_->ScanFrom(
        Family::kDocuments, DocumentKey(tenant_, collection, begin),
        part + 1 == parts ? PrefixEnd(prefix) : DocumentKey(tenant_, collection, begin + step),
        [&](std::string_view key, std::string_view payload) -> Status {
          if (stopped) return Status(StatusCode::kCancelled, "", "another part failed");
          auto* const record = memory.Next();
          ASSIGN_OR_RETURN(const bool there,
                           Open(keys.Find(DocumentNumber(key)), key, payload, record));
          return there ? visit(part, *record) : OkStatus();
        },
        snapshot_);
  };
  return InParts(parts, scan, done, &stopped);
}

Status Documents::ScanChunks(uint32_t collection, uint64_t first, uint64_t last, const Wants& wants,
                             const TakeChunk& take) const {
  const auto place_of = [](std::string_view key) {
    return ChunkPlace{DocumentNumber(key), LastNumber(key)};
  };
  const auto visit = [&](std::string_view key, store::v1::ChunkRecord& record, bool there) {
    return take(place_of(key), there ? &record : nullptr);
  };
  Opening<store::v1::ChunkRecord, decltype(visit)> opening(*vault_, Family::kChunks, visit);
  const auto cursor = database_->Walk(Family::kChunks, DocumentKey(tenant_, collection, first),
                                      PrefixEnd(DocumentKey(tenant_, collection, last)), snapshot_);
  for (; cursor->Valid(); cursor->Next()) {
    ASSIGN_OR_RETURN(const bool wanted, wants(place_of(cursor->key())));
    if (!wanted) continue;
    ASSIGN_OR_RETURN(const std::string_view payload, cursor->Payload());
    RETURN_IF_ERROR(opening.Add(cursor->key(), payload));
  }
  RETURN_IF_ERROR(cursor->status());
  return opening.Finish();
}

}  // namespace cordon
