#include "tools/cordon/rpc_status.h"

#include <algorithm>
#include <random>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDelayMin{10};
constexpr milliseconds kDelayMax{30'000};
constexpr milliseconds kWaitMax{120'000};
constexpr milliseconds kBlindDelay{100};
constexpr int kBlindTriesMax = 5;

milliseconds FromDuration(const google::protobuf::Duration& duration) {
  return milliseconds(duration.seconds() * 1000 + duration.nanos() / 1'000'000);
}

// Up to a quarter more, so that callers turned away together do not come back together.
milliseconds Jittered(milliseconds delay) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return delay + milliseconds(random() % (static_cast<unsigned>(delay.count()) / 4 + 1));
}

}  // namespace

RpcOutcome FromGrpc(const grpc::Status& status) {
  if (status.ok()) return {};
  RpcOutcome outcome;
  std::string field;
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) {
      google::rpc::BadRequest request;
      google::rpc::RetryInfo retry;
      if (any.UnpackTo(&request) && request.field_violations_size() > 0 && field.empty()) {
        field = request.field_violations(0).field();
      } else if (any.UnpackTo(&retry)) {
        outcome.retry_delay = FromDuration(retry.retry_delay());
      }
    }
  }
  outcome.status =
      Status(static_cast<StatusCode>(status.error_code()), field, status.error_message());
  return outcome;
}

std::optional<milliseconds> RetryPolicy::Next(const RpcOutcome& outcome) {
  if (outcome.status.code() != StatusCode::kResourceExhausted) return std::nullopt;
  milliseconds delay = kBlindDelay;
  if (outcome.retry_delay) {
    // A quota of a day: whoever waits for that wants to know.
    if (*outcome.retry_delay > kWaitMax) return std::nullopt;
    delay = std::clamp(*outcome.retry_delay, kDelayMin, kDelayMax);
  } else {
    // Without a delay it may be a limit that no waiting helps against, such as a message's size.
    if (blind_tries_ == kBlindTriesMax) return std::nullopt;
    delay = kBlindDelay * (1 << blind_tries_++);
  }
  delay = Jittered(delay);
  if (waited_ + delay > kWaitMax) return std::nullopt;
  waited_ += delay;
  return delay;
}

void RetryPolicy::Reset() { *this = RetryPolicy(); }

}  // namespace cordon
