// Keeps the files of indexes (view/index_files.h) up to date beside the writer: one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/view/index_files.h"

namespace cordon {

// Thread-safe.
class IndexKeeper {
 public:
  // `files` outlives the keeper.
  explicit IndexKeeper(IndexFiles* files);
  // Ends what goes on after the file that is being written.
  ~IndexKeeper();

  // Queues an index that is published, if its files lack something and nothing of it is queued.
  void Offer(uint32_t tenant, uint32_t collection, const CollectionIndex& index);

 private:
  using Clock = std::chrono::steady_clock;
  using Name = std::pair<uint32_t, uint32_t>;  // tenant, collection
  struct Job {
    Name name;
    CollectionIndex index;
  };
  // What an index consisted of when its files lacked nothing: to see at a glance that it still
  // does. Not by address, which another one may have by now.
  struct Seen {
    std::weak_ptr<const void> vectors;
    std::weak_ptr<const void> words;
    bool Is(const CollectionIndex& index) const;
  };
  void Run();
  void RunJob(const Job& job);

  IndexFiles* const files_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;                    // guarded by mutex_
  std::map<Name, Clock::time_point> again_;  // guarded by mutex_: not before then
  std::map<Name, Seen> whole_;               // guarded by mutex_
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace cordon
