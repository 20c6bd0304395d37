// What follows an erasure: the bytes leave the disk, that is verified, and the journal gets its
// receipt. And what comes before one by itself: documents whose time has come are erased.
//
// When Erase answers, the documents are invisible and their keys destroyed. The store notes the
// erasure (kErasures) until its receipt is in the journal, so that a restart goes on with it.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
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
  void Run();
  // Erases the tenant's documents whose time has come.
  void Expire(const std::shared_ptr<Tenant>& tenant);
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
  // By tenant: what was due when it was last tried. What is held stays due.
  std::map<std::string, std::string> tried_;
  int failed_ = 0;  // looks, one after the other
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace cordon
