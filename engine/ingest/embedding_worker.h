// Goes on with every re-embedding that was begun, of all tenants, on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/ingest/embedding_walk.h"

namespace cordon {

// How often it looks. Only tests choose another.
struct EmbeddingPace {
  std::chrono::milliseconds every{500};           // at what there is to do
  std::chrono::milliseconds after_failure{2000};  // of an endpoint or the writer; doubles up to
                                                  // `again`
  std::chrono::milliseconds again{60000};         // at documents that were left out, or 20 times as
                                                  // long as a walk past all documents takes
};

class EmbeddingWorker {
 public:
  using Tenants = std::function<std::vector<std::shared_ptr<Tenant>>()>;

  // Works until it goes. Everything outlives it; `endpoints` may be null.
  EmbeddingWorker(Writer* writer, Clock* clock, Endpoints* endpoints, Tenants tenants,
                  EmbeddingPace pace = {});
  // Ends what goes on, once the page that was sent is committed.
  ~EmbeddingWorker();

  // How the walk of a collection stands; as of no walk if there is none. What was left out stays
  // told while a later walk looks at it again.
  struct Progress {
    uint64_t left_out = 0;
    std::string waits_for;  // why it does not go on; empty if it does
  };
  Progress ProgressOf(const std::string& tenant, uint32_t collection) const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Name = std::pair<std::string, uint32_t>;  // the tenant and the collection's number
  struct Walking {
    std::unique_ptr<EmbeddingWalk> walk;
    Time begun;  // this walk past all documents
    Time not_before;
    Time again;  // from the first document
    bool at_end = false;
    bool whole = false;  // a walk has been at the end
    Progress told = {};  // by the last one that was, or as yet by this one
    int failures = 0;    // in a row
  };

  void Run();
  // One page of each walk that may go on. True if any has more.
  bool StepAll();
  bool Step(const std::shared_ptr<Tenant>& tenant, const Collection& collection);
  void Note(const Name& name, Progress progress, const Status& failed);
  bool Stopping() const;

  const EmbeddingTools tools_;
  const Tenants tenants_;
  const EmbeddingPace pace_;
  std::map<Name, Walking> walks_;  // the thread's own
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Name, Progress> progress_;  // guarded by mutex_
  bool stopping_ = false;              // guarded by mutex_
  std::thread thread_;
};

}  // namespace cordon
