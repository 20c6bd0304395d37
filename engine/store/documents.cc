#include "engine/store/documents.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "engine/store/snapshot.h"

namespace cordon {
namespace {

constexpr size_t kChunksAtOnce = 64;  // chunks: the reads share their way down, and few are held

Status Damaged(std::string_view what) {
  spdlog::error("the store is inconsistent: {}", what);
  return Corrupt("the store is inconsistent; restore from a backup");
}

Status ChunkIsDamaged() {
  return Corrupt("a stored chunk is missing or damaged; restore from a backup");
}

}  // namespace

StatusOr<std::optional<uint64_t>> Documents::Find(uint32_t collection, std::string_view id) const {
  store::v1::NumberRecord record;
  const std::string key =
      PseudonymKey(tenant_, collection, vault_->Pseudonym(tenant_, collection, "document", id));
  ASSIGN_OR_RETURN(const bool found, database_->Get(Family::kNumbers, key, &record, snapshot_));
  if (!found) return std::optional<uint64_t>();
  return std::optional<uint64_t>(record.number());
}

StatusOr<bool> Documents::Read(uint32_t collection, std::string_view id,
                               store::v1::DocumentRecord* record) const {
  bool found = false;
  RETURN_IF_ERROR(ReadMany(collection, {&id, 1}, [&](size_t, auto& read) {
    found = true;
    record->Swap(&read);
    return OkStatus();
  }));
  return found;
}

StatusOr<bool> Documents::ReadNumbered(uint32_t collection, uint64_t number,
                                       store::v1::DocumentRecord* record) const {
  bool found = false;
  const std::string key = DocumentKey(tenant_, collection, number);
  RETURN_IF_ERROR(database_->GetMany(
      Family::kDocuments, {&key, 1},
      [&](size_t, std::string_view payload) -> Status {
        ASSIGN_OR_RETURN(found, Open(key, payload, record));
        return OkStatus();
      },
      snapshot_));
  return found;
}

StatusOr<bool> Documents::Open(std::string_view key, std::string_view payload,
                               store::v1::DocumentRecord* record) const {
  return Open(vault_->keys().Find(tenant_, DocumentNumber(key)), key, payload, record);
}

StatusOr<bool> Documents::Open(const KeyStore::Found& document_key, std::string_view key,
                               std::string_view payload, store::v1::DocumentRecord* record) {
  ASSIGN_OR_RETURN(const bool there,
                   Vault::Open(document_key, Family::kDocuments, key, payload, record));
  if (there && record->number() != DocumentNumber(key)) return Damaged("a document's number");
  return there;
}

Status Documents::ReadMany(uint32_t collection, std::span<const std::string_view> ids,
                           const Found& found) const {
  std::vector<std::string> names;
  names.reserve(ids.size());
  for (const std::string_view id : ids) {
    names.push_back(
        PseudonymKey(tenant_, collection, vault_->Pseudonym(tenant_, collection, "document", id)));
  }
  std::vector<std::string> keys;
  std::vector<size_t> places;  // in `ids`, of keys
  store::v1::NumberRecord number;
  RETURN_IF_ERROR(database_->GetMany(
      Family::kNumbers, names,
      [&](size_t i, std::string_view payload) -> Status {
        RETURN_IF_ERROR(ParseRecord(payload, &number));
        keys.push_back(DocumentKey(tenant_, collection, number.number()));
        places.push_back(i);
        return OkStatus();
      },
      snapshot_));
  std::vector<bool> read(keys.size(), false);
  store::v1::DocumentRecord record;
  RETURN_IF_ERROR(database_->GetMany(
      Family::kDocuments, keys,
      [&](size_t i, std::string_view payload) -> Status {
        read[i] = true;
        ASSIGN_OR_RETURN(const bool there, Open(keys[i], payload, &record));
        if (!there) return OkStatus();
        if (record.document().id() != ids[places[i]]) return Damaged("a document's name");
        return found(places[i], record);
      },
      snapshot_));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (read[i]) continue;
    // A restored store still knows the number of what was erased since.
    const auto key = vault_->keys().Find(tenant_, DocumentNumber(keys[i]));
    if (key.state != KeyStore::State::kDestroyed) return Damaged("a document's record");
  }
  return OkStatus();
}

StatusOr<bool> Documents::HasKey(uint64_t number) const {
  const auto key = vault_->KeyOf(tenant_, number);
  if (key.status().code() == StatusCode::kNotFound) return false;
  RETURN_IF_ERROR(key.status());
  return true;
}

Status Documents::ReadOften(uint32_t collection, std::span<const std::string_view> ids,
                            const Seen& found) const {
  std::vector<std::string> names;
  names.reserve(ids.size());
  for (const std::string_view id : ids) {
    names.push_back(CollectionPrefix(tenant_, collection).append(id));
  }
  std::vector<std::string_view> missing;
  std::vector<size_t> places;  // in `ids`, of `missing`
  const auto kept = snapshot_->documents().Find(names);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (kept[i] == nullptr) {
      missing.push_back(ids[i]);
      places.push_back(i);
      continue;
    }
    ASSIGN_OR_RETURN(const bool there, HasKey(kept[i]->number()));
    if (there) RETURN_IF_ERROR(found(i, *kept[i]));
  }
  if (missing.empty()) return OkStatus();
  return ReadMany(collection, missing, [&](size_t i, const store::v1::DocumentRecord& record) {
    snapshot_->documents().Keep(names[places[i]], record);
    return found(places[i], record);
  });
}

