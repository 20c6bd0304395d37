#include "engine/server/errors.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cordon {
namespace {
constexpr int64_t kRetryDelay_ms = 100;  // where nothing says when
}

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  if (!status.field().empty()) {
    google::rpc::BadRequest bad;
    auto* violation = bad.add_field_violations();
    violation->set_field(std::string(status.field()));
    violation->set_description(std::string(status.message()));
    details.add_details()->PackFrom(bad);
  }
  if (status.code() == StatusCode::kResourceExhausted) {
    google::rpc::RetryInfo retry;
    const int64_t delay_ms = status.retry_after_ms() > 0 ? status.retry_after_ms() : kRetryDelay_ms;
    retry.mutable_retry_delay()->set_seconds(delay_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay_ms % 1000) * 1'000'000);
    details.add_details()->PackFrom(retry);
  }
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
          details.SerializeAsString()};
}

}  // namespace cordon
