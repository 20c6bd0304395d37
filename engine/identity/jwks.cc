#include "engine/identity/jwks.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "engine/base/limits.h"

namespace cordon {
namespace {
constexpr auto kWarnEvery = std::chrono::minutes(1);
}

KeySet::Times KeySet::TimesOf(const Issuer& issuer) {
  using std::chrono::seconds;
  const Milliseconds wait(limits::kKeySetWait_ms);
  const seconds stale(issuer.jwks_stale_s);
  // To look at a file costs next to nothing.
  const Milliseconds look(limits::kKeyFilePause_ms);
  if (!IsUrl(issuer.jwks)) return {look, look, wait, stale};
  return {seconds(issuer.jwks_refresh_s), seconds(issuer.jwks_pause_s), wait, stale};
}

KeySet::KeySet(std::string name, std::unique_ptr<KeySource> source, Times times, WaitingRoom* room)
    : name_(std::move(name)), source_(std::move(source)), times_(times), room_(room) {
  thread_ = std::thread([this] { Run(); });
}

KeySet::~KeySet() {
  source_->Stop();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  ended_.notify_all();
  thread_.join();
}

Status KeySet::FirstRead(Milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (ended_.wait_for(lock, timeout, [&] { return reads_ > 0; })) return last_;
  return Status(StatusCode::kUnavailable, "jwks", "no answer yet");
}

std::optional<PublicKey> KeySet::Find(std::string_view kid, TokenAlgorithm algorithm) {
  std::unique_lock lock(mutex_);
  if (auto key = Lookup(kid, algorithm)) return key;
  // Also when it is too soon: whoever comes again finds it earlier.
  wanted_ = true;
  wake_.notify_one();
  const bool soon = reading_ || NextRead() <= Steady::now();
  if (!soon || !room_->Enter()) return std::nullopt;
  const uint64_t before = reads_;
  ended_.wait_for(lock, times_.wait, [&] { return reads_ != before || stopping_; });
  room_->Leave();
  return Lookup(kid, algorithm);
}

std::optional<PublicKey> KeySet::Lookup(std::string_view kid, TokenAlgorithm algorithm) const {
  if (!good_ || Steady::now() - *good_ > times_.stale) return std::nullopt;
  for (const auto& key : keys_) {
    if (key.kid == kid && key.algorithm == algorithm) return key;
  }
  return std::nullopt;
}

KeySet::Steady::time_point KeySet::NextRead() const {
  if (!read_) return Steady::time_point::min();
  const bool hurry = wanted_ || !last_.ok();
  return *read_ + (hurry ? std::min(times_.pause, times_.refresh) : times_.refresh);
}

void KeySet::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next = NextRead();
    if (Steady::now() < next) {
      wake_.wait_until(lock, next);
      continue;
    }
    wanted_ = false;
    reading_ = true;
    lock.unlock();
    const Status status = ReadOnce();
    lock.lock();
    reading_ = false;
    Finished(status);
    ended_.notify_all();
  }
}

Status KeySet::ReadOnce() {
  const auto began = Steady::now();
  ASSIGN_OR_RETURN(const auto text, source_->Read());
  std::vector<PublicKey> keys;
  if (text) {
    auto parsed = ParseKeySet(*text);
    if (!parsed.ok()) {
      source_->Forget();
      return parsed.status();
    }
    keys = *std::move(parsed);
  }
  std::lock_guard lock(mutex_);
  good_ = began;
  if (!text) return OkStatus();
  keys_ = std::move(keys);
  spdlog::info("issuer {}: {} usable keys", name_, keys_.size());
  return OkStatus();
}

void KeySet::Finished(const Status& status) {
  const auto now = Steady::now();
  read_ = now;
  ++reads_;
  if (!status.ok() && !stopping_ && (last_.ok() || now - warned_ > kWarnEvery)) {
    warned_ = now;
    spdlog::warn("issuer {}: its keys cannot be read ({}); {}", name_, status.message(),
                 good_ ? "the last good ones count until they are stale" : "it has none");
  }
  if (status.ok() && !last_.ok()) spdlog::info("issuer {}: its keys can be read again", name_);
  last_ = status;
}

}  // namespace cordon