Status Documents::ReadChunks(uint32_t collection, std::span<const ChunkPlace> places,
                             const FoundChunk& found) const {
  for (size_t first = 0; first < places.size(); first += kChunksAtOnce) {
    const auto some = places.subspan(first, std::min(kChunksAtOnce, places.size() - first));
    RETURN_IF_ERROR(ReadSomeChunks(collection, some, first, found));
  }
  return OkStatus();
}

Status Documents::ReadSomeChunks(uint32_t collection, std::span<const ChunkPlace> places,
                                 size_t first, const FoundChunk& found) const {
  std::vector<std::string> keys;
  keys.reserve(places.size());
  for (const auto& place : places) {
    keys.push_back(ChunkKey(tenant_, collection, place.document, place.ordinal));
  }
  size_t read = 0;
  store::v1::ChunkRecord record;
  RETURN_IF_ERROR(database_->GetMany(
      Family::kChunks, keys,
      [&](size_t i, std::string_view payload) -> Status {
        ++read;
        ASSIGN_OR_RETURN(const bool there,
                         vault_->Open(Family::kChunks, keys[i], payload, &record));
        return found(first + i, there ? &record : nullptr);
      },
      snapshot_));
  return read == keys.size() ? OkStatus() : ChunkIsDamaged();
}

Status Documents::ReadChunksOften(uint32_t collection, std::span<const ChunkPlace> places,
                                  const FoundChunk& found) const {
  // A long document would take the place of all others.
  if (places.size() > kChunksAtOnce) return ReadChunks(collection, places, found);
  std::vector<std::string> names;
  names.reserve(places.size());
  for (const auto& place : places) {
    names.push_back(ChunkKey(tenant_, collection, place.document, place.ordinal));
  }
  std::vector<ChunkPlace> missing;
  std::vector<size_t> missing_at;  // in `places`
  const auto kept = snapshot_->chunks().Find(names);
  for (size_t i = 0; i < places.size(); ++i) {
    if (kept[i] == nullptr) {
      missing.push_back(places[i]);
      missing_at.push_back(i);
      continue;
    }
    ASSIGN_OR_RETURN(const bool there, HasKey(places[i].document));
    RETURN_IF_ERROR(found(i, there ? kept[i].get() : nullptr));
  }
  return ReadChunks(collection, missing, [&](size_t i, const store::v1::ChunkRecord* record) {
    const size_t at = missing_at[i];
    if (record != nullptr) snapshot_->chunks().Keep(names[at], *record);
    return found(at, record);
  });
}

Status Documents::Scan(uint32_t collection, const Visit& visit) const {
  return ScanFrom(collection, 0, visit);
}

Status Documents::ScanFrom(uint32_t collection, uint64_t first, const Visit& visit) const {
  store::v1::DocumentRecord record;
  return database_->ScanFrom(
      Family::kDocuments, DocumentKey(tenant_, collection, first),
      PrefixEnd(CollectionPrefix(tenant_, collection)),
      [&](std::string_view key, std::string_view payload) -> Status {
        ASSIGN_OR_RETURN(const bool there, Open(key, payload, &record));
        return there ? visit(record) : OkStatus();
      },
      snapshot_);
}

Status Documents::ScanWhole(uint32_t collection, const VisitWhole& visit) const {
  const std::string prefix = CollectionPrefix(tenant_, collection);
  // Both families are in the order of the numbers: one walk through each.
  const auto stored = database_->Walk(Family::kChunks, prefix);
  store::v1::DocumentRecord document;
  return database_->Scan(Family::kDocuments, prefix, [&](auto key, auto payload) -> Status {
    ASSIGN_OR_RETURN(const bool there, Open(key, payload, &document));
    while (stored->Valid() && stored->key() < key) stored->Next();
    if (!there) return OkStatus();
    std::vector<store::v1::ChunkRecord> chunks;
    for (; stored->Valid() && stored->key().starts_with(key); stored->Next()) {
      ASSIGN_OR_RETURN(const std::string_view chunk, stored->Payload());
      const auto at = static_cast<int>(chunks.size());
      if (at >= document.chunks_size() ||
          LastNumber(stored->key()) != document.chunks(at).ordinal()) {
        return Damaged("a document's chunks");
      }
      ASSIGN_OR_RETURN(const bool whole,
                       vault_->Open(Family::kChunks, stored->key(), chunk, &chunks.emplace_back()));
      if (!whole) return Damaged("the key of a document's chunk");
    }
    RETURN_IF_ERROR(stored->status());
    if (static_cast<int>(chunks.size()) != document.chunks_size()) {
      return Damaged("a missing chunk");
    }
    return visit(document, chunks);
  });
}

}  // namespace cordon
