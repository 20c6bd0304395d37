// The lanes' calls on an engine of this process, without a server.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "tests/crash/expected_file.h"
#include "tests/crash/journal_witness.h"

namespace cordon {

// Sends changes and questions to an engine.
class InProcess {
 public:
  explicit InProcess(Engine* engine) : engine_(engine) {}

  // `done` is called once, perhaps on the writer's thread.
  void Send(const Lane& lane, const Change& change, std::function<void(StatusOr<Told>)> done);
  StatusOr<v1::RetrieveResponse> Retrieve(const Lane& lane, const v1::RetrieveRequest& request);
  // With a first key whose id is KeyIdOf(name).
  Status CreateTenant(const std::string& name);
  Questions Asked(const Lane& lane);

 private:
  Engine* const engine_;
};

}  // namespace cordon
