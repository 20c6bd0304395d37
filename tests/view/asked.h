// Calls that answer later, asked and waited for.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/status.h"

namespace cordon {

// What `call(done)` gives to `done`, which it must call once.
template <typename Response, typename Call>
StatusOr<Response> Asked(Call call) {
  auto promise = std::make_shared<std::promise<StatusOr<Response>>>();
  auto answer = promise->get_future();
  call([promise](StatusOr<Response> result) { promise->set_value(std::move(result)); });
  return answer.get();
}

// "CODE: field" of a refusal, "OK" otherwise.
template <typename Response>
std::string Outcome(const StatusOr<Response>& answer) {
  if (answer.ok()) return "OK";
  return std::string(CodeName(answer.status().code())) + ": " +
         std::string(answer.status().field());
}

}  // namespace cordon
