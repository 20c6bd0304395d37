#include "tests/security/race.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace cordon {
namespace {

constexpr size_t kKeysMax = 4;

}  // namespace

std::string RaceCall::Text() const {
  static const char* const kEnds[] = {"answered", "not known", "not found", "not reached", "lost"};
  return fmt::format("[{}, {}] {} as '{}' by '{}': {} at revision {}, saw {} ", began, ended,
                     std::visit([](const auto& one) { return one.ShortDebugString(); }, request),
                     as, key, kEnds[end], revision, fmt::join(seen, " "));
}

void Race::Send(size_t client, RaceCall call, bool* gone) {
  call.began = ++tick_;
  *gone = !target_->Send(client, &call);
  call.ended = ++tick_;
  // A lost read tells nothing.
  if (call.end == RaceCall::kLost && !call.write()) return;
  std::lock_guard lock(mutex_);
  if (call.end == RaceCall::kAnswered) {
    uint64_t newest = newest_;
    while (newest < call.revision && !newest_.compare_exchange_weak(newest, call.revision)) {
    }
    if (std::holds_alternative<v1::CreateKeyRequest>(call.request)) {
      const std::string id = *call.seen.begin();
      call.change = [id](RaceState* state) { state->keys.insert(id); };
      keys_.push_back(id);
    }
  }
  history_.push_back(std::move(call));
}

void Race::Vary(RaceDraw* draw, RaceCall* call) {
  const bool ingest = std::holds_alternative<v1::IngestRequest>(call->request);
  if ((!call->write() || ingest) && draw->Percent(60)) {
    std::lock_guard lock(mutex_);
    if (!keys_.empty()) call->key = keys_[draw->Below(keys_.size())];
  }
  if (call->write() || !draw->Percent(25)) return;
  call->at_least = newest_ + (draw->Percent(8) ? 1 : 0);
  std::visit(
      [&](auto& request) {
        if constexpr (requires { request.mutable_scope(); }) {
          request.mutable_scope()->set_at_least_revision(call->at_least);
        }
      },
      call->request);
}

// Makes a key, or revokes one, perhaps one that others are about to use.
RaceCall Race::ChangeKeys(RaceDraw* draw) {
  RaceCall call;
  std::lock_guard lock(mutex_);
  if (keys_.size() < 2 || (keys_.size() < kKeysMax && draw->Percent(50))) {
    call.request = v1::CreateKeyRequest();
    call.change = [](RaceState*) {};  // whoever does not learn its secret cannot use it
    return call;
  }
  const size_t place = draw->Below(keys_.size());
  const std::string id = keys_[place];
  // It is kept on the list now and then, so that it goes on being tried.
  if (draw->Percent(50)) keys_.erase(keys_.begin() + static_cast<std::ptrdiff_t>(place));
  v1::RevokeKeyRequest request;
  request.set_id(id);
  call.request = std::move(request);
  call.change = [id](RaceState* state) { state->keys.erase(id); };
  return call;
}

bool Race::Begin() {
  RaceDraw draw(seed_);
  bool gone = false;
  for (RaceCall& call : draw.Begin()) {
    if (!gone) Send(0, std::move(call), &gone);
  }
  return !gone;
}

void Race::RunClient(size_t client, RaceDraw draw, std::atomic<int64_t>* left) {
  const auto kind = client == 0 ? RaceDraw::kSelections : RaceDraw::kAnything;
  for (bool gone = false; !gone && --*left >= 0;) {
    RaceCall call = keys_too_ && draw.Percent(4) ? ChangeKeys(&draw) : draw.Next(kind);
    Vary(&draw, &call);
    Send(client, std::move(call), &gone);
  }
}

void Race::Run(size_t calls) {
  std::atomic<int64_t> left{static_cast<int64_t>(calls)};
  std::vector<std::thread> threads;
  for (size_t client = 0; client < kClients; ++client) {
    threads.emplace_back(
        [this, client, draw = RaceDraw(++seed_), &left] { RunClient(client, draw, &left); });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace cordon
