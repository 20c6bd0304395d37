// What calls the server has answered: how many by method and code, and how long they took.
//
// A call is counted where its handler finishes it, by three relaxed additions and no lock. What
// gRPC answers by itself has no handler and is not counted: health checks, unknown methods,
// messages that it cannot parse.
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/server/errors.h"

namespace cordon {

// The methods of all services, in a fixed order, and the place of the one with that request.
const std::vector<const google::protobuf::MethodDescriptor*>& AllMethods();
size_t MethodOf(const google::protobuf::Descriptor* request);

// Thread-safe. What is read while calls end may be of slightly different moments.
class CallCounts {
 public:
  static constexpr size_t kCodes = static_cast<size_t>(StatusCode::kUnauthenticated) + 1;
  // Durations up to each of these, and one more place for longer ones.
  static constexpr std::array<std::chrono::microseconds, 11> kUpTo{
      std::chrono::microseconds(500),       std::chrono::microseconds(1'000),
      std::chrono::microseconds(2'500),     std::chrono::microseconds(5'000),
      std::chrono::microseconds(10'000),    std::chrono::microseconds(25'000),
      std::chrono::microseconds(100'000),   std::chrono::microseconds(250'000),
      std::chrono::microseconds(1'000'000), std::chrono::microseconds(5'000'000),
      std::chrono::microseconds(30'000'000)};

  // Of one method.
  struct Counted {
    std::array<uint64_t, kCodes> by_code{};
    std::array<uint64_t, kUpTo.size() + 1> by_duration{};
    std::chrono::microseconds duration{0};  // of all together
  };

  CallCounts();

  void Add(size_t method, StatusCode code, std::chrono::microseconds took);
  Counted Of(size_t method) const;

 private:
  struct alignas(64) Cells {  // methods do not share a cache line
    std::array<std::atomic<uint64_t>, kCodes> by_code{};
    std::array<std::atomic<uint64_t>, kUpTo.size() + 1> by_duration{};
    std::atomic<uint64_t> duration_us{0};
  };
  const std::unique_ptr<Cells[]> cells_;  // by method
};

// A call under way.
class CountedCall {
 public:
  CountedCall(CallCounts* counts, size_t method)
      : counts_(counts), method_(method), begun_(std::chrono::steady_clock::now()) {}

  // Counts the call as ended so, and gives the status for Finish(): every one comes from here, once
  // a call.
  grpc::Status Ended(const Status& status) const {
    counts_->Add(method_, status.code(),
                 std::chrono::duration_cast<std::chrono::microseconds>(
                     std::chrono::steady_clock::now() - begun_));
    return ToGrpc(status);
  }

 private:
  CallCounts* counts_;
  size_t method_;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace cordon
