// Any bytes as any request: refused with a reason or answered, and nobody sees what is not theirs.
// The first byte chooses the request.
#include <cstdint>
#include <string_view>

#include "engine/inspect/inspect.h"
#include "engine/retrieve/retrieve.h"
#include "tests/fuzz/world.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

bool IsAna(const v1::Scope& scope) { return scope.as() == "user:ana"; }

// gRPC refuses what does not parse; an empty request takes its place.
template <typename Request>
Request Parsed(std::string_view bytes) {
  Request request;
  const bool whole = request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return whole ? request : Request();
}

void TryRetrieve(FuzzWorld* world, std::string_view bytes) {
  const auto request = Parsed<v1::RetrieveRequest>(bytes);
  const auto answer =
      Asked<v1::RetrieveResponse>([&](auto done) { Retrieve(world->Read(), request, done); });
  if (!answer.ok()) return;
  for (const auto& passage : answer->passages()) {
    CORDON_CHECK(passage.document() != "secret" || IsAna(request.scope()));
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

template <typename Request, typename Response, typename Call>
void Try(FuzzWorld* world, std::string_view bytes, Call call) {
  const auto request = Parsed<Request>(bytes);
  const auto answer = Asked<Response>([&](auto done) { call(world->Read(), request, done); });
  if (!answer.ok()) CORDON_CHECK(!answer.status().message().empty());
}

void TryMutation(FuzzWorld* world, uint8_t kind, std::string_view bytes) {
  store::v1::Mutation mutation;
  switch (kind) {
    case 0:
      *mutation.mutable_set_access() = Parsed<v1::SetAccessRequest>(bytes);
      break;
    case 1:
      *mutation.mutable_delete_document() = Parsed<v1::DeleteRequest>(bytes);
      break;
    case 2:
      *mutation.mutable_policy() = Parsed<v1::ApplyPolicyRequest>(bytes);
      break;
    case 7:
      *mutation.mutable_set_access_many() = Parsed<v1::SetAccessManyRequest>(bytes);
      break;
    case 8:
      *mutation.mutable_set_access_selected() = Parsed<store::v1::AccessBatch>(bytes);
      break;
    case 3:
      *mutation.mutable_directory() = Parsed<v1::ApplyDirectoryRequest>(bytes);
      break;
    default:
      *mutation.mutable_create_collection() = Parsed<v1::CollectionConfig>(bytes);
  }
  world->WouldApply(std::move(mutation));
}

void TryOne(FuzzWorld* world, uint8_t kind, std::string_view bytes) {
  switch (kind) {
    case 0:
      return TryRetrieve(world, bytes);
    case 1:
      return TryGet(world, bytes);
    case 2:
      return TryCheck(world, bytes);
    case 3:
      return Try<v1::AllowedDestinationsRequest, v1::AllowedDestinationsResponse>(
          world, bytes, AllowedDestinations);
    case 4:
      return Try<v1::ExplainRequest, v1::ExplainResponse>(world, bytes, Explain);
    case 5:
      return Try<v1::StatsRequest, v1::StatsResponse>(world, bytes, Stats);
    case 6:
      world->WouldIngest(Parsed<v1::IngestRequest>(bytes));
      return;
    case 12:
      return Try<v1::WhoCanSeeRequest, v1::WhoCanSeeResponse>(world, bytes, WhoCanSee);
    case 13:
      return Try<v1::AccessReportRequest, v1::AccessReportResponse>(world, bytes, AccessReport);
    default:
      return TryMutation(world, kind - 7, bytes);
  }
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cordon::FuzzWorld world;  // ends before what its journal needs
  if (size == 0) return 0;
  cordon::TryOne(&world, data[0] % 16, {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
