// An engine at work on files of its own, with a clock that only the test moves.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "engine/engine.h"
#include "tests/security/reference_store.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

// The answer of a call that may come later: `call(done)` must call `done` once.
template <typename Response, typename Call>
std::future<StatusOr<Response>> Later(Call call) {
  auto promise = std::make_shared<std::promise<StatusOr<Response>>>();
  auto answer = promise->get_future();
  call([promise](StatusOr<Response> result) { promise->set_value(std::move(result)); });
  return answer;
}

// It re-embeds nothing by itself, so that a revision is always a write of the test's.
class RunningEngine {
 public:
  // The worlds' unit of time.
  static constexpr reference::Time kTick = 1'000'000;

  explicit RunningEngine(Durability reads);

  // Stops and starts again; the clock must not have gone back. If it does not start, the test has
  // failed and must end here.
  bool Reopen();
  // Backs all tenants up, in the place of the last backup; its number.
  uint32_t Backup();
  // Stops, and goes on from a backup with the journals and keys of now; as Reopen(). The store
  // before is gone.
  bool Restore(uint32_t backup);
  // A tenant without policy, directory and collections.
  void MakeTenant(const std::string& name);

  // The time, which stands still between calls of MoveOn.
  reference::Time now() { return engine_->clock()->Now(); }
  void MoveOn(int ticks) { wall_ += ticks * kTick; }

  ReadContext Read(const Authenticated& caller) { return engine_->ReadAs(caller, {}); }
  WriteContext Write(const Authenticated& caller) { return engine_->WriteAs(caller); }

 private:
  Status Open();
  // Opens it, which must succeed and go on at the time at which it was closed. False if it does not
  // start.
  bool OpenAt(reference::Time before);
  DataPaths paths() const;

  ScratchDirectory scratch_;
  uint64_t restores_ = 0;
  const Durability reads_;
  std::atomic<reference::Time> wall_{4'102'444'800'000'000};  // the year 2100
  std::unique_ptr<Engine> engine_;                            // uses it
};

}  // namespace cordon
