#include "engine/ingest/index_keeper.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "engine/base/stand_back.h"

namespace cordon {
namespace {

// While much is written, segments come and go: those that are gone again by then are not written.
constexpr std::chrono::seconds kKeepEvery{5};
constexpr std::chrono::minutes kKeepAfterFailure{1};

bool Same(const std::weak_ptr<const void>& a, const std::weak_ptr<const void>& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

}  // namespace

bool IndexKeeper::Seen::Is(const CollectionIndex& index) const {
  return Same(vectors, index.vectors.same_segments()) && Same(words, index.lexical.same_segments());
}

IndexKeeper::IndexKeeper(IndexFiles* files) : files_(files), thread_([this] { Run(); }) {}

IndexKeeper::~IndexKeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void IndexKeeper::Offer(uint32_t tenant, uint32_t collection, const CollectionIndex& index) {
  const Name name{tenant, collection};
  std::lock_guard lock(mutex_);
  if (const auto whole = whole_.find(name); whole != whole_.end() && whole->second.Is(index)) {
    return;
  }
  const auto known = again_.find(name);
  if (known != again_.end() && Clock::now() < known->second) return;
  if (!files_->Stale(tenant, collection, index)) {
    whole_[name] = {index.vectors.same_segments(), index.lexical.same_segments()};
    return;
  }
  again_[name] = Clock::time_point::max();  // until it is done
  queue_.push_back({name, index});
  wake_.notify_all();
}

void IndexKeeper::RunJob(const Job& job) {
  const auto [tenant, collection] = job.name;
  Status kept;
  try {
    kept = files_->Keep(tenant, collection, job.index, [this] { return stopping_.load(); });
  } catch (const std::exception& error) {  // no memory: the files stay as they are
    kept = Internal(error.what());
  }
  if (!kept.ok()) spdlog::warn("index: {}; tried again in a minute", kept.ToString());
  std::lock_guard lock(mutex_);
  again_[job.name] = Clock::now() + (kept.ok() ? kKeepEvery : kKeepAfterFailure);
}

void IndexKeeper::Run() {
  StandBack(Behind::kWriters);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    {
      const Job job = std::move(queue_.front());  // freed without the lock: it may be a whole index
      queue_.pop_front();
      lock.unlock();
      RunJob(job);
    }
    lock.lock();
  }
}

}  // namespace cordon
