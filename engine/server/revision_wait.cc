#include "engine/server/revision_wait.h"

#include <grpcpp/alarm.h>

#include <chrono>
#include <memory>

namespace cordon {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::system_clock;

constexpr int kWaitingMax = 256;        // a timer and a request each
constexpr milliseconds kLookEvery{10};  // as long as a group commit takes on a busy disk

// One waiting call: looks every now and then. Owns itself through its alarm's callback.
class Waiting : public std::enable_shared_from_this<Waiting> {
 public:
  Waiting(Front* front, Where where, Tenant* tenant, uint64_t revision, std::function<bool()> stop,
          std::function<void()> resume, std::function<void()> overloaded)
      : front_(front),
        where_(where),
        tenant_(tenant),
        revision_(revision),
        stop_(std::move(stop)),
        resume_(std::move(resume)),
        overloaded_(std::move(overloaded)),
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
    if (!front_->ExecutorAt(where_)->Submit(resume_)) overloaded_();
    front_->waiting.fetch_sub(1);
  }

 private:
  Front* const front_;
  const Where where_;
  Tenant* const tenant_;  // the engine's; Server::Stop waits until nobody waits here
  const uint64_t revision_;
  const std::function<bool()> stop_;
  const std::function<void()> resume_;
  const std::function<void()> overloaded_;
  const Clock::time_point until_;
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace

void WhenVisible(Front* front, Where where, const Authenticated& caller, uint64_t revision,
                 std::function<bool()> stop, std::function<void()> resume,
                 std::function<void()> overloaded) {
  auto tenant = front->engine->FindTenant(caller.tenant());
  const bool visible =
      revision == 0 || tenant->publisher.Pin(front->engine->clock())->revision() >= revision;
  if (visible || !caller.Require(Right::kQuery).ok()) return resume();
  if (front->waiting.fetch_add(1) >= kWaitingMax) {
    front->waiting.fetch_sub(1);
    return resume();
  }
  std::make_shared<Waiting>(front, where, tenant.get(), revision, std::move(stop),
                            std::move(resume), std::move(overloaded))
      ->Look();
}

}  // namespace cordon
