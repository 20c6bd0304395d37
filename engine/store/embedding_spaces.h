// Vectors of one document in several embedding spaces (docs/decisions/re-embedding.md).
//
// A collection's first space has the collection's number; those that re-embeddings begin have
// numbers of their own, which are those of their indexes, too.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cordon/store/v1/records.pb.h"
#include "engine/store/state.h"

namespace cordon {

// Set in the numbers of spaces that are no collection's first.
inline constexpr uint32_t kSpaceBit = uint32_t{1} << 31;

// Whether the server makes a space's vectors; else clients bring them.
inline bool MadeHere(const v1::EmbeddingSpace& space) {
  return space.embedder() != v1::EMBEDDER_NONE;
}

// Whether all chunks of the document have vectors in a space.
bool HasSpace(const store::v1::DocumentRecord& document, const Collection& collection,
              uint32_t space);

// Whether it has vectors of a space that was dropped.
bool HasDroppedSpace(const store::v1::DocumentRecord& document, const Collection& collection);

// Takes note that the document has vectors in the spaces of `spaces` alone; ascending.
void SetSpaces(const std::vector<uint32_t>& spaces, const Collection& collection,
               store::v1::DocumentRecord* document);

// A chunk's vector in a space; empty if it has none there. Borrows from the chunk.
std::string_view VectorIn(const store::v1::ChunkRecord& chunk, const Collection& collection,
                          uint32_t space);

// The same in the space that is searched.
inline std::string_view SearchedVector(const store::v1::ChunkRecord& chunk,
                                       const Collection& collection) {
  return VectorIn(chunk, collection, collection.space);
}

// Sets a chunk's vector in a space in which it has none.
void SetVector(std::string_view embedding, const Collection& collection, uint32_t space,
               store::v1::ChunkRecord* chunk);

// Takes vectors of spaces that were dropped out of a chunk.
void DropVectors(const Collection& collection, store::v1::ChunkRecord* chunk);

// The refusal of documents that were embedded for another space than the one that is searched.
Status SpaceSwitched();

// The space of a mutation, where 0 is the collection's first; and back.
inline uint32_t SpaceOf(uint32_t told, const Collection& collection) {
  return told == 0 ? collection.id : told;
}
inline uint32_t ToldSpace(const Collection& collection) {
  return collection.space == collection.id ? 0 : collection.space;
}

// What a collection's searched space is made with.
v1::EmbeddingSpace SearchedSpace(const v1::CollectionConfig& config);

}  // namespace cordon
