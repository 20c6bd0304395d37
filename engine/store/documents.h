// Reads a tenant's documents by their ids, through the vault.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cordon/store/v1/records.pb.h"
#include "engine/store/database.h"
#include "engine/store/vault.h"

namespace cordon {

// Borrows everything. A null snapshot reads the newest state. What was erased since the snapshot
// was taken is read as absent. Thread-safe.
class Documents {
 public:
  Documents(const Database* database, const Vault* vault, uint32_t tenant,
            const Snapshot* snapshot = nullptr)
      : database_(database), vault_(vault), tenant_(tenant), snapshot_(snapshot) {}

  // The number of a document; nothing if there is none.
  StatusOr<std::optional<uint64_t>> Find(uint32_t collection, std::string_view id) const;

  // Reads a document; false if there is none, DATA_LOSS if it is damaged.
  StatusOr<bool> Read(uint32_t collection, std::string_view id,
                      store::v1::DocumentRecord* record) const;
  StatusOr<bool> ReadNumbered(uint32_t collection, uint64_t number,
                              store::v1::DocumentRecord* record) const;

  // Reads several at once and calls `found(i, record)` for each ids[i] that there is, in their
  // order, until it returns an error; the record is the callee's for the call.
  using Found = std::function<Status(size_t i, store::v1::DocumentRecord& record)>;
  Status ReadMany(uint32_t collection, std::span<const std::string_view> ids,
                  const Found& found) const;

  struct ChunkPlace {
    uint64_t document;
    uint32_t ordinal;
  };
  // Reads the content of chunks that their documents list, some at once, and calls `found(i,
  // record)` for each places[i], in their order; null if it was erased meanwhile. DATA_LOSS if one
  // is missing or damaged.
  using FoundChunk = std::function<Status(size_t i, const store::v1::ChunkRecord* record)>;
  Status ReadChunks(uint32_t collection, std::span<const ChunkPlace> places,
                    const FoundChunk& found) const;

  // ReadMany and ReadChunks of what many read at one snapshot, in any order: what was opened at it
  // is kept with it for a while, and neither looked up nor opened again. Requires a snapshot.
  using Seen = std::function<Status(size_t i, const store::v1::DocumentRecord& record)>;
  Status ReadOften(uint32_t collection, std::span<const std::string_view> ids,
                   const Seen& found) const;
  Status ReadChunksOften(uint32_t collection, std::span<const ChunkPlace> places,
                         const FoundChunk& found) const;

  // Calls `visit` for each document of a collection, in the order of their numbers, until it
  // returns an error.
  using Visit = std::function<Status(const store::v1::DocumentRecord& record)>;
  Status Scan(uint32_t collection, const Visit& visit) const;

  // The same from the document with this number on.
  Status ScanFrom(uint32_t collection, uint64_t first, const Visit& visit) const;

  // Reads all documents of a collection on all processors, in parts that follow each other in the
  // order of the numbers. Calls `visit(part, record)` for each document of a part in this order, of
  // several parts at once; and `done(part)` on this thread, part by part, once all of it was
  // visited. Until one of them returns an error. What is erased meanwhile may still be visited.
  static constexpr size_t kPartsMax = 256;
  using VisitPart = std::function<Status(size_t part, const store::v1::DocumentRecord& record)>;
  using PartDone = std::function<Status(size_t part)>;
  Status ScanParts(uint32_t collection, const VisitPart& visit, const PartDone& done) const;

  // Walks the chunks of the documents [first, last] of a collection by document and ordinal. Those
  // that `wants` says are opened, on all processors, and `take`n in this order, on this thread;
  // null if the key was destroyed.
  using Wants = std::function<StatusOr<bool>(const ChunkPlace& place)>;
  using TakeChunk =
      std::function<Status(const ChunkPlace& place, const store::v1::ChunkRecord* record)>;
  Status ScanChunks(uint32_t collection, uint64_t first, uint64_t last, const Wants& wants,
                    const TakeChunk& take) const;

  // The same with its chunks, in the order of its entries. DATA_LOSS if a document and its chunks
  // do not fit together.
  using VisitWhole = std::function<Status(const store::v1::DocumentRecord&,
                                          const std::vector<store::v1::ChunkRecord>&)>;
  Status ScanWhole(uint32_t collection, const VisitWhole& visit) const;

 private:
  StatusOr<bool> Open(std::string_view key, std::string_view payload,
                      store::v1::DocumentRecord* record) const;
  // The same with what the key store says of the document's key.
  static StatusOr<bool> Open(const KeyStore::Found& document_key, std::string_view key,
                             std::string_view payload, store::v1::DocumentRecord* record);
  Status ReadSomeChunks(uint32_t collection, std::span<const ChunkPlace> places, size_t first,
                        const FoundChunk& found) const;
  // False if it was destroyed; DATA_LOSS if it is missing.
  StatusOr<bool> HasKey(uint64_t number) const;

  const Database* database_;
  const Vault* vault_;
  uint32_t tenant_;
  const Snapshot* snapshot_;
};

}  // namespace cordon
