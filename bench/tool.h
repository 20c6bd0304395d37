// A tool of bench/processes.py answers each line with one line of JSON; a failure is {"error":…}
// and its end.
#pragma once

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <string>

namespace cordon::bench {

[[noreturn]] inline void Fail(const std::string& message) {
  std::string quoted;
  for (const char c : message) quoted += c == '"' || c == '\\' || c == '\n' ? '\'' : c;
  fmt::print("{{\"error\":\"{}\"}}\n", quoted);
  std::exit(1);
}

inline void Require(const grpc::Status& status) {
  if (!status.ok()) Fail(status.error_message());
}

}  // namespace cordon::bench
