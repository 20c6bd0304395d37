#include "engine/store/embedding_spaces.h"

#include <algorithm>

namespace cordon {
namespace {

bool IsThere(uint32_t space, const Collection& collection) {
  return space == collection.space || (collection.other && space == collection.other->number);
}

}  // namespace

bool HasSpace(const store::v1::DocumentRecord& document, const Collection& collection,
              uint32_t space) {
  const auto& spaces = document.spaces();
  if (spaces.empty()) return space == collection.id;
  return std::find(spaces.begin(), spaces.end(), space) != spaces.end();
}

bool HasDroppedSpace(const store::v1::DocumentRecord& document, const Collection& collection) {
  const auto& spaces = document.spaces();
  if (spaces.empty()) return !IsThere(collection.id, collection);
  return std::any_of(spaces.begin(), spaces.end(),
                     [&](uint32_t space) { return !IsThere(space, collection); });
}

void SetSpaces(const std::vector<uint32_t>& spaces, const Collection& collection,
               store::v1::DocumentRecord* document) {
  document->clear_spaces();
  if (spaces.size() == 1 && spaces.front() == collection.id) return;
  document->mutable_spaces()->Assign(spaces.begin(), spaces.end());
}

std::string_view VectorIn(const store::v1::ChunkRecord& chunk, const Collection& collection,
                          uint32_t space) {
  if (space == collection.id) return chunk.embedding();
  for (const auto& vector : chunk.vectors()) {
    if (vector.space() == space) return vector.embedding();
  }
  return {};
}

void SetVector(std::string_view embedding, const Collection& collection, uint32_t space,
               store::v1::ChunkRecord* chunk) {
  if (space == collection.id) {
    chunk->set_embedding(embedding.data(), embedding.size());
    return;
  }
  auto* const vector = chunk->add_vectors();
  vector->set_space(space);
  vector->set_embedding(embedding.data(), embedding.size());
}

void DropVectors(const Collection& collection, store::v1::ChunkRecord* chunk) {
  if (!IsThere(collection.id, collection)) chunk->clear_embedding();
  auto* const vectors = chunk->mutable_vectors();
  vectors->erase(
      std::remove_if(vectors->begin(), vectors->end(),
                     [&](const auto& vector) { return !IsThere(vector.space(), collection); }),
      vectors->end());
}

Status SpaceSwitched() {
  return Status(StatusCode::kAborted, "collection",
                "its embedding space was switched while the documents were on their way; send "
                "them again");
}

v1::EmbeddingSpace SearchedSpace(const v1::CollectionConfig& config) {
  v1::EmbeddingSpace space;
  space.set_model(config.model());
  space.set_dimension(config.dimension());
  space.set_embedder(config.embedder());
  space.set_embedding_endpoint(config.embedding_endpoint());
  return space;
}

}  // namespace cordon
