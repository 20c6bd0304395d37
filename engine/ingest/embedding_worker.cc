#include "engine/ingest/embedding_worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "engine/base/stand_back.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

constexpr int kDoublings = 10;   // of the wait after failures
constexpr int kWalksApart = 20;  // walks past all documents take at most a twentieth of the time

EmbeddingWorker::Progress ToProgress(const EmbeddingWalk& walk) {
  const Status& why = walk.why_left_out();
  return {walk.left_out(), std::string(why.ok() ? "" : why.message())};
}

bool HasWork(const Collection& collection) {
  const bool lacks = collection.other && collection.other->documents < collection.documents &&
                     MadeHere(collection.other->space);
  return lacks || collection.stale > 0;
}

}  // namespace

EmbeddingWorker::EmbeddingWorker(Writer* writer, Clock* clock, Endpoints* endpoints,
                                 Tenants tenants, EmbeddingPace pace)
    : tools_{writer, clock, endpoints, [this] { return Stopping(); }},
      tenants_(std::move(tenants)),
      pace_(pace),
      thread_([this] { Run(); }) {}

EmbeddingWorker::~EmbeddingWorker() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool EmbeddingWorker::Stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

EmbeddingWorker::Progress EmbeddingWorker::ProgressOf(const std::string& tenant,
                                                      uint32_t collection) const {
  std::lock_guard lock(mutex_);
  const auto found = progress_.find({tenant, collection});
  return found == progress_.end() ? Progress() : found->second;
}

void EmbeddingWorker::Run() {
  StandBack(Behind::kWriters);
  bool more = false;
  std::unique_lock lock(mutex_);
  while (true) {
    if (!more) wake_.wait_for(lock, pace_.every, [this] { return stopping_; });
    if (stopping_) return;
    lock.unlock();
    more = StepAll();
    lock.lock();
  }
}

bool EmbeddingWorker::StepAll() {
  bool more = false;
  std::set<Name> working;
  for (const auto& tenant : tenants_()) {
    std::shared_ptr<const TenantState::Collections> collections;
    {
      const PinnedView view = tenant->publisher.Pin(tools_.clock);
      collections = view->state().collections;
    }
    for (const auto& [name, collection] : *collections) {
      if (Stopping()) return false;
      if (!HasWork(*collection)) continue;
      working.insert({tenant->name, collection->id});
      more |= Step(tenant, *collection);
    }
  }
  std::erase_if(walks_, [&](const auto& walk) { return !working.contains(walk.first); });
  std::lock_guard lock(mutex_);
  std::erase_if(progress_, [&](const auto& entry) { return !working.contains(entry.first); });
  return more;
}

bool EmbeddingWorker::Step(const std::shared_ptr<Tenant>& tenant, const Collection& collection) {
  const Name name{tenant->name, collection.id};
  const Time now = std::chrono::steady_clock::now();
  Walking& walking = walks_[name];
  if (walking.walk == nullptr || !walking.walk->IsFor(collection)) {
    walking = {std::make_unique<EmbeddingWalk>(tools_, tenant, collection, WalkGives::kVectors),
               now, now, now};
  }
  if (now < walking.not_before) return false;
  if (walking.at_end && now >= walking.again) {
    walking.walk->Restart();
    walking.begun = now;
    walking.at_end = false;
  }
  const auto more = walking.walk->Step();
  const Time after = std::chrono::steady_clock::now();
  walking.failures = more.ok() ? 0 : std::min(walking.failures + 1, kDoublings);
  if (!more.ok()) {
    const auto wait = pace_.after_failure * (1 << (walking.failures - 1));
    walking.not_before = after + std::min(wait, std::max(pace_.again, pace_.after_failure));
  }
  if (more.ok() && !*more && !walking.at_end) {
    walking.at_end = walking.whole = true;
    walking.again =
        after + std::max<Time::duration>(pace_.again, kWalksApart * (after - walking.begun));
  }
  // While it waits to begin anew, it follows what is written meanwhile.
  if (walking.at_end || !walking.whole) walking.told = ToProgress(*walking.walk);
  Note(name, walking.told, more.status());
  return more.ok() && *more;
}

void EmbeddingWorker::Note(const Name& name, Progress progress, const Status& failed) {
  if (!failed.ok()) progress.waits_for = failed.message();
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  Progress& noted = progress_[name];
  if (!failed.ok() && noted.waits_for != progress.waits_for) {
    spdlog::warn("re-embedding of a collection of tenant {} waits: {}", name.first,
                 failed.ToString());
  }
  noted = std::move(progress);
}

}  // namespace cordon
