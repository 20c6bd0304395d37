#include "engine/base/status.h"

#include <fmt/format.h>

#include <array>

namespace cordon {

std::string_view CodeName(StatusCode code) {
  static constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                              "CANCELLED",
                                                              "UNKNOWN",
                                                              "INVALID_ARGUMENT",
                                                              "DEADLINE_EXCEEDED",
                                                              "NOT_FOUND",
                                                              "ALREADY_EXISTS",
                                                              "PERMISSION_DENIED",
                                                              "RESOURCE_EXHAUSTED",
                                                              "FAILED_PRECONDITION",
                                                              "ABORTED",
                                                              "OUT_OF_RANGE",
                                                              "UNIMPLEMENTED",
                                                              "INTERNAL",
                                                              "UNAVAILABLE",
                                                              "DATA_LOSS",
                                                              "UNAUTHENTICATED"};
  const auto index = static_cast<size_t>(code);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

Status::Status(StatusCode code, std::string_view field, std::string_view message)
    : error_(code == StatusCode::kOk ? nullptr
                                     : std::make_shared<const Error>(Error{
                                           code, std::string(field), std::string(message), 0})) {}

Status Status::Within(std::string_view parent) const {
  if (ok()) return *this;
  const bool index = field().starts_with('[');
  const bool joined = field().empty() || index || parent.empty();
  Status within = *this;
  Error error = *error_;
  error.field = fmt::format("{}{}{}", parent, joined ? "" : ".", field());
  within.error_ = std::make_shared<const Error>(std::move(error));
  return within;
}

std::string Status::ToString() const {
  if (ok()) return "OK";
  return fmt::format("{}: {}{}{}", CodeName(code()), field(), field().empty() ? "" : ": ",
                     message());
}

Status Invalid(std::string_view field, std::string_view message) {
  return Status(StatusCode::kInvalidArgument, field, message);
}

Status NotFound(std::string_view field, std::string_view message) {
  return Status(StatusCode::kNotFound, field, message);
}

Status Denied(std::string_view field, std::string_view message) {
  return Status(StatusCode::kPermissionDenied, field, message);
}

Status Exhausted(std::string_view field, std::string_view message, int64_t retry_after_ms) {
  Status status;
  status.error_ = std::make_shared<const Status::Error>(Status::Error{
      StatusCode::kResourceExhausted, std::string(field), std::string(message), retry_after_ms});
  return status;
}

Status Internal(std::string_view message) { return Status(StatusCode::kInternal, "", message); }

Status Corrupt(std::string_view message) { return Status(StatusCode::kDataLoss, "", message); }

}  // namespace cordon
