#include "tests/crash/load.h"

#include <fmt/format.h>

#include <deque>

namespace cordon {
namespace {

constexpr auto kAnswersWithin = std::chrono::seconds(30);
constexpr size_t kAhead = 6;  // batches of a stream that wait for their acknowledgement

Status Ours(const grpc::Status& status) {
  if (status.ok()) return OkStatus();
  return Status(static_cast<StatusCode>(status.error_code()), "", status.error_message());
}

template <typename Response>
StatusOr<Response> OrStatus(const grpc::Status& status, Response response) {
  if (!status.ok()) return Ours(status);
  return response;
}

}  // namespace

Stubs::Stubs(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a port may come back
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel =
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  retrieval = v1::Retrieval::NewStub(channel);
  ingest = v1::Ingest::NewStub(channel);
  directory = v1::Directory::NewStub(channel);
  policy = v1::Policy::NewStub(channel);
  admin = v1::Admin::NewStub(channel);
}

std::unique_ptr<grpc::ClientContext> Stubs::As(const std::string& bearer) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata("authorization", "Bearer " + bearer);
  context->set_deadline(std::chrono::system_clock::now() + kAnswersWithin);
  return context;
}

namespace {

// Sends one change by the call that it belongs to.
struct Sender {
  const Stubs& stubs;
  grpc::ClientContext* context;
  Told* told;

  template <typename Response, typename Stub, typename Request>
  grpc::Status Unary(Stub* stub,
                     grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&, Response*),
                     const Request& request, Response* response) {
    const auto status = (stub->*call)(context, request, response);
    told->revision = response->revision();
    return status;
  }
  template <typename Response, typename Stub, typename Request>
  grpc::Status Unary(Stub* stub,
                     grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&, Response*),
                     const Request& request) {
    Response response;
    return Unary(stub, call, request, &response);
  }

  grpc::Status operator()(const v1::IngestRequest& request) {
    const auto stream = stubs.ingest->Ingest(context);
    stream->Write(request);
    v1::IngestResponse response;
    if (!stream->Read(&response)) return stream->Finish();
    told->revision = response.revision();
    stream->WritesDone();
    // The batch is acknowledged, however the stream ends.
    stream->Finish();
    if (response.refused_size() == 0) return grpc::Status::OK;
    return {grpc::StatusCode::INVALID_ARGUMENT, response.refused(0).message()};
  }
  grpc::Status operator()(const v1::SetAccessRequest& request) {
    return Unary<v1::SetAccessResponse>(stubs.ingest.get(), &v1::Ingest::Stub::SetAccess, request);
  }
  grpc::Status operator()(const v1::SetAccessManyRequest& request) {
    return Unary<v1::SetAccessManyResponse>(stubs.ingest.get(), &v1::Ingest::Stub::SetAccessMany,
                                            request);
  }
  grpc::Status operator()(const v1::UpdateMetadataRequest& request) {
    return Unary<v1::UpdateMetadataResponse>(stubs.ingest.get(), &v1::Ingest::Stub::UpdateMetadata,
                                             request);
  }
  grpc::Status operator()(const v1::DeleteRequest& request) {
    return Unary<v1::DeleteResponse>(stubs.ingest.get(), &v1::Ingest::Stub::Delete, request);
  }
  grpc::Status operator()(const v1::EraseRequest& request) {
    return Unary<v1::EraseResponse>(stubs.ingest.get(), &v1::Ingest::Stub::Erase, request);
  }
  grpc::Status operator()(const v1::ApplyDirectoryRequest& request) {
    return Unary<v1::ApplyDirectoryResponse>(stubs.directory.get(),
                                             &v1::Directory::Stub::ApplyDirectory, request);
  }
  grpc::Status operator()(const v1::ApplyPolicyRequest& request) {
    return Unary<v1::ApplyPolicyResponse>(stubs.policy.get(), &v1::Policy::Stub::ApplyPolicy,
                                          request);
  }
  grpc::Status operator()(const v1::CreateCollectionRequest& request) {
    return Unary<v1::CreateCollectionResponse>(stubs.admin.get(),
                                               &v1::Admin::Stub::CreateCollection, request);
  }
  grpc::Status operator()(const v1::DeleteCollectionRequest& request) {
    return Unary<v1::DeleteCollectionResponse>(stubs.admin.get(),
                                               &v1::Admin::Stub::DeleteCollection, request);
  }
  grpc::Status operator()(const v1::CreateKeyRequest& request) {
    v1::CreateKeyResponse response;
    const auto status = Unary(stubs.admin.get(), &v1::Admin::Stub::CreateKey, request, &response);
    told->key_id = response.id();
    told->bearer = response.key();
    return status;
  }
  grpc::Status operator()(const v1::RevokeKeyRequest& request) {
    return Unary<v1::RevokeKeyResponse>(stubs.admin.get(), &v1::Admin::Stub::RevokeKey, request);
  }
};

}  // namespace

