// Any bytes as any request: refused with a reason or answered, and nobody sees what is not theirs.
// The first byte chooses the request. tests/structure/fuzz_test.py asks for one of each call.
#include <cstdint>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/ingest/source_sync.h"
#include "engine/inspect/inspect.h"
#include "engine/retrieve/answer_stream.h"
#include "engine/retrieve/export.h"
#include "engine/retrieve/retrieve.h"
#include "tests/fuzz/world.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

using store::v1::Mutation;

bool IsAna(const v1::Scope& scope) { return scope.as() == "user:ana"; }

// gRPC refuses what does not parse; an empty request takes its place.
template <typename Request>
Request Parsed(std::string_view bytes) {
  Request request;
  const bool whole = request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return whole ? request : Request();
}

template <typename Message>
void CheckPassages(const v1::RetrieveRequest& request, const Message& answer) {
  for (const auto& passage : answer.passages()) {
    CORDON_CHECK(passage.document() != "secret" || IsAna(request.scope()));
  }
}

void TryRetrieve(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<v1::RetrieveRequest>(bytes);
  const auto answer =
      Asked<v1::RetrieveResponse>([&](auto done) { Retrieve(world->Read(), request, done); });
  if (answer.ok()) CheckPassages(request, *answer);
}

void TryBatch(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<v1::BatchRetrieveRequest>(bytes);
  const auto answer = Asked<v1::BatchRetrieveResponse>(
      [&](auto done) { BatchRetrieve(world->Read(), request, done); });
  if (!answer.ok()) return;
  CORDON_CHECK(answer->answers_size() == request.queries_size());
  for (int i = 0; i < request.queries_size(); ++i) {
    CheckPassages(request.queries(i), answer->answers(i).response());
  }
}

// Message by message, as a client reads them.
void TryStream(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<v1::RetrieveStreamRequest>(bytes);
  const auto stream = std::make_shared<AnswerStream>(request.query());
  while (!stream->ended()) {
    const auto part =
        Asked<v1::RetrieveStreamResponse>([&](auto done) { stream->Next(world->Read(), done); });
    if (!part.ok()) return;
    CheckPassages(request.query(), *part);
    CheckPassages(request.query(), part->summary());
  }
}

void TryGet(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<v1::GetDocumentRequest>(bytes);
  const auto answer =
      Asked<v1::GetDocumentResponse>([&](auto done) { GetDocument(world->Read(), request, done); });
  CORDON_CHECK(!answer.ok() || answer->document() != "secret" || IsAna(request.scope()));
}

void TryCheck(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<v1::CheckAccessRequest>(bytes);
  const auto answer =
      Asked<v1::CheckAccessResponse>([&](auto done) { CheckAccess(world->Read(), request, done); });
  if (!answer.ok()) return;
  for (const auto& id : answer->permitted()) {
    CORDON_CHECK(id != "secret" || IsAna(request.scope()));
  }
}

// What a message would hold; the label of its model does not rise.
void TryExport(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<v1::ExportRequest>(bytes);
  journal::v1::Record record;
  const auto part = ReadExportPart(world->Read(), request, {}, &record);
  if (!part.ok()) return;
  for (const auto& document : part->documents) {
    CORDON_CHECK(document->document.id() != "secret" || IsAna(request.scope()));
  }
}

template <typename Request, typename Response, auto call>
void Try(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<Request>(bytes);
  const auto answer = Asked<Response>([&](auto done) { call(world->Read(), request, done); });
  if (!answer.ok()) CORDON_CHECK(!answer.status().message().empty());
}

// As far as no writer is asked what would become of the tenant.
void SimulateUntried(const ReadContext& context, const v1::SimulateRequest& request,
                     Answer<v1::SimulateResponse> done) {
  const auto untried = [](const auto&) { return StatusOr<Trial>(Invalid("change", "not tried")); };
  Simulate(context, request, untried, std::move(done));
}

// Of a collection of which no worker knows.
void EmbeddingUnknown(const ReadContext& context, const v1::EmbeddingStatusRequest& request,
                      Answer<v1::EmbeddingStatusResponse> done) {
  const auto unknown = [](const auto&, uint32_t) { return EmbeddingProgress(); };
  EmbeddingStatus(context, request, unknown, std::move(done));
}

