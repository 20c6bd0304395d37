// Errors by value. Every refusal names the field that is wrong and what to do about it.
//
// A status that leaves the server carries a canonical code, a message and a field; texts of inner
// libraries never do: they are logged where they happen and replaced by Internal().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/check.h"

namespace cordon {

// The canonical codes, numbered as gRPC numbers them.
enum class StatusCode {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The canonical name of a code, such as "INVALID_ARGUMENT".
std::string_view CodeName(StatusCode code);

// Success, or a code with a message and the field it refuses. Cheap to copy when OK.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string_view field, std::string_view message);

  bool ok() const { return error_ == nullptr; }
  StatusCode code() const { return ok() ? StatusCode::kOk : error_->code; }
  // What is wrong and what to do; empty when OK.
  std::string_view message() const { return ok() ? std::string_view() : error_->message; }
  // The path of the refused field, such as "label.level"; may be empty.
  std::string_view field() const { return ok() ? std::string_view() : error_->field; }

  // When to try again, of RESOURCE_EXHAUSTED; 0 if nothing says so.
  int64_t retry_after_ms() const { return ok() ? 0 : error_->retry_after_ms; }

  // The same status with its field put below `parent`: "level" below "label" is "label.level",
  // "[2].id" below "chunks" is "chunks[2].id".
  Status Within(std::string_view parent) const;

  // "CODE: field: message", for logs and tests.
  std::string ToString() const;

 private:
  struct Error {
    StatusCode code;
    std::string field;
    std::string message;
    int64_t retry_after_ms = 0;
  };
  friend Status Exhausted(std::string_view field, std::string_view message, int64_t retry_after_ms);
  std::shared_ptr<const Error> error_;
};

inline Status OkStatus() { return Status(); }

// INVALID_ARGUMENT for `field`.
Status Invalid(std::string_view field, std::string_view message);
// NOT_FOUND for `field`: the same for hidden and absent things.
Status NotFound(std::string_view field, std::string_view message);
// PERMISSION_DENIED for `field`.
Status Denied(std::string_view field, std::string_view message);
// RESOURCE_EXHAUSTED for `field`, and in how many milliseconds it will not be any more.
Status Exhausted(std::string_view field, std::string_view message, int64_t retry_after_ms);
// INTERNAL; `message` must not carry the text of an inner library.
Status Internal(std::string_view message);
// DATA_LOSS: stored bytes are not what was written.
Status Corrupt(std::string_view message);

// A value, or the status that says why there is none.
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(T value) : value_(std::move(value)) {}  // NOLINT: implicit on purpose
  StatusOr(Status status) : status_(std::move(status)) { CORDON_CHECK(!status_.ok()); }  // NOLINT

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& operator*() & { return Value(); }
  const T& operator*() const& { return const_cast<StatusOr*>(this)->Value(); }
  T&& operator*() && { return std::move(Value()); }
  T* operator->() { return &Value(); }
  const T* operator->() const { return &const_cast<StatusOr*>(this)->Value(); }

 private:
  T& Value() {
    CORDON_CHECK(value_.has_value());
    return *value_;
  }

  Status status_;
  std::optional<T> value_;
};

}  // namespace cordon

#define CORDON_CONCAT_INNER(a, b) a##b
#define CORDON_CONCAT(a, b) CORDON_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                             \
  do {                                                                          \
    if (::cordon::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define ASSIGN_OR_RETURN(target, ...) \
  ASSIGN_OR_RETURN_INNER(CORDON_CONCAT(result_, __LINE__), target, __VA_ARGS__)
#define ASSIGN_OR_RETURN_INNER(result, target, ...) \
  auto result = (__VA_ARGS__);                      \
  if (!result.ok()) return result.status();         \
  target = *std::move(result)
