#include "engine/ingest/ingest.h"

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/ingest/embed_documents.h"
#include "engine/ingest/fill_embedding.h"
#include "engine/ingest/run_step.h"
#include "engine/ingest/validate.h"
#include "engine/store/codec.h"
#include "engine/text/language.h"

namespace cordon {
namespace {

using store::v1::Mutation;

}  // namespace

StatusOr<std::shared_ptr<const Collection>> Writable(const WriteContext& context, const View& view,
                                                     const std::string& name) {
  RETURN_IF_ERROR(context.caller.RequireCollection(name));
  auto collection = view.state().FindCollection(name);
  if (!collection) return CollectionNotFound();
  return collection;
}

Status CheckModel(const Collection& collection, const std::string& embedding_model) {
  if (embedding_model.empty() || embedding_model == collection.config.model()) return OkStatus();
  return Invalid("embedding_model",
                 "not the model of the collection; vectors of two models cannot be compared");
}

Status CheckSetAccess(const WriteContext& context, const v1::SetAccessRequest& request) {
  const Grant& grant = context.caller.grant();
  if (request.has_acl()) RETURN_IF_ERROR(context.caller.Require(Right::kGrant));
  if (request.has_label()) RETURN_IF_ERROR(context.caller.Require(Right::kLabel));
  if (!request.has_acl() && !request.has_label()) {
    return Invalid("acl", "neither a list nor a label is given; give at least one");
  }
  RETURN_IF_ERROR(CheckReason(request.reason()));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, request.collection()).status());
  RETURN_IF_ERROR(CheckWritableId("document", grant, request.document()));
  const PolicyRules& rules = *view->policy().rules;
  if (request.has_acl()) {
    RETURN_IF_ERROR(CheckGivenAcl(rules, grant, request.acl()).Within("acl"));
  }
  if (!request.has_label()) return OkStatus();
  return CheckGivenLabel(rules, grant, request.label()).Within("label");
}

Status CheckDelete(const WriteContext& context, const v1::DeleteRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kIngest));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, request.collection()).status());
  return CheckWritableId("document", context.caller.grant(), request.document());
}

Status CheckApplyDirectory(const WriteContext& context, const v1::ApplyDirectoryRequest& request) {
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  if (static_cast<size_t>(request.principals_size()) <= limits::kDirectoryRecords) {
    return OkStatus();
  }
  return Invalid("principals",
                 fmt::format("more than {} records; split the file", limits::kDirectoryRecords));
}

Status CheckReason(const std::string& reason) {
  return CheckText("reason", reason, limits::kReasonBytes);
}

Status CheckAdmin(const WriteContext& context, const std::string& reason) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  return CheckReason(reason);
}

namespace {

// What the journal keeps of a file by which labels of models may fall: which, and why.
std::string WhyLabelsFall(const v1::ApplyPolicyRequest& request) {
  std::string why;
  for (const auto& change : request.destinations()) {
    if (change.retrained().empty()) continue;
    why += fmt::format("{}retrained {}: {}", why.empty() ? "" : "; ", change.destination().name(),
                       change.retrained());
  }
  return why;
}

// No key may make another for its own principal that can do more.
Status CheckNewGrant(const WriteContext& context, const Grant& grant) {
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(view->policy().rules->scheme.CheckClearance(grant.clearance).Within("clearance"));
  const Grant& own = context.caller.grant();
  const bool same = CanonicalName(view->policy(), grant.principal) ==
                    CanonicalName(view->policy(), own.principal);
  if (same && !own.Covers(view->policy().rules->scheme, grant)) {
    return Denied("principal", "a key may not raise its own principal; ask another admin");
  }
  return OkStatus();
}

StatusOr<store::v1::KeyRecord> KeyRecordOf(const WriteContext& context, const v1::KeyGrant& grant,
                                           const MadeKey& key) {
  ASSIGN_OR_RETURN(const Grant checked, FromProto(grant));
  RETURN_IF_ERROR(CheckNewGrant(context, checked));
  if (!checked.certificate.empty() && key.certificate_taken) return CertificateTaken();
  store::v1::KeyRecord record;
  if (checked.certificate.empty()) record.set_digest(key.digest);
  *record.mutable_grant() = ToProto(checked);
  record.set_created_us(context.clock->Now());
  return record;
}

}  // namespace