// The journal grows with every request, and to find its newest records hundreds of others are read:
// the first request is tried, and then one of so many.
void TryJournal(FuzzWorld* world, std::string_view bytes) {
  constexpr uint64_t kEvery = 16;
  static uint64_t requests = 0;
  if (requests++ % kEvery != 0) return;
  Try<v1::QueryJournalRequest, v1::QueryJournalResponse, QueryJournal>(world, bytes);
}

void TryIngest(FuzzWorld* world, std::string_view bytes) {
  world->WouldIngest(Parsed<v1::IngestRequest>(bytes));
}

// One message of a listing: what of it differs from what is stored.
void TrySource(FuzzWorld* world, std::string_view bytes) {
  OpenListings open;
  SourceSync sync(&open);
  const Status taken = sync.Take(world->Write(), Parsed<v1::SyncSourceRequest>(bytes));
  CORDON_CHECK(taken.ok() || !taken.message().empty());
}

// The messages of a snapshot at once, of which the records are staged already.
void TrySync(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<v1::SyncDirectoryRequest>(bytes);
  world->WouldApply(FuzzWorld::SyncOf(request.begin(), request.commit().principals()));
}

// A change that the writer itself judges.
template <typename Request, Request* (Mutation::*part)()>
void TryApply(FuzzWorld* world, std::string_view bytes) {
  Mutation mutation;
  *(mutation.*part)() = Parsed<Request>(bytes);
  world->WouldApply(std::move(mutation));
}

// One that is judged before: what passes is applied.
template <StatusOr<Mutation> (*checked)(const WriteContext&, std::string_view)>
void TryChecked(FuzzWorld* world, std::string_view bytes) {
  const auto mutation = checked(world->Write(), bytes);
  if (mutation.ok()) {
    world->WouldApply(*mutation);
  } else {
    CORDON_CHECK(!mutation.status().message().empty());
  }
}

StatusOr<Mutation> Updated(const WriteContext& context, std::string_view bytes) {
  Mutation mutation;
  *mutation.mutable_update_metadata() = Parsed<v1::UpdateMetadataRequest>(bytes);
  RETURN_IF_ERROR(CheckUpdateMetadata(context, mutation.mutable_update_metadata()));
  return mutation;
}

StatusOr<Mutation> Erased(const WriteContext& context, std::string_view bytes) {
  return EraseOf(context, Parsed<v1::EraseRequest>(bytes));
}

StatusOr<Mutation> Opened(const WriteContext& context, std::string_view bytes) {
  Mutation mutation;
  mutation.mutable_break_glass()->set_id("id");
  ASSIGN_OR_RETURN(*mutation.mutable_break_glass()->mutable_open(),
                   AccessToOpen(context, Parsed<v1::OpenBreakGlassRequest>(bytes), "id"));
  return mutation;
}

StatusOr<Mutation> Closed(const WriteContext& context, std::string_view bytes) {
  const auto request = Parsed<v1::CloseBreakGlassRequest>(bytes);
  RETURN_IF_ERROR(CheckCloseBreakGlass(context, request));
  Mutation mutation;
  mutation.mutable_break_glass()->set_id(request.id());
  return mutation;
}

StatusOr<Mutation> Selected(const WriteContext& context, std::string_view bytes) {
  const auto request = Parsed<v1::SetAccessSelectedRequest>(bytes);
  RETURN_IF_ERROR(CheckSetAccessSelected(context, request));
  Mutation mutation;
  auto* const selected = mutation.mutable_set_access_selected();
  selected->set_collection(request.collection());
  selected->add_documents("open");
  if (request.has_acl()) *selected->mutable_acl() = request.acl();
  if (request.has_label()) *selected->mutable_label() = request.label();
  return mutation;
}

StatusOr<Mutation> KeyMade(const WriteContext& context, std::string_view bytes) {
  return NewKeyOf(context, Parsed<v1::CreateKeyRequest>(bytes), MadeKey{"made", "secret", "d"});
}