grpc::Status Stubs::Send(const std::string& bearer, const Change& change, Told* told) const {
  const auto context = As(bearer);
  return std::visit(Sender{*this, context.get(), told}, change);
}

grpc::Status Stubs::Retrieve(const std::string& bearer, const v1::RetrieveRequest& request,
                             v1::RetrieveResponse* response) const {
  return retrieval->Retrieve(As(bearer).get(), request, response);
}

bool Stubs::Knows(const std::string& bearer) const {
  v1::CapabilitiesResponse response;
  return admin->Capabilities(As(bearer).get(), {}, &response).ok();
}

Questions Stubs::AskedBy(const std::string& bearer) const {
  return {[this, bearer](const v1::RetrieveRequest& request) {
            v1::RetrieveResponse response;
            const auto status = Retrieve(bearer, request, &response);
            return OrStatus(status, std::move(response));
          },
          [this, bearer] {
            v1::ListCollectionsResponse response;
            const auto status = admin->ListCollections(As(bearer).get(), {}, &response);
            return OrStatus(status, std::move(response));
          },
          [this, bearer] {
            v1::ListKeysResponse response;
            const auto status = admin->ListKeys(As(bearer).get(), {}, &response);
            return OrStatus(status, std::move(response));
          }};
}

Load::Load(const Stubs* stubs, const std::vector<Client*>& clients, bool graceful)
    : stubs_(stubs), graceful_(graceful) {
  for (Client* client : clients) threads_.emplace_back([this, client] { Run(client); });
}

void Load::Join() {
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Load::Run(Client* client) {
  if (client->changes.kind() == RandomChanges::kIngest) return Stream(client);
  while (Step(client)) {
  }
}

// One change, and now and then a look at what it made of the answers.
bool Load::Step(Client* client) {
  Lane& lane = client->lane;
  const Change change = client->changes.Next(lane.state);
  lane.Begin(change);
  Told told;
  const auto status = stubs_->Send(client->bearer, change, &told);
  if (!status.ok()) {
    Ended(*client, CallName(change), status);
    return false;
  }
  lane.Acknowledge(told);
  const bool shared = client->changes.kind() == RandomChanges::kDocuments;
  if (!shared || client->changes.random().OneIn(2)) return true;
  const std::string user = lane.users()[client->changes.random().Below(2)];
  v1::RetrieveResponse response;
  const auto asked = stubs_->Retrieve(client->bearer, Everything(user, kShared), &response);
  if (!asked.ok()) {
    Ended(*client, "Retrieve", asked);
    return false;
  }
  const std::string wrong = lane.Judge(user, response);
  if (!wrong.empty()) Note(lane.name + ": " + user + wrong);
  if (response.revision() < told.revision) Note(lane.name + ": an answer from the past");
  return true;
}

// Batches run ahead of their acknowledgements.
void Load::Stream(Client* client) {
  Lane& lane = client->lane;
  const auto context = Stubs::As(client->bearer);
  const auto stream = stubs_->ingest->Ingest(context.get());
  bool writable = true;
  while (true) {
    while (writable && lane.pending.size() < kAhead) {
      lane.Begin(client->changes.Next(lane.state));
      writable = stream->Write(std::get<v1::IngestRequest>(lane.pending.back()));
    }
    v1::IngestResponse response;
    if (!stream->Read(&response)) break;
    const auto& oldest = std::get<v1::IngestRequest>(lane.pending.front());
    if (response.batch() != oldest.batch() || response.refused_size() > 0) {
      Note(fmt::format("{}: batch {} was answered by {} with {} refusals", lane.name,
                       oldest.batch(), response.batch(), response.refused_size()));
    }
    lane.Acknowledge({response.revision(), "", ""});
  }
  Ended(*client, "stream", stream->Finish());
}

void Load::Ended(const Client& client, const std::string& doing, const grpc::Status& status) {
  // gRPC itself ends a call that it has not handed over yet with CANCELLED.
  const bool expected =
      near_ && (!graceful_ || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                status.error_code() == grpc::StatusCode::CANCELLED);
  if (expected && status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED) return;
  Note(fmt::format("{}: {} ended with {} {}", client.lane.name, doing,
                   static_cast<int>(status.error_code()), status.error_message()));
}

void Load::Note(const std::string& problem) {
  std::lock_guard lock(mutex_);
  problems_.push_back(problem);
}

}  // namespace cordon