StatusOr<Mutation> NewKeyOf(const WriteContext& context, const v1::CreateKeyRequest& request,
                            const MadeKey& key) {
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  Mutation mutation;
  mutation.set_reason(request.reason());
  mutation.mutable_key()->set_id(key.id);
  ASSIGN_OR_RETURN(*mutation.mutable_key()->mutable_record(),
                   KeyRecordOf(context, request.grant(), key));
  return mutation;
}

StatusOr<Mutation> DeletedCollectionOf(const WriteContext& context,
                                       const v1::DeleteCollectionRequest& request) {
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  RETURN_IF_ERROR(context.caller.RequireCollection(request.name()));
  Mutation mutation;
  mutation.set_reason(request.reason());
  mutation.mutable_delete_collection()->set_name(request.name());
  return mutation;
}

// Whoever rotates a key holds it from then on: as with a new one, it may not raise the caller.
StatusOr<Mutation> RotatedKeyOf(const WriteContext& context, const v1::RotateKeyRequest& request,
                                const MadeKey& key) {
  constexpr int64_t kMicros = 1'000'000;
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  if (request.overlap_s() > limits::kKeyOverlap_s) {
    return Invalid("overlap_s", fmt::format("more than {} days", limits::kKeyOverlap_s / 86400));
  }
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  const auto found = view->state().keys->find(request.id());
  if (found != view->state().keys->end()) {  // else the writer says so
    RETURN_IF_ERROR(CheckNewGrant(context, *found->second.grant));
  }
  Mutation mutation;
  mutation.set_reason(request.reason());
  mutation.mutable_key()->set_id(request.id());
  auto* const rotation = mutation.mutable_key()->mutable_rotation();
  rotation->set_digest(key.digest);
  rotation->set_previous_until_us(view.as_of + request.overlap_s() * kMicros);
  return mutation;
}

StatusOr<Mutation> RevokedKeyOf(const WriteContext& context, const v1::RevokeKeyRequest& request) {
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  Mutation mutation;
  mutation.set_reason(request.reason());
  mutation.mutable_key()->set_id(request.id());
  return mutation;
}

namespace {

// A collection that an endpoint embeds for records the endpoint's model, which must be there.
Status CompleteEmbedder(const WriteContext& context, v1::CollectionConfig* config) {
  if (config->embedder() != v1::EMBEDDER_HTTP) return OkStatus();
  const Endpoint* endpoint = context.endpoints == nullptr
                                 ? nullptr
                                 : context.endpoints->Find(config->embedding_endpoint(),
                                                           EndpointConfig::Kind::kEmbeddings);
  if (endpoint == nullptr) {
    return Invalid("embedding_endpoint",
                   "no embedding endpoint of the server; name one of its configuration");
  }
  if (config->model().empty()) config->set_model(endpoint->config().model);
  const auto found = EmbeddingEndpoint(context.endpoints, config->embedding_endpoint(),
                                       config->model(), config->dimension());
  return found.ok() ? OkStatus()
                    : Invalid("model",
                              "the endpoint has another model, or another dimension; "
                              "leave the model out and give its dimension");
}

// `sent_to` as of CheckIngest().
StatusOr<Validated> ValidateBatch(const WriteContext& context, const View& view,
                                  const Collection& collection, v1::IngestRequest* request,
                                  std::string* sent_to) {
  RETURN_IF_ERROR(CheckBatchSize(*request));
  const v1::CollectionConfig& config = collection.config;
  RETURN_IF_ERROR(CheckModel(collection, request->embedding_model()));
  const auto embeddings = sent_to == nullptr ? Embeddings::kLeftOut : Embeddings::kNeeded;
  Validated validated = Validate(view, collection, context.caller, request, embeddings);
  if (config.embedder() == v1::EMBEDDER_HTTP) {
    RETURN_IF_ERROR(sent_to == nullptr
                        ? RefuseUnreleased(context, view, config, &validated)
                        : EmbedDocuments(context, view, config, &validated, sent_to));
  }
  return validated;
}

// Answers what was applied before, or where a run stands.
void AnswerKnown(const WriteContext& context, const std::string& collection,
                 v1::IngestResponse response, Acknowledge<IngestedBatch> done) {
  auto record = RecordOf("Ingest", context.caller, *context.tenant);
  record.set_collection(collection);
  record.set_revision(response.revision());
  AnswerJournaled(context, std::move(record), IngestedBatch{std::move(response), {}},
                  std::move(done));
}

}  // namespace

