// Looks after the indexes beside the writer: one thread that trains and merges (index/upkeep.h).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "engine/index/geometry_file.h"
#include "engine/index/upkeep.h"
#include "engine/store/vault.h"

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
  Upkeep upkeep;
  MadeLists made;
  int catch_ups = 0;  // how often lists were found for newer rows, too
};

struct UpkeepOptions {
  // Where geometries outlive a restart, TENANT.COLLECTION.geometry each, sealed by `vault`, which
  // outlives the worker. Empty: they do not, and there may be no vault.
  std::string dir;
  const Vault* vault = nullptr;
  // How long the same work is left alone after it has failed; doubled each time, to an hour.
  std::chrono::milliseconds retry_after = std::chrono::minutes(1);
  std::function<MadeLists(const VectorIndex&, Upkeep, const std::function<bool()>&)> make =
      MakeLists;
};

// The geometry of an index in the directory `dir`. NOT_FOUND if there is none; DATA_LOSS if it is
// damaged, or sealed with another key.
StatusOr<StoredGeometry> ReadGeometry(const Vault& vault, const std::string& dir,
                                      const IndexName& name);

// The geometries of a directory, by tenant, without what a crash has left of others.
std::vector<std::filesystem::path> ListGeometries(const std::string& dir);

// What a file of such a directory says, as it is stored. NOT_FOUND if it is gone, or has no name of
// a geometry; DATA_LOSS as above.
StatusOr<std::string> OpenGeometry(const Vault& vault, const std::filesystem::path& path);

// A file of the directory, whole or not.
struct FoundGeometry {
  uint32_t collection;
  std::string path;
};

// Thread-safe.
class UpkeepWorker {
 public:
  // `ready` is called on the worker's thread whenever something is finished.
  UpkeepWorker(UpkeepOptions options, std::function<void()> ready);
  // Ends what goes on, within a second or so.
  ~UpkeepWorker();

  // Queues work on a frozen index.
  void Start(IndexName name, VectorIndex frozen, Upkeep upkeep);

  // Queues what a finished work lacks because of writes meanwhile (ListNewer), before all other.
  void CatchUp(FinishedUpkeep finished, VectorIndex frozen);

  // True while an index is queued or worked on, or not taken yet; or if just this work failed, and
  // it is too early for another try.
  bool Busy(const IndexName& name, Upkeep upkeep) const;

  std::vector<FinishedUpkeep> TakeFinished();

  // How often work has failed.
  uint64_t failures() const { return failure_count_.load(std::memory_order_relaxed); }

  // Ends work on an index whose collection is gone, and soon its geometry is off the disk. It is
  // not started again: numbers of collections are not reused.
  void Forget(const IndexName& name);

  // The same with the files of all collections of a tenant but these that were there when this was
  // made: what a crash has left. Of these too with what is unfinished or not sealed. Before any is
  // started.
  void ForgetOthers(const std::string& tenant, const std::set<uint32_t>& collections);

 private:
  using Clock = std::chrono::steady_clock;
  using Work = std::tuple<std::string, uint32_t, Upkeep>;
  struct Job {
    IndexName name;
    VectorIndex index;
    Upkeep upkeep;
    std::optional<MadeLists> made = {};  // these are to catch up
    int catch_ups = 0;
  };
  struct Failure {
    Clock::duration wait;
    Clock::time_point until;
  };
  // What a geometry's file says.
  struct OnDisk {
    uint64_t revision;
    uint64_t changed;
    bool operator==(const OnDisk&) const = default;
  };

  void Run();
  void RunJob(const Job& job);
  MadeLists Make(const Job& job);
  MadeLists MakeStored(const Job& job) const;
  void Store(const Job& job, const MadeLists& made);
  void Remove(const std::vector<std::string>& paths);
  void NoteFailure(const Job& job);
  bool Stopped() const { return stopping_ || abandoned_; }

  const UpkeepOptions options_;
  const std::function<void()> ready_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;                                   // guarded by mutex_
  std::map<std::string, std::vector<FoundGeometry>> left_;  // guarded by mutex_; by tenant
  std::vector<std::string> gone_;         // guarded by mutex_: files to be removed
  std::vector<IndexName> working_;        // guarded by mutex_; at most one
  std::vector<FinishedUpkeep> finished_;  // guarded by mutex_
  std::map<Work, Failure> failures_;      // guarded by mutex_
  std::map<std::string, OnDisk> stored_;  // by path; the thread's own
  std::atomic<uint64_t> failure_count_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> abandoned_ = false;  // what is worked on
  std::thread thread_;
};

}  // namespace cordon
