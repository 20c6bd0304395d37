#include "tests/security/race.h"

#include <algorithm>
#include <thread>

namespace cordon {
namespace {

constexpr size_t kKeysMax = 4;
constexpr size_t kAccessesMax = 3;

}  // namespace

void Race::Send(size_t client, RaceCall call, bool* gone) {
  call.began = ++tick_;
  *gone = !target_->Send(client, &call);
  call.ended = ++tick_;
  auto parts = std::exchange(call.parts, {});
  const bool told = call.end == RaceCall::kAnswered && !parts.empty();
  std::lock_guard lock(mutex_);
  for (RaceCall& part : parts) {
    part.began = call.began;
    part.ended = call.ended;
    Remember(std::move(part));
  }
  if (!told) Remember(std::move(call));
}

// With the lock held.
void Race::Remember(RaceCall call) {
  // A lost read tells nothing.
  if (call.end == RaceCall::kLost && !call.write()) return;
  if (call.end == RaceCall::kAnswered) {
    uint64_t newest = newest_;
    while (newest < call.revision && !newest_.compare_exchange_weak(newest, call.revision)) {
    }
    const auto* opened = std::get_if<v1::OpenBreakGlassRequest>(&call.request);
    if (std::holds_alternative<v1::CreateKeyRequest>(call.request)) {
      const std::string id = *call.seen.begin();
      call.change = [id](RaceState* state) { state->keys.insert(id); };
      keys_.push_back(id);
    } else if (opened != nullptr) {
      const std::string id = *call.seen.begin(), as = opened->as();
      call.change = [id, as](RaceState* state) { state->accesses[id] = as; };
      accesses_.emplace_back(id, as);
    }
  }
  history_.push_back(std::move(call));
}

void Race::Vary(size_t client, RaceDraw* draw, RaceCall* call) {
  const bool ingest = std::holds_alternative<v1::IngestRequest>(call->request);
  v1::Scope* const scope = call->write() ? nullptr : call->mutable_scope();
  // Only the key that opened an access may use it.
  const bool glass = scope != nullptr && draw->Percent(10) && PickAccess(draw, scope);
  if (!glass && (!call->write() || ingest)) call->key = PickKey(client, draw);
  if (scope == nullptr || !draw->Percent(25)) return;
  scope->set_at_least_revision(newest_ + (draw->Percent(8) ? 1 : 0));
}

std::string Race::PickKey(size_t client, RaceDraw* draw) {
  const auto& certificates = credentials_.certificates;
  if (draw->Percent(40)) return "";
  if (!certificates.empty() && draw->Percent(30)) {
    return certificates[CertificateOf(client, certificates.size())];
  }
  std::lock_guard lock(mutex_);
  return keys_.empty() ? "" : keys_[draw->Below(keys_.size())];
}

bool Race::PickAccess(RaceDraw* draw, v1::Scope* scope) {
  std::lock_guard lock(mutex_);
  if (accesses_.empty()) return false;
  const auto& [id, as] = accesses_[draw->Below(accesses_.size())];
  scope->set_break_glass(id);
  if (draw->Percent(90)) scope->set_as(as);
  return true;
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

// The same of break-glass accesses.
RaceCall Race::ChangeAccesses(RaceDraw* draw) {
  RaceCall call;
  std::lock_guard lock(mutex_);
  if (accesses_.empty() || (accesses_.size() < kAccessesMax && draw->Percent(50))) {
    call.request = draw->Access();
    call.change = [](RaceState*) {};  // whoever does not learn its id cannot use it
    return call;
  }
  const size_t place = draw->Below(accesses_.size());
  const std::string id = accesses_[place].first;
  if (draw->Percent(50)) accesses_.erase(accesses_.begin() + static_cast<std::ptrdiff_t>(place));
  v1::CloseBreakGlassRequest request;
  request.set_id(id);
  call.request = std::move(request);
  call.change = [id](RaceState* state) { state->accesses.erase(id); };
  return call;
}

RaceCall Race::DenyCertificates(uint64_t chance, RaceDraw* draw) {
  v1::ApplyPolicyRequest request;
  std::set<std::string> denied;
  auto* const list = request.mutable_denied_certificates();
  for (const RaceDenial& denial : credentials_.denials) {
    if (!draw->Percent(chance)) continue;
    *list->add_certificates() = denial.what;
    denied.insert(denial.certificates.begin(), denial.certificates.end());
  }
  RaceCall call;
  call.request = std::move(request);
  call.change = [denied, all = credentials_.certificates](RaceState* state) {
    for (const auto& certificate : all) {
      if (denied.contains(certificate)) {
        state->keys.erase(certificate);
      } else {
        state->keys.insert(certificate);
      }
    }
  };
  return call;
}

bool Race::Begin() {
  RaceDraw draw(seed_);
  auto calls = draw.Begin();
  if (!credentials_.certificates.empty()) calls.push_back(DenyCertificates(0, &draw));
  bool gone = false;
  for (RaceCall& call : calls) {
    if (!gone) Send(0, std::move(call), &gone);
  }
  return !gone;
}

RaceCall Race::Next(RaceDraw::Kind kind, RaceDraw* draw) {
  if (credentials_.keys && draw->Percent(4)) return ChangeKeys(draw);
  if (!credentials_.denials.empty() && draw->Percent(2)) return DenyCertificates(25, draw);
  if (draw->Percent(2)) return ChangeAccesses(draw);
  return draw->Next(kind);
}

void Race::RunClient(size_t client, RaceDraw draw, std::atomic<int64_t>* left) {
  const auto kind = client == 0 ? RaceDraw::kSelections : RaceDraw::kAnything;
  for (bool gone = false; !gone && --*left >= 0;) {
    RaceCall call = Next(kind, &draw);
    Vary(client, &draw, &call);
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