StatusOr<Mutation> NewCollectionOf(const WriteContext& context,
                                   v1::CreateCollectionRequest request) {
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  RETURN_IF_ERROR(CompleteEmbedder(context, request.mutable_config()));
  RETURN_IF_ERROR(LanguageOf(request.config().language()).status().Within("language"));
  Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_create_collection() = std::move(*request.mutable_config());
  return mutation;
}

StatusOr<CheckedBatch> CheckIngest(const WriteContext& context, v1::IngestRequest* request,
                                   std::string* sent_to) {
  RETURN_IF_ERROR(context.caller.Require(Right::kIngest));
  RETURN_IF_ERROR(CheckReason(request->reason()));
  if (request->embeddings_only()) {  // of a trial
    return Invalid("embeddings_only", "changes nothing of who sees what; leave it out");
  }
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection, Writable(context, *view.view, request->collection()));
  CheckedBatch checked;
  ASSIGN_OR_RETURN(checked.run, StepOfRun(*view.view, *collection, context.caller, request));
  if (checked.run.known) return checked;
  ASSIGN_OR_RETURN(checked.validated,
                   ValidateBatch(context, *view.view, *collection, request, sent_to));
  if (checked.run.next) NoteRefused(checked.validated.refused, &*checked.run.next);
  return checked;
}

void IngestDocuments(const WriteContext& context, v1::IngestRequest request,
                     Acknowledge<IngestedBatch> done) {
  if (request.embeddings_only()) return FillEmbedding(context, request, std::move(done));
  std::string sent_to;  // the endpoint that received texts
  auto checked = CheckIngest(context, &request, &sent_to);
  auto record = RecordOf("Ingest", context.caller, *context.tenant);
  if (!sent_to.empty()) record.add_endpoints(sent_to);
  if (!checked.ok()) {
    return RefuseJournaled(context.tenant, std::move(record), checked.status(), std::move(done));
  }
  if (checked->run.known) {
    return AnswerKnown(context, request.collection(), *std::move(checked->run.known),
                       std::move(done));
  }
  Validated* const validated = &checked->validated;
  IngestedBatch ingested;
  ingested.response.set_batch(request.batch());
  ingested.response.mutable_refused()->Assign(validated->refused.begin(), validated->refused.end());
  const auto accepted = static_cast<uint32_t>(validated->batch.documents_size());
  if (accepted == 0 && !checked->run.next) {
    return AnswerRefused(context, std::move(record), std::move(ingested), std::move(done));
  }
  Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_ingest() = std::move(validated->batch);
  if (checked->run.next) {
    *mutation.mutable_ingest()->mutable_run() = *std::move(checked->run.next);
  }
  Commit<IngestedBatch>(
      context, std::move(mutation), std::move(done),
      [ingested = std::move(ingested), accepted, places = std::move(validated->places),
       audit = context.caller.grant().rights.Has(Right::kAudit)](Committed& committed) mutable {
        ingested.response.set_accepted(accepted);
        ingested.response.set_revision(committed.revision);
        if (!audit) committed.stale.clear();
        for (const uint32_t stale : committed.stale) ingested.response.add_stale(places[stale]);
        ingested.undefined = std::move(committed.undefined);
        return ingested;
      },
      /*purpose=*/{}, sent_to);
}

