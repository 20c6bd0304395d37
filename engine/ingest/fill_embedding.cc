#include "engine/ingest/fill_embedding.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

using store::v1::EmbeddingBatch;

// As the journal names it, and CallOf() its mutation.
constexpr std::string_view kFillCall = "Embed";

// What a batch comes to, before the writer has it.
struct Filling {
  EmbeddingBatch batch;  // of what it meets
  std::vector<v1::Refusal> refused;
  uint32_t accepted = 0;
};

// The space that the request is for; null if there is none.
const OtherSpace* SpaceFor(const Collection& collection, const v1::IngestRequest& request) {
  if (!collection.other || request.embedding_model().empty()) return nullptr;
  const v1::EmbeddingSpace& space = collection.other->space;
  if (MadeHere(space) || space.model() != request.embedding_model()) return nullptr;
  return &*collection.other;
}

// A list or a text that was sent for nothing is better refused: it may have been meant.
Status CheckFields(const google::protobuf::Message& message,
                   std::initializer_list<std::string_view> taken) {
  std::vector<const google::protobuf::FieldDescriptor*> given;
  message.GetReflection()->ListFields(message, &given);
  for (const auto* field : given) {
    if (std::find(taken.begin(), taken.end(), field->name()) != taken.end()) continue;
    return Invalid(field->name(),
                   "vectors of another model come for what is stored, with its id, ordinals and "
                   "texts alone; leave the rest out");
  }
  return OkStatus();
}

Status CheckChunk(const v1::EmbeddingSpace& space, const v1::Chunk& chunk) {
  RETURN_IF_ERROR(CheckFields(chunk, {"ordinal", "text", "embedding"}));
  return CheckEmbedding(chunk, space.dimension());
}

// The document's chunks by their ordinals, judged on the request alone.
using BroughtChunks = std::map<uint32_t, const v1::Chunk*>;
StatusOr<BroughtChunks> ChunksOf(const Grant& grant, const v1::EmbeddingSpace& space,
                                 const v1::Document& document) {
  RETURN_IF_ERROR(CheckWritableId("id", grant, document.id()));
  RETURN_IF_ERROR(CheckFields(document, {"id", "chunks"}));
  if (document.chunks().empty()) return Invalid("chunks", "missing; give those that are stored");
  BroughtChunks chunks;
  for (int i = 0; i < document.chunks_size(); ++i) {
    const v1::Chunk& chunk = document.chunks(i);
    const std::string path = fmt::format("chunks[{}]", i);
    RETURN_IF_ERROR(CheckChunk(space, chunk).Within(path));
    const uint32_t ordinal = chunk.has_ordinal() ? chunk.ordinal() : static_cast<uint32_t>(i);
    if (!chunks.emplace(ordinal, &chunk).second) {
      return Invalid(path + ".ordinal", "is given twice; number each chunk once");
    }
  }
  return chunks;
}

// Adds the vectors of a document that is stored with these chunks; false if it is not.
StatusOr<bool> AddIfStored(const View& view, const Collection& collection, const std::string& id,
                           const BroughtChunks& chunks, EmbeddingBatch* batch) {
  store::v1::DocumentRecord record;
  ASSIGN_OR_RETURN(const bool there, view.documents().Read(collection.id, id, &record));
  if (!there || static_cast<size_t>(record.chunks_size()) != chunks.size()) return false;
  std::vector<Documents::ChunkPlace> places;
  std::vector<const v1::Chunk*> brought;
  for (const auto& entry : record.chunks()) {
    const auto found = chunks.find(entry.ordinal());
    if (found == chunks.end()) return false;
    places.push_back({record.number(), entry.ordinal()});
    brought.push_back(found->second);
  }
  bool same = true;
  RETURN_IF_ERROR(view.documents().ReadChunks(
      collection.id, places, [&](size_t i, const store::v1::ChunkRecord* stored) {
        same = same && stored != nullptr && stored->text() == brought[i]->text();
        return OkStatus();
      }));
  if (!same) return false;
  auto* const embedded = batch->add_documents();
  embedded->set_number(record.number());
  for (const v1::Chunk* chunk : brought) {
    embedded->add_vectors(reinterpret_cast<const char*>(chunk->embedding().data()),
                          static_cast<size_t>(chunk->embedding_size()) * sizeof(float));
  }
  return true;
}

