// Clients that keep a real server busy until it is gone, and hold its answers against what they
// know.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/directory.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "tests/crash/journal_witness.h"
#include "tests/crash/random_changes.h"

namespace cordon {

// A lane with what drives it.
struct Client {
  Client(const std::string& name, RandomChanges::Kind kind, uint64_t seed)
      : changes(name, kind, seed) {
    lane.name = name;
  }
  Lane lane;
  RandomChanges changes;
  std::string bearer;
};

// All services of one server, over one connection.
class Stubs {
 public:
  explicit Stubs(const std::string& address);

  // The metadata and deadline of one call.
  static std::unique_ptr<grpc::ClientContext> As(const std::string& bearer);

  // Sends a change and waits for its acknowledgement.
  grpc::Status Send(const std::string& bearer, const Change& change, Told* told) const;
  grpc::Status Retrieve(const std::string& bearer, const v1::RetrieveRequest& request,
                        v1::RetrieveResponse* response) const;
  // Whether the server knows a key.
  bool Knows(const std::string& bearer) const;
  // How a restarted server is asked, with this key.
  Questions AskedBy(const std::string& bearer) const;

  std::unique_ptr<v1::Retrieval::Stub> retrieval;
  std::unique_ptr<v1::Ingest::Stub> ingest;
  std::unique_ptr<v1::Directory::Stub> directory;
  std::unique_ptr<v1::Policy::Stub> policy;
  std::unique_ptr<v1::Admin::Stub> admin;
};

// Every client in a thread of its own, from now until the server is gone.
class Load {
 public:
  // `stubs` and `clients` outlive it. `graceful`: the server ends calls with UNAVAILABLE; else it
  // is killed, and they may end in any way.
  Load(const Stubs* stubs, const std::vector<Client*>& clients, bool graceful);
  // Waits for the clients, who stop when their server does.
  ~Load() { Join(); }

  // To be said before the server is stopped: until then no call may fail.
  void StopIsNear() { near_ = true; }
  void Join();
  // What went wrong.
  std::vector<std::string> problems() const { return problems_; }

 private:
  void Run(Client* client);
  bool Step(Client* client);
  void Stream(Client* client);
  // Notes an end that may not be.
  void Ended(const Client& client, const std::string& doing, const grpc::Status& status);
  void Note(const std::string& problem);

  const Stubs* const stubs_;
  const bool graceful_;
  std::atomic<bool> near_{false};
  std::mutex mutex_;
  std::vector<std::string> problems_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace cordon
