// Looks after the indexes beside the writer: one thread that trains and merges (index/upkeep.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/index/upkeep.h"

namespace cordon {

// Which index it is about.
struct IndexName {
  std::string tenant;
  uint32_t collection;

  bool operator==(const IndexName&) const = default;
};

// Lists that are ready; without any the index is to be thawed.
struct FinishedUpkeep {
  IndexName name;
  MadeLists made;
};

// Thread-safe.
class UpkeepWorker {
 public:
  // `ready` is called on the worker's thread whenever something is finished. `dir` is where
  // geometries outlive a restart, TENANT.COLLECTION.geometry each; empty: they do not.
  UpkeepWorker(std::string dir, std::function<void()> ready);
  // Ends what goes on, within a second or so.
  ~UpkeepWorker();

  // Queues work on a frozen index.
  void Start(IndexName name, VectorIndex frozen, Upkeep upkeep);

  // True while an index is queued or worked on, or not taken yet.
  bool Busy(const IndexName& name) const;

  std::vector<FinishedUpkeep> TakeFinished();

 private:
  struct Job {
    IndexName name;
    VectorIndex index;
    Upkeep upkeep;
  };

  void Run();
  MadeLists Make(const Job& job) const;
  std::string PathOf(const IndexName& name) const;

  const std::string dir_;
  const std::function<void()> ready_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;                 // guarded by mutex_
  std::vector<IndexName> working_;        // guarded by mutex_; at most one
  std::vector<FinishedUpkeep> finished_;  // guarded by mutex_
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace cordon