// The writer has all that is written anew at once: each chunk's text and vectors, of both spaces.
// By the request alone, so that it tells nothing of what is met.
Status CheckBytes(const Collection& collection, const v1::IngestRequest& request) {
  const size_t numbers =
      size_t{collection.config.dimension()} + collection.other->space.dimension();
  size_t bytes = 0;
  for (const auto& document : request.documents()) {
    for (const auto& chunk : document.chunks()) {
      bytes += numbers * sizeof(float) + chunk.text().size();
    }
  }
  if (bytes <= limits::kFilledBytes) return OkStatus();
  return Invalid("documents", "too large with the vectors that they have; send fewer in a batch");
}

Status CheckRequest(const Collection& collection, const v1::IngestRequest& request) {
  if (!request.run().empty()) {
    return Invalid("run",
                   "vectors of another model are sent without one: it changes nothing when "
                   "they come twice");
  }
  RETURN_IF_ERROR(CheckBatchSize(request));
  return CheckBytes(collection, request);
}

Status JudgeDocuments(const WriteContext& context, const View& view, const Collection& collection,
                      const v1::IngestRequest& request, Filling* filling) {
  const Grant& grant = context.caller.grant();
  const bool audits = grant.rights.Has(Right::kAudit);
  std::set<std::string_view> ids;
  for (int i = 0; i < request.documents_size(); ++i) {
    const v1::Document& document = request.documents(i);
    const auto chunks = ChunksOf(grant, collection.other->space, document);
    Status good = chunks.status();
    if (good.ok() && !ids.insert(document.id()).second) {
      good = Invalid("id", "is given twice in a batch; send it once");
    }
    if (good.ok()) {
      ASSIGN_OR_RETURN(const bool stored,
                       AddIfStored(view, collection, document.id(), *chunks, &filling->batch));
      if (!stored && audits) {
        good = Status(StatusCode::kFailedPrecondition, "chunks",
                      "no such document is stored with these ordinals and texts; embed what is");
      }
    }
    filling->accepted += good.ok();
    if (!good.ok()) {
      filling->refused.push_back(RefusalOf(static_cast<uint32_t>(i), document.id(), good));
    }
  }
  return OkStatus();
}

StatusOr<Filling> CheckFilling(const WriteContext& context, const v1::IngestRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kIngest));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection, Writable(context, *view.view, request.collection()));
  const OtherSpace* const other = SpaceFor(*collection, request);
  if (other == nullptr) {
    return Invalid("embedding_model",
                   "not the model of a second embedding space for which clients bring the vectors");
  }
  RETURN_IF_ERROR(CheckRequest(*collection, request));
  Filling filling;
  filling.batch.set_collection(request.collection());
  filling.batch.set_space(other->number);
  RETURN_IF_ERROR(JudgeDocuments(context, *view.view, *collection, request, &filling));
  std::sort(filling.batch.mutable_documents()->begin(), filling.batch.mutable_documents()->end(),
            [](const auto& a, const auto& b) { return a.number() < b.number(); });
  return filling;
}

}  // namespace

// What is written anew meanwhile has another number, and its vectors are passed over. A batch that
// is good but meets nothing is committed as well: its sender learns nothing by the revision.
void FillEmbedding(const WriteContext& context, const v1::IngestRequest& request,
                   Acknowledge<IngestedBatch> done) {
  auto filling = CheckFilling(context, request);
  if (!filling.ok()) return RefuseJournaled(context, kFillCall, filling.status(), std::move(done));
  IngestedBatch ingested;
  ingested.response.set_batch(request.batch());
  ingested.response.set_accepted(filling->accepted);
  ingested.response.mutable_refused()->Assign(filling->refused.begin(), filling->refused.end());
  if (filling->accepted == 0) {
    return AnswerRefused(context, RecordOf(kFillCall, context.caller, *context.tenant),
                         std::move(ingested), std::move(done));
  }
  store::v1::Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_embed() = std::move(filling->batch);
  Commit<IngestedBatch>(context, std::move(mutation), std::move(done),
                        [ingested = std::move(ingested)](const Committed& committed) mutable {
                          ingested.response.set_revision(committed.revision);
                          return ingested;
                        });
}

}  // namespace cordon
