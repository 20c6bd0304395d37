#include "engine/ingest/upkeep_worker.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <utility>

#include "engine/index/geometry_file.h"

namespace cordon {

UpkeepWorker::UpkeepWorker(std::string dir, std::function<void()> ready)
    : dir_(std::move(dir)), ready_(std::move(ready)), thread_([this] { Run(); }) {}

UpkeepWorker::~UpkeepWorker() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void UpkeepWorker::Start(IndexName name, VectorIndex frozen, Upkeep upkeep) {
  std::lock_guard lock(mutex_);
  queue_.push_back({std::move(name), std::move(frozen), upkeep});
  wake_.notify_all();
}

bool UpkeepWorker::Busy(const IndexName& name) const {
  std::lock_guard lock(mutex_);
  const auto is = [&](const auto& other) { return other.name == name; };
  return std::find(working_.begin(), working_.end(), name) != working_.end() ||
         std::any_of(queue_.begin(), queue_.end(), is) ||
         std::any_of(finished_.begin(), finished_.end(), is);
}

std::vector<FinishedUpkeep> UpkeepWorker::TakeFinished() {
  std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

std::string UpkeepWorker::PathOf(const IndexName& name) const {
  return fmt::format("{}/{}.{}.geometry", dir_, name.tenant, name.collection);
}

// An index without lists has the geometry that was trained before the restart, if there was one.
MadeLists UpkeepWorker::Make(const Job& job) const {
  const auto stop = [this] { return stopping_.load(); };
  const bool stored = job.upkeep == Upkeep::kTrain && !dir_.empty();
  if (stored && job.index.lists() == nullptr) {
    auto geometry = ReadGeometry(PathOf(job.name));
    if (geometry.ok()) {
      MadeLists made = MakeListsUnder(*std::move(geometry), job.index, stop);
      if (made.lists != nullptr || stop()) return made;
    } else if (geometry.status().code() != StatusCode::kNotFound) {
      spdlog::warn("index: {}: {}", PathOf(job.name), geometry.status().ToString());
    }
  }
  MadeLists made = MakeLists(job.index, job.upkeep, stop);
  if (!stored || made.lists == nullptr) return made;
  std::error_code ignored;  // the writing says what is wrong
  std::filesystem::create_directories(dir_, ignored);
  const Status written = WriteGeometry(made.lists->geometry(), PathOf(job.name));
  if (!written.ok()) spdlog::warn("index: {}", written.ToString());
  return made;
}

void UpkeepWorker::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const Job job = std::move(queue_.front());
    queue_.pop_front();
    working_ = {job.name};
    lock.unlock();
    FinishedUpkeep finished{job.name, {}};
    try {
      finished.made = Make(job);
    } catch (const std::exception& error) {  // of FAISS, or no memory: the index stays as it is
      spdlog::error("the index of collection {} could not be trained: {}", job.name.collection,
                    error.what());
    }
    lock.lock();
    working_.clear();
    finished_.push_back(std::move(finished));
    lock.unlock();
    ready_();
    lock.lock();
  }
}

}  // namespace cordon
