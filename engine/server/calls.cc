#include "engine/server/calls.h"

#include <fmt/format.h>

namespace cordon {
namespace {

// What is forwarded counts or the call is refused: it is never passed over.
StatusOr<Authenticated> WithUserToken(const Authenticator& authenticator,
                                      const grpc::CallbackServerContext& context,
                                      Authenticated caller) {
  const auto [first, last] = context.client_metadata().equal_range("cordon-user-token");
  if (first == last) return caller;
  const bool one = std::next(first) == last;
  return authenticator.Forwarding(
      std::move(caller),
      one ? std::string_view(first->second.data(), first->second.size()) : std::string_view());
}

}  // namespace

StatusOr<Authenticated> Front::Authenticate(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  // gRPC 1.51 lets far more through than it was told to (GRPC_ARG_MAX_METADATA_SIZE).
  size_t bytes = 0;
  for (const auto& [name, value] : metadata) bytes += name.size() + value.size();
  if (bytes > limits::kMetadataBytes) {
    return Status(StatusCode::kResourceExhausted, "metadata",
                  fmt::format("more than {} bytes; send a key and a token and nothing else",
                              limits::kMetadataBytes));
  }
  const auto [first, last] = metadata.equal_range("authorization");
  // Two credentials are no credential: which of them would count?
  const bool one = first != last && std::next(first) == last;
  const Peer peer = peers.Of(*context.auth_context());
  // Whoever sends a key is known by the key: a bad one is not made good by a certificate.
  auto caller = first == last && peer.certificate
                    ? certificates->Authenticate(peer.identities)
                    : authenticator->Authenticate(
                          one ? std::string_view(first->second.data(), first->second.size())
                              : std::string_view());
  if (caller.ok()) caller = WithUserToken(*authenticator, context, *std::move(caller));
  if (caller.ok() && !MayConnect(engine, peer, caller->tenant())) caller = NotAuthenticated();
  if (!caller.ok()) unauthenticated.fetch_add(1, std::memory_order_relaxed);
  if (caller.ok()) RETURN_IF_ERROR(engine->clock()->Trusted());
  return caller;
}

Status Front::Admit(const Authenticated& caller) {
  return engine->FindTenant(caller.tenant())->meters.Admit(caller, engine->clock()->Now());
}

bool Front::SubmitBulk(const std::function<void()>& task) {
  if (!bulk->HasRoom()) return false;
  return executor->Submit([this, task] {
    // Those that were let in with it may have taken the room; nothing is turned away any more.
    if (!bulk->Submit(task)) task();
  });
}

std::function<bool()> StopOf(grpc::CallbackServerContext* context) {
  const auto cap =
      std::chrono::system_clock::now() + std::chrono::milliseconds(limits::kDeadlineCap_ms);
  const auto deadline = std::min(context->deadline(), cap);
  return [context, deadline] {
    return context->IsCancelled() || std::chrono::system_clock::now() >= deadline;
  };
}

std::function<bool()> UncappedStopOf(grpc::CallbackServerContext* context) {
  return [context] {
    return context->IsCancelled() || std::chrono::system_clock::now() >= context->deadline();
  };
}

std::string CountedAs(const Authenticated& caller) {
  // The key_id of a token is its issuer; the principal tells its users apart.
  return caller.tenant() + "/" + caller.key_id() + "/" + caller.grant().principal;
}

bool WaitingCalls::Add(const std::string& caller) {
  std::lock_guard lock(mutex_);
  if (all_ >= all_max_) return false;
  size_t& its = by_caller_[caller];
  if (its >= of_one_max_) return false;
  ++its;
  ++all_;
  return true;
}

void WaitingCalls::Remove(const std::string& caller) {
  std::lock_guard lock(mutex_);
  --all_;
  if (const auto its = by_caller_.find(caller); --its->second == 0) by_caller_.erase(its);
}

bool WaitingCalls::empty() {
  std::lock_guard lock(mutex_);
  return all_ == 0;
}

Status Overloaded() {
  return Status(StatusCode::kResourceExhausted, "", "the server is busy; try again");
}

Status Stopping() {
  return Status(StatusCode::kUnavailable, "", "the server is stopping; run it again");
}

std::string CallOf(const google::protobuf::Message& request) {
  constexpr std::string_view kSuffix = "Request";
  const std::string& name = request.GetDescriptor()->name();
  return name.ends_with(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name;
}

Status CheckMessage(const google::protobuf::Message& message, size_t bytes_max) {
  if (message.ByteSizeLong() <= bytes_max) return OkStatus();
  return Invalid("", fmt::format("the message has more than {} bytes; send less", bytes_max));
}

}  // namespace cordon
