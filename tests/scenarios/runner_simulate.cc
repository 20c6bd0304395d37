// The verb that asks what a change would do, which is not made.
#include <gtest/gtest.h>

#include "engine/ingest/ingest.h"
#include "engine/inspect/inspect.h"
#include "tests/scenarios/runner.h"
#include "tools/cordon/policy_file.h"

namespace cordon {

Status Runner::Simulate(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  v1::SimulateRequest request;
  const auto directory = [&](JsonValue v) { return ReadDirectory(v, request.mutable_directory()); };
  const auto policy = [&](JsonValue v) {
    ASSIGN_OR_RETURN(*request.mutable_policy(), ParsePolicy(ToText(v)));
    return OkStatus();
  };
  RETURN_IF_ERROR(ReadObject(step.subject, {{"directory", directory}, {"policy", policy}}));
  const uint64_t before = world_.revision("default");
  const auto simulate = [&](const ReadContext& read, auto done) {
    const auto try_change = [&](const v1::SimulateRequest& change) {
      return TryChange(world_.engine()->WriteAs(read.caller), change, read.stop);
    };
    cordon::Simulate(read, request, try_change, done);
  };
  const auto answer = world_.Read<v1::SimulateResponse>(through, simulate);
  EXPECT_EQ(world_.revision("default"), before) << "what is only tried takes no revision";
  if (!Answered(step, answer.status())) return OkStatus();
  std::vector<std::string> gains, loses;
  for (const auto& principal : answer->principals()) {
    for (const auto& collection : principal.collections()) {
      for (const auto& document : collection.gained_documents()) {
        gains.push_back(principal.principal() + " " + document);
      }
      for (const auto& document : collection.lost_documents()) {
        loses.push_back(principal.principal() + " " + document);
      }
    }
  }
  RETURN_IF_ERROR(CompareNames(step, "gains", gains));
  return CompareNames(step, "loses", loses);
}

}  // namespace cordon