void OpenIngest(const WriteContext& context, std::function<void(Status)> done) {
  const Status held = context.caller.Require(Right::kIngest);
  if (held.ok()) return done(held);
  RefuseJournaled(context, "Ingest", held, std::move(done));
}

void SetAccess(const WriteContext& context, const v1::SetAccessRequest& request,
               Acknowledge<v1::SetAccessResponse> done) {
  if (const Status checked = CheckSetAccess(context, request); !checked.ok()) {
    return RefuseJournaled(context, "SetAccess", checked, std::move(done));
  }
  Mutation mutation;
  *mutation.mutable_set_access() = request;
  mutation.set_reason(request.reason());
  Commit(context, std::move(mutation), std::move(done),
         RevisionAndExisted<v1::SetAccessResponse>(context));
}

void Delete(const WriteContext& context, const v1::DeleteRequest& request,
            Acknowledge<v1::DeleteResponse> done) {
  if (const Status checked = CheckDelete(context, request); !checked.ok()) {
    return RefuseJournaled(context, "Delete", checked, std::move(done));
  }
  Mutation mutation;
  *mutation.mutable_delete_document() = request;
  mutation.set_reason(request.reason());
  Commit(context, std::move(mutation), std::move(done),
         RevisionAndExisted<v1::DeleteResponse>(context));
}

void ApplyDirectory(const WriteContext& context, v1::ApplyDirectoryRequest request,
                    Acknowledge<v1::ApplyDirectoryResponse> done) {
  const Status checked = CheckApplyDirectory(context, request);
  if (!checked.ok()) return RefuseJournaled(context, "ApplyDirectory", checked, std::move(done));
  Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_directory() = std::move(request);
  Commit(context, std::move(mutation), std::move(done), [](const Committed& committed) {
    v1::ApplyDirectoryResponse response;
    response.set_applied(committed.parts);
    response.set_revision(committed.revision);
    return response;
  });
}

void ApplyPolicy(const WriteContext& context, v1::ApplyPolicyRequest request,
                 Acknowledge<v1::ApplyPolicyResponse> done) {
  if (const Status held = CheckAdmin(context, request.reason()); !held.ok()) {
    return RefuseJournaled(context, "ApplyPolicy", held, std::move(done));
  }
  const std::string why = WhyLabelsFall(request);
  Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_policy() = std::move(request);
  Commit(
      context, std::move(mutation), std::move(done),
      [](const Committed& committed) {
        v1::ApplyPolicyResponse response;
        response.set_applied(committed.parts);
        response.set_revision(committed.revision);
        response.mutable_unknown_sources()->Assign(committed.undefined.begin(),
                                                   committed.undefined.end());
        response.mutable_look_alike_sources()->Assign(committed.look_alikes.begin(),
                                                      committed.look_alikes.end());
        return response;
      },
      why);
}

void CreateCollection(const WriteContext& context, v1::CreateCollectionRequest request,
                      Acknowledge<v1::CreateCollectionResponse> done) {
  auto mutation = NewCollectionOf(context, std::move(request));
  if (!mutation.ok()) {
    return RefuseJournaled(context, "CreateCollection", mutation.status(), std::move(done));
  }
  Commit(context, *std::move(mutation), std::move(done),
         RevisionOnly<v1::CreateCollectionResponse>());
}

