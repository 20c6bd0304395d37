#include "engine/server/revision_wait.h"

#include <grpcpp/alarm.h>

#include <chrono>
#include <memory>

namespace cordon {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::system_clock;

constexpr milliseconds kLookEvery{10};  // as long as a group commit takes on a busy disk

// One waiting call: looks every now and then. Owns itself through its alarm's callback.
class Waiting : public std::enable_shared_from_this<Waiting> {
 public:
  Waiting(EnteredCall call, Tenant* tenant, uint64_t revision, std::function<bool()> stop,
          std::function<void(const Authenticated&)> resume,
          std::function<void(const Status&)> refused)
      : front_(call.front),
        call_(std::move(call)),
        tenant_(tenant),
        revision_(revision),
        stop_(std::move(stop)),
        resume_(std::move(resume)),
        refused_(std::move(refused)),
        until_(Clock::now() + milliseconds(limits::kRevisionWait_ms)) {}

  void Look() {
    const bool visible = tenant_->publisher.Pin(front_->engine->clock())->revision() >= revision_;
    if (!visible && !stop_() && Clock::now() < until_) {
      // Replacing the alarm within its own callback is safe: gRPC holds it until that returns.
      alarm_ = std::make_unique<grpc::Alarm>();
      alarm_->Set(Clock::now() + kLookEvery, [self = shared_from_this()](bool) { self->Look(); });
      return;
    }
    alarm_.reset();  // it holds the callback, and the callback this
    GoOnAt(front_->executor, call_, Overloaded(), resume_, refused_);
    front_->waiting.Remove(CountedAs(call_.caller));
  }

 private:
  Front* const front_;
  const EnteredCall call_;
  Tenant* const tenant_;  // the engine's; Server::Stop waits until nobody waits here
  const uint64_t revision_;
  const std::function<bool()> stop_;
  const std::function<void(const Authenticated&)> resume_;
  const std::function<void(const Status&)> refused_;
  const Clock::time_point until_;
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace

void WhenVisible(const EnteredCall& call, Right right, uint64_t revision,
                 std::function<bool()> stop, std::function<void(const Authenticated&)> resume,
                 std::function<void(const Status&)> refused) {
  Front* const front = call.front;
  const Authenticated& caller = call.caller;
  auto tenant = front->engine->FindTenant(caller.tenant());
  const bool visible =
      revision == 0 || tenant->publisher.Pin(front->engine->clock())->revision() >= revision;
  if (visible || !caller.Require(right).ok()) return resume(caller);
  if (!front->waiting.Add(CountedAs(caller))) return resume(caller);
  std::make_shared<Waiting>(call, tenant.get(), revision, std::move(stop), std::move(resume),
                            std::move(refused))
      ->Look();
}

}  // namespace cordon
