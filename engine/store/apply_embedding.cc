// A collection's second embedding space: it begins, is filled page by page, is switched to, and
// goes.
#include <fmt/format.h>

#include <utility>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"
#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

Status Unfit(std::string_view field, std::string_view message) {
  return Status(StatusCode::kFailedPrecondition, field, message);
}

Status CheckSpace(const v1::EmbeddingSpace& space) {
  if (space.dimension() < 1 || space.dimension() > limits::kDimensionMax) {
    return Invalid("dimension", fmt::format("not 1 to {}", limits::kDimensionMax));
  }
  const bool http = space.embedder() == v1::EMBEDDER_HTTP;
  if (!http && space.embedder() != v1::EMBEDDER_BUILTIN && space.embedder() != v1::EMBEDDER_NONE) {
    return Invalid("embedder", "must be builtin, http, or none: then clients bring the vectors");
  }
  if (http != !space.embedding_endpoint().empty()) {
    return Invalid("embedding_endpoint",
                   http ? "missing; name an endpoint" : "needs the embedder http; leave it out");
  }
  return CheckName("model", space.model(), limits::kNameBytes);
}

// The collection as it is to be changed.
StatusOr<Collection> Changed(const std::string& name, Applied* applied) {
  const auto found = applied->next.FindCollection(name);
  if (!found) return CollectionNotFound();
  applied->collection = name;
  return *found;
}

// The other space, if it is that of `model`.
StatusOr<OtherSpace> OtherOf(const Collection& collection, const std::string& model) {
  if (collection.other && collection.other->space.model() == model) return *collection.other;
  if (collection.config.model() == model) {
    return Unfit("model", "is the model of the space that is searched");
  }
  return Unfit("model",
               collection.other
                   ? "not the model of the collection's second embedding space; see its status"
                   : "the collection has no second embedding space; begin one");
}

Status CheckWhole(const Collection& collection) {
  const uint64_t missing = collection.documents - collection.other->documents;
  if (missing == 0 || Planted(Bug::kSwitchUnfinished)) return OkStatus();
  return Unfit("collection",
               fmt::format("{} of its {} documents have no vectors in that space yet; see its "
                           "status, and try again",
                           missing, collection.documents));
}

}  // namespace

void PutCollection(Collection collection, Applied* applied) {
  store::v1::CollectionRecord record;
  record.set_id(collection.id);
  *record.mutable_config() = collection.config;
  record.set_space(ToldSpace(collection));
  if (collection.other) {
    record.mutable_other()->set_number(collection.other->number);
    *record.mutable_other()->mutable_space() = collection.other->space;
  }
  const std::string name = collection.config.name();
  auto all = std::make_shared<TenantState::Collections>(*applied->next.collections);
  (*all)[name] = std::make_shared<const Collection>(std::move(collection));
  applied->next.collections = std::move(all);
  applied->batch.Put(Family::kCollections, NamedKey(applied->next.id, name), record);
}

Status ApplyBeginEmbedding(const v1::BeginEmbeddingRequest& request, Applied* applied) {
  ASSIGN_OR_RETURN(Collection collection, Changed(request.collection(), applied));
  RETURN_IF_ERROR(CheckSpace(request.space()).Within("space"));
  if (request.space().model() == collection.config.model()) {
    return Invalid("space.model", "the collection's own; vectors are told apart by their models");
  }
  if (collection.other) {
    return Unfit("collection", "has a second embedding space already; switch to it, or drop it");
  }
  if (collection.stale > 0) {
    return Unfit("collection", fmt::format("{} of its documents still have vectors of the space "
                                           "that was dropped; they go by themselves, try again",
                                           collection.stale));
  }
  collection.other = OtherSpace{kSpaceBit | ++applied->next.spaces, request.space()};
  PutCollection(std::move(collection), applied);
  return OkStatus();
}

Status ApplySwitchEmbedding(const v1::SwitchEmbeddingRequest& request, Applied* applied) {
  ASSIGN_OR_RETURN(Collection collection, Changed(request.collection(), applied));
  ASSIGN_OR_RETURN(const OtherSpace other, OtherOf(collection, request.model()));
  RETURN_IF_ERROR(CheckWhole(collection));
  // Every document has vectors in the space that is searched, and so in both.
  collection.other =
      OtherSpace{collection.space, SearchedSpace(collection.config), collection.documents};
  collection.space = other.number;
  collection.config.set_model(other.space.model());
  collection.config.set_dimension(other.space.dimension());
  collection.config.set_embedder(other.space.embedder());
  collection.config.set_embedding_endpoint(other.space.embedding_endpoint());
  PutCollection(std::move(collection), applied);
  return OkStatus();
}

Status ApplyDropEmbedding(const v1::DropEmbeddingRequest& request, Applied* applied) {
  ASSIGN_OR_RETURN(Collection collection, Changed(request.collection(), applied));
  ASSIGN_OR_RETURN(const OtherSpace other, OtherOf(collection, request.model()));
  collection.stale += other.documents;
  collection.other.reset();
  PutCollection(std::move(collection), applied);
  return OkStatus();
}

Status ApplyEmbeddingBatch(const ApplyContext& context, const store::v1::EmbeddingBatch& batch,
                           Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, batch.collection(), applied));
  const auto& other = writer.collection().other;
  if (batch.space() != 0 && (!other || other->number != batch.space())) {
    return Status(StatusCode::kAborted, "collection", "the embedding space is not there any more");
  }
  uint64_t before = 0;
  for (int i = 0; i < batch.documents_size(); ++i) {
    const auto& document = batch.documents(i);
    if (i > 0 && document.number() <= before) return Internal("a page that is not in order");
    before = document.number();
    ASSIGN_OR_RETURN(const bool changed, writer.Embed(document, batch.space()));
    applied->parts += changed;
  }
  writer.Finish();
  return OkStatus();
}

}  // namespace cordon