void DeleteCollection(const WriteContext& context, const v1::DeleteCollectionRequest& request,
                      Acknowledge<v1::DeleteCollectionResponse> done) {
  auto mutation = DeletedCollectionOf(context, request);
  if (!mutation.ok()) {
    return RefuseJournaled(context, "DeleteCollection", mutation.status(), std::move(done));
  }
  Commit(context, *std::move(mutation), std::move(done),
         RevisionOnly<v1::DeleteCollectionResponse>());
}

void CreateKey(const WriteContext& context, const v1::CreateKeyRequest& request, MadeKey key,
               Acknowledge<v1::CreateKeyResponse> done) {
  auto mutation = NewKeyOf(context, request, key);
  if (!mutation.ok()) {
    return RefuseJournaled(context, "CreateKey", mutation.status(), std::move(done));
  }
  const bool secret = !mutation->key().record().digest().empty();
  Commit(context, *std::move(mutation), std::move(done),
         [key = std::move(key), secret](const Committed& committed) {
           v1::CreateKeyResponse response;
           response.set_id(key.id);
           if (secret) response.set_key(key.bearer);
           response.set_revision(committed.revision);
           return response;
         });
}

void RotateKey(const WriteContext& context, const v1::RotateKeyRequest& request, MadeKey key,
               Acknowledge<v1::RotateKeyResponse> done) {
  auto mutation = RotatedKeyOf(context, request, key);
  if (!mutation.ok()) {
    return RefuseJournaled(context, "RotateKey", mutation.status(), std::move(done));
  }
  Commit(context, *std::move(mutation), std::move(done),
         [key = std::move(key)](const Committed& committed) {
           v1::RotateKeyResponse response;
           response.set_id(key.id);
           response.set_key(key.bearer);
           response.set_revision(committed.revision);
           return response;
         });
}

void RevokeKey(const WriteContext& context, const v1::RevokeKeyRequest& request,
               Acknowledge<v1::RevokeKeyResponse> done) {
  auto mutation = RevokedKeyOf(context, request);
  if (!mutation.ok()) {
    return RefuseJournaled(context, "RevokeKey", mutation.status(), std::move(done));
  }
  Commit(context, *std::move(mutation), std::move(done), RevisionOnly<v1::RevokeKeyResponse>());
}

v1::KeyGrant FirstAdminGrant() {
  v1::KeyGrant grant;
  grant.set_principal("service:admin");
  grant.add_rights(v1::RIGHT_ADMIN);
  grant.add_collections(std::string(kAnyName));  // to manage; reading needs other rights
  grant.mutable_clearance()->set_symbol(v1::Clearance::SYMBOL_LOWEST);
  return grant;
}

StatusOr<Mutation> NewTenantOf(const WriteContext& context, const v1::CreateTenantRequest& request,
                               const MadeKey& key) {
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  if (context.tenant->name != kFirstTenant) {
    return Denied("name", "only an admin of the first tenant may create tenants");
  }
  Mutation mutation;
  mutation.set_reason(request.reason());
  auto* const tenant = mutation.mutable_tenant();
  tenant->set_name(request.name());
  tenant->set_key_id(key.id);
  tenant->mutable_key()->set_digest(key.digest);
  *tenant->mutable_key()->mutable_grant() = FirstAdminGrant();
  tenant->mutable_key()->set_created_us(context.clock->Now());
  return mutation;
}

void CreateTenant(const WriteContext& context, const v1::CreateTenantRequest& request, MadeKey key,
                  Acknowledge<v1::CreateTenantResponse> done) {
  auto mutation = NewTenantOf(context, request, key);
  if (!mutation.ok()) {
    return RefuseJournaled(context, "CreateTenant", mutation.status(), std::move(done));
  }
  Commit(context, *std::move(mutation), std::move(done),
         [key = std::move(key)](const Committed& committed) {
           v1::CreateTenantResponse response;
           response.set_id(key.id);
           response.set_key(key.bearer);
           response.set_revision(committed.revision);
           return response;
         });
}

}  // namespace cordon
