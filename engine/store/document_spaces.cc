// A stored document gets vectors in another embedding space, or loses those of dropped ones.
#include <algorithm>
#include <vector>

#include "engine/store/document_writer.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

using store::v1::ChunkRecord;
using store::v1::DocumentRecord;

// Those that are there of a document's spaces, with one more unless that is 0.
std::vector<uint32_t> SpacesAfter(const DocumentRecord& record, const Collection& collection,
                                  uint32_t more) {
  std::vector<uint32_t> spaces;
  const auto keep = [&](uint32_t space) {
    if (space == more || HasSpace(record, collection, space)) spaces.push_back(space);
  };
  keep(collection.space);
  if (collection.other) keep(collection.other->number);
  std::sort(spaces.begin(), spaces.end());
  return spaces;
}

}  // namespace

Status DocumentWriter::CheckSpace(uint32_t told) const {
  return SpaceOf(told, collection_) == collection_.space ? OkStatus() : SpaceSwitched();
}

bool DocumentWriter::InOther(const Record& record) const {
  return collection_.other && HasSpace(record, collection_, collection_.other->number);
}

void DocumentWriter::Count(const Record& record, bool comes) {
  const auto step = [comes](uint64_t by, uint64_t* figure) {
    *figure = comes ? *figure + by : *figure - by;
  };
  step(1, &collection_.documents);
  step(static_cast<uint64_t>(record.chunks_size()), &collection_.chunks);
  if (InOther(record)) step(1, &collection_.other->documents);
  if (HasDroppedSpace(record, collection_)) step(1, &collection_.stale);
}

StatusOr<bool> DocumentWriter::Embed(const store::v1::EmbeddedDocument& embedded, uint32_t space) {
  DocumentRecord record;
  ASSIGN_OR_RETURN(const bool there,
                   documents_.ReadNumbered(collection_.id, embedded.number(), &record));
  if (!there) return false;
  const bool gets =
      space != 0 && !embedded.vectors().empty() && !HasSpace(record, collection_, space);
  if (!gets && !HasDroppedSpace(record, collection_)) return false;  // it was in a page before
  if (gets) RETURN_IF_ERROR(CheckVectors(embedded, record));
  applied_->documents.push_back(record.document().id());
  ASSIGN_OR_RETURN(const SecretKey key, context_.vault.KeyOf(tenant(), record.number()));
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  std::vector<Documents::ChunkPlace> places;
  for (const auto& chunk : record.chunks()) places.push_back({record.number(), chunk.ordinal()});
  RETURN_IF_ERROR(documents_.ReadChunks(
      collection_.id, places, [&](size_t i, const ChunkRecord* stored) -> Status {
        if (stored == nullptr) return Corrupt("the key of a stored chunk is gone");
        ChunkRecord chunk = *stored;
        DropVectors(collection_, &chunk);
        if (gets) SetVector(embedded.vectors(static_cast<int>(i)), collection_, space, &chunk);
        Vault::Put(Family::kChunks,
                   ChunkKey(tenant(), collection_.id, record.number(), places[i].ordinal), key,
                   NonceAfter(nonce, static_cast<uint32_t>(i + 1)), chunk, &applied_->batch);
        return OkStatus();
      }));
  Count(record, /*comes=*/false);
  SetSpaces(SpacesAfter(record, collection_, gets ? space : 0), collection_, &record);
  Count(record, /*comes=*/true);
  PutDocument(record, key, nonce);
  if (gets) AddVectors(embedded, record);
  return true;
}

Status DocumentWriter::CheckVectors(const store::v1::EmbeddedDocument& embedded,
                                    const Record& record) const {
  const size_t bytes = collection_.other->space.dimension() * sizeof(float);
  if (embedded.vectors_size() != record.chunks_size()) return Internal("not a vector a chunk");
  for (const auto& vector : embedded.vectors()) {
    if (vector.size() != bytes) return Internal("a vector of another dimension");
  }
  return OkStatus();
}

void DocumentWriter::AddVectors(const store::v1::EmbeddedDocument& embedded, const Record& record) {
  RowChange change = RowsOf(record, RowChange::kEmbed, true);
  for (size_t i = 0; i < change.rows.size(); ++i) {
    const std::string& vector = embedded.vectors(static_cast<int>(i));
    change.rows[i].embedding = reinterpret_cast<const float*>(vector.data());
  }
  applied_->rows.push_back(std::move(change));
}

}  // namespace cordon
