#include "engine/ingest/embed_documents.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/embed/embeddings.h"
#include "engine/policy/release.h"
#include "engine/store/codec.h"
#include "engine/view/leaving.h"

namespace cordon {
namespace {

// The texts of one document, if the endpoint may receive all of them.
StatusOr<std::vector<Released>> ReleaseAll(const WriteContext& context, const World& world,
                                           const std::string& endpoint,
                                           const v1::Document& document) {
  const Scheme& scheme = world.state.rules->scheme;
  const Label label = FromProto(document.label());
  std::vector<Released> texts;
  for (int i = 0; i < document.chunks_size(); ++i) {
    const v1::Chunk& chunk = document.chunks(i);
    const Label effective =
        chunk.has_label() ? Join(scheme, label, FromProto(chunk.label())) : label;
    auto released = Release(world, endpoint, context.caller.dev(), context.caller.grant().clearance,
                            effective, chunk.text());
    if (!released.ok()) return released.status().Within(fmt::format("chunks[{}]", i));
    texts.push_back(*std::move(released));
  }
  return texts;
}

// The texts that the endpoint may receive, and whose they are.
struct Sendable {
  std::vector<Released> texts;
  std::vector<v1::Chunk*> chunks;
};

// Refuses the documents with a text that the endpoint may not receive.
Sendable RefuseOrRelease(const WriteContext& context, const View& view,
                         const v1::CollectionConfig& config, Validated* validated) {
  auto* const documents = validated->batch.mutable_documents();
  Sendable sendable;
  int kept = 0;
  for (int i = 0; i < documents->size(); ++i) {
    v1::Document* document = documents->Mutable(i);
    auto released = ReleaseAll(context, view.world(), config.embedding_endpoint(), *document);
    if (!released.ok()) {
      validated->refused.push_back(
          RefusalOf(validated->places[static_cast<size_t>(i)], document->id(), released.status()));
      continue;
    }
    sendable.texts.insert(sendable.texts.end(), released->begin(), released->end());
    for (auto& chunk : *document->mutable_chunks()) sendable.chunks.push_back(&chunk);
    validated->places[static_cast<size_t>(kept)] = validated->places[static_cast<size_t>(i)];
    documents->SwapElements(kept++, i);
  }
  documents->DeleteSubrange(kept, documents->size() - kept);
  validated->places.resize(static_cast<size_t>(kept));
  std::sort(validated->refused.begin(), validated->refused.end(),
            [](const auto& a, const auto& b) { return a.index() < b.index(); });
  return sendable;
}

StatusOr<Endpoint*> EndpointOf(const WriteContext& context, const v1::CollectionConfig& config) {
  return EmbeddingEndpoint(context.endpoints, config.embedding_endpoint(), config.model(),
                           config.dimension());
}

// What the journal has of them before they leave.
journal::v1::Record RecordOfTexts(const WriteContext& context, const v1::CollectionConfig& config,
                                  const Validated& validated) {
  auto record =
      SendingRecord(RecordOf("", context.caller, *context.tenant), config.embedding_endpoint());
  record.set_collection(config.name());
  for (const auto& document : validated.batch.documents()) {
    record.add_documents(context.tenant->pseudonyms.Of("document", document.id()));
  }
  return record;
}

}  // namespace

Status EmbedDocuments(const WriteContext& context, const View& view,
                      const v1::CollectionConfig& config, Validated* validated,
                      std::string* sent_to) {
  ASSIGN_OR_RETURN(Endpoint * endpoint, EndpointOf(context, config));
  const Sendable sendable = RefuseOrRelease(context, view, config, validated);
  const auto leave = [&]() -> Status {
    RETURN_IF_ERROR(LeaveForEndpoint(*context.tenant, RecordOfTexts(context, config, *validated)));
    *sent_to = config.embedding_endpoint();
    return OkStatus();
  };
  ASSIGN_OR_RETURN(const auto embeddings,
                   EmbedTexts(endpoint, sendable.texts, leave, /*stop=*/nullptr));
  for (size_t i = 0; i < sendable.chunks.size(); ++i) {
    sendable.chunks[i]->mutable_embedding()->Assign(embeddings[i].begin(), embeddings[i].end());
  }
  return OkStatus();
}

Status RefuseUnreleased(const WriteContext& context, const View& view,
                        const v1::CollectionConfig& config, Validated* validated) {
  RETURN_IF_ERROR(EndpointOf(context, config).status());
  RefuseOrRelease(context, view, config, validated);
  return OkStatus();
}

}  // namespace cordon