StatusOr<Mutation> KeyRotated(const WriteContext& context, std::string_view bytes) {
  return RotatedKeyOf(context, Parsed<v1::RotateKeyRequest>(bytes), MadeKey{"made", "secret", "e"});
}

StatusOr<Mutation> KeyRevoked(const WriteContext& context, std::string_view bytes) {
  return RevokedKeyOf(context, Parsed<v1::RevokeKeyRequest>(bytes));
}

StatusOr<Mutation> TenantMade(const WriteContext& context, std::string_view bytes) {
  return NewTenantOf(context, Parsed<v1::CreateTenantRequest>(bytes),
                     MadeKey{"made", "secret", "d"});
}

StatusOr<Mutation> CollectionMade(const WriteContext& context, std::string_view bytes) {
  return NewCollectionOf(context, Parsed<v1::CreateCollectionRequest>(bytes));
}

StatusOr<Mutation> CollectionGone(const WriteContext& context, std::string_view bytes) {
  return DeletedCollectionOf(context, Parsed<v1::DeleteCollectionRequest>(bytes));
}

// The inputs of the corpus begin with their places in here: new ones come last.
constexpr void (*kRequests[])(FuzzWorld*, std::string_view) = {
    TryRetrieve,
    TryGet,
    TryCheck,
    Try<v1::AllowedDestinationsRequest, v1::AllowedDestinationsResponse, AllowedDestinations>,
    Try<v1::ExplainRequest, v1::ExplainResponse, Explain>,
    Try<v1::StatsRequest, v1::StatsResponse, Stats>,
    TryIngest,
    TryApply<v1::SetAccessRequest, &Mutation::mutable_set_access>,
    TryApply<v1::DeleteRequest, &Mutation::mutable_delete_document>,
    TryApply<v1::ApplyPolicyRequest, &Mutation::mutable_policy>,
    TryApply<v1::ApplyDirectoryRequest, &Mutation::mutable_directory>,
    TryApply<v1::CollectionConfig, &Mutation::mutable_create_collection>,
    Try<v1::WhoCanSeeRequest, v1::WhoCanSeeResponse, WhoCanSee>,
    Try<v1::AccessReportRequest, v1::AccessReportResponse, AccessReport>,
    TryApply<v1::SetAccessManyRequest, &Mutation::mutable_set_access_many>,
    TryApply<store::v1::AccessBatch, &Mutation::mutable_set_access_selected>,
    TryBatch,
    TryExport,
    Try<v1::SimulateRequest, v1::SimulateResponse, SimulateUntried>,
    TrySource,
    TryChecked<Updated>,
    TryChecked<Erased>,
    TryChecked<Opened>,
    TryChecked<Closed>,
    TryApply<v1::SetHoldRequest, &Mutation::mutable_hold>,
    TryApply<v1::BeginEmbeddingRequest, &Mutation::mutable_begin_embedding>,
    TryApply<v1::SwitchEmbeddingRequest, &Mutation::mutable_switch_embedding>,
    TryApply<v1::DropEmbeddingRequest, &Mutation::mutable_drop_embedding>,
    TryChecked<KeyMade>,
    TryChecked<KeyRotated>,
    TryChecked<KeyRevoked>,
    TryChecked<TenantMade>,
    TryChecked<CollectionMade>,
    TryChecked<CollectionGone>,
    TryChecked<Selected>,
    TrySync,
    TryStream,
    Try<v1::GetPrincipalRequest, v1::GetPrincipalResponse, GetPrincipal>,
    Try<v1::EraseStatusRequest, v1::EraseStatusResponse, EraseStatus>,
    Try<v1::ListHoldsRequest, v1::ListHoldsResponse, ListHolds>,
    Try<v1::PolicyHistoryRequest, v1::PolicyHistoryResponse, PolicyHistory>,
    Try<v1::UsageRequest, v1::UsageResponse, Usage>,
    TryJournal,
    Try<v1::EmbeddingStatusRequest, v1::EmbeddingStatusResponse, EmbeddingUnknown>,
};

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cordon::FuzzWorld world;  // ends before what its journal needs
  if (size == 0) return 0;
  const auto one = cordon::kRequests[data[0] % std::size(cordon::kRequests)];
  one(&world, {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
