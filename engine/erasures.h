// What follows an erasure: the bytes leave the disk, that is verified, and the journal gets its
// receipt. And what comes before one by itself: documents whose time has come are erased. What was
// deleted without erasure gives its space back, too.
//
// When Erase answers, the documents are invisible and their keys destroyed. The store notes the
// erasure (kErasures) until its receipt is in the journal, so that a restart goes on with it.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/ingest/writer.h"
#include "engine/store/remains.h"

namespace cordon {

class Erasures {
 public:
  using Tenants = std::function<std::vector<std::shared_ptr<Tenant>>()>;

  // Works on a thread of its own until it goes. Everything outlives it.
  Erasures(Database* database, const Vault* vault, Writer* writer, Clock* clock, Tenants tenants);
  ~Erasures();

  // An erasure that has no receipt yet.
  struct Open {
    uint64_t revision;
    store::v1::ErasureRecord record;
  };

 private:
  // The keys of some records, to tell whether any came or went.
  struct KeysSeen {
    uint64_t keys = 0;
    uint64_t hash = 0;
    bool operator==(const KeysSeen&) const = default;
  };
  // When what is due was tried last. What is held stays due.
  struct Tried {
    KeysSeen due;
    KeysSeen held;
    Micros again = 0;  // though nothing has changed
  };
  // A tenant whose erasures could not be finished, by looks.
  struct Failing {
    int looks = 0;  // since the first failure
    int pause = 0;  // how many were left out last
    int wait = 0;   // how many are still to be left out
    Status last;
  };

  void Run();
  // Goes on with the copy of the keys, if it is behind.
  void CatchUpKeys();
  // Erases the tenant's documents whose time has come, and waits for the writer.
  void Expire(const std::shared_ptr<Tenant>& tenant);
  StatusOr<KeysSeen> Fingerprint(Family family, const std::string& from,
                                 const std::string& end) const;
  // What is due in the rows [from, end) of kDue, share by share.
  Status EraseDue(const std::shared_ptr<Tenant>& tenant, std::string from, const std::string& end);
  Status EraseDueOf(const std::shared_ptr<Tenant>& tenant, uint32_t collection,
                    const std::string& from, const std::string& to);
  // Lets the space of what was deleted come back, if it is much.
  void GiveSpaceBack();
  bool Stopping();
  void TryFinish(Tenant* tenant);
  // Goes on with the tenant's open erasures.
  Status Finish(Tenant* tenant);
  Status FinishCollection(Tenant* tenant, uint32_t collection, const std::vector<Open>& open);
  Status WriteReceipt(Tenant* tenant, const Open& erasure, const Searched& searched,
                      uint64_t rewritten_bytes);

  Database* const database_;
  const Vault* const vault_;
  Writer* const writer_;
  Clock* const clock_;
  const Tenants tenants_;
  // By tenant; the thread's own.
  std::map<std::string, Tried> tried_;
  std::map<std::string, Failing> failing_;
  Status copied_;        // what the keys' copy said last
  int until_space_ = 0;  // looks that are left out before space is given back again
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace cordon
