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
  Waiting(Front* front, const grpc::CallbackServerContext* context, std::string key, Tenant* tenant,
          uint64_t revision, std::function<bool()> stop,
          std::function<void(const Authenticated&)> resume,
          std::function<void(const Status&)> refused)
      : front_(front),
        context_(context),
        key_(std::move(key)),
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
    GoOnAt(front_->executor, front_, context_, Overloaded(), resume_, refused_);
    front_->waiting.Remove(key_);
  }

 private:
  Front* const front_;
  const grpc::CallbackServerContext* const context_;  // as long as the call is not answered
  const std::string key_;
  Tenant* const tenant_;  // the engine's; Server::Stop waits until nobody waits here
  const uint64_t revision_;
  const std::function<bool()> stop_;
  const std::function<void(const Authenticated&)> resume_;
  const std::function<void(const Status&)> refused_;
  const Clock::time_point until_;
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace

bool WaitingCalls::Add(const std::string& key) {
  constexpr int kAll = 256;  // a timer and a request each
  constexpr int kOfOne = 64;
  std::lock_guard lock(mutex_);
  if (all_ >= kAll) return false;
  int& its = by_key_[key];
  if (its >= kOfOne) return false;
  ++its;
  ++all_;
  return true;
}

void WaitingCalls::Remove(const std::string& key) {
  std::lock_guard lock(mutex_);
  --all_;
  if (const auto its = by_key_.find(key); --its->second == 0) by_key_.erase(its);
}

bool WaitingCalls::empty() {
  std::lock_guard lock(mutex_);
  return all_ == 0;
}

void WhenVisible(Front* front, const grpc::CallbackServerContext* context,
                 const Authenticated& caller, Right right, uint64_t revision,
                 std::function<bool()> stop, std::function<void(const Authenticated&)> resume,
                 std::function<void(const Status&)> refused) {
  auto tenant = front->engine->FindTenant(caller.tenant());
  const bool visible =
      revision == 0 || tenant->publisher.Pin(front->engine->clock())->revision() >= revision;
  if (visible || !caller.Require(right).ok()) return resume(caller);
  const std::string key = caller.tenant() + "/" + caller.key_id();
  if (!front->waiting.Add(key)) return resume(caller);
  std::make_shared<Waiting>(front, context, key, tenant.get(), revision, std::move(stop),
                            std::move(resume), std::move(refused))
      ->Look();
}

}  // namespace cordon
