// S5's histories: what concurrent clients asked of one tenant, what they were told, and when.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/directory.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/policy.pb.h"
#include "cordon/v1/retrieval.pb.h"
#include "engine/base/random.h"
#include "tests/security/reference_store.h"

namespace cordon {

// What holds at one revision.
struct RaceState {
  reference::Tenant tenant;
  std::set<std::string> keys;  // ids of those that count, beside the one that is never revoked
};

// One call and its end.
struct RaceCall {
  using Request = std::variant<v1::RetrieveRequest, v1::GetDocumentRequest, v1::CheckAccessRequest,
                               v1::IngestRequest, v1::SetAccessRequest, v1::SetAccessManyRequest,
                               v1::SetAccessSelectedRequest, v1::UpdateMetadataRequest,
                               v1::DeleteRequest, v1::ApplyDirectoryRequest, v1::ApplyPolicyRequest,
                               v1::CreateKeyRequest, v1::RevokeKeyRequest>;
  enum End {
    kAnswered,
    kNotKnown,    // UNAUTHENTICATED
    kNotFound,    // of a GetDocument, and of a RevokeKey
    kNotReached,  // FAILED_PRECONDITION for at_least_revision
    kLost,        // the server was killed: the call was carried out or not
  };

  Request request;
  std::string key;                         // its id; empty: the one that is never revoked
  std::function<void(RaceState*)> change;  // of a write that is carried out; none for a read
  std::string as;                          // of a read
  uint64_t at_least = 0;                   // of a read: the revision it asks for
  uint64_t began = 0, ended = 0;           // ticks of one clock for all clients
  End end = kLost;
  uint64_t revision = 0;       // if answered
  reference::Names seen = {};  // of a read: ids of documents; of a CreateKey: its id

  bool write() const { return change != nullptr; }
  std::string Text() const;
};

// The collection of every race.
inline constexpr char kRaceCollection[] = "docs";

// What makes it, of two dimensions.
v1::CreateCollectionRequest MakeRaceCollection();

// Where a race starts: a policy, a directory, documents. `Begin()` gives the calls that make it,
// to be carried out one by one.
class RaceDraw {
 public:
  explicit RaceDraw(uint64_t seed) : random_(seed) {}

  std::vector<RaceCall> Begin();

  // The kinds of clients: all write and read; one alone changes selections, since what is selected
  // is what matches when the call begins.
  enum Kind { kAnything, kSelections };
  RaceCall Next(Kind kind);

  size_t Below(size_t bound) { return random_.Below(bound); }
  bool Percent(uint64_t chance) { return random_.Below(100) < chance; }

 private:
  RaceCall Read();
  RaceCall Write();
  RaceCall SetAccess();
  RaceCall SetAccessMany();
  RaceCall SetAccessSelected();
  RaceCall UpdateMetadata();
  RaceCall Upsert(const std::string& id);
  RaceCall Delete(const std::string& id);
  RaceCall Members();
  RaceCall Clearance();
  RaceCall Container();

  const std::string& Pick(const std::vector<std::string>& names);
  std::string Id();
  reference::List List();
  reference::Label Label();

  Random random_;
};

// Whoever carries calls out.
class RaceTarget {
 public:
  virtual ~RaceTarget() = default;
  // Fills in how the call ended. False once the target is gone.
  virtual bool Send(size_t client, RaceCall* call) = 0;
};

// Clients at work on a target, each a thread: each sends calls until `calls` are sent by all of
// them together or the target is gone. Appends to `history`, whose ticks and revisions go on.
class Race {
 public:
  static constexpr size_t kClients = 5;

  // With `keys`, the target makes and revokes keys.
  Race(RaceTarget* target, bool keys, uint64_t seed)
      : target_(target), keys_too_(keys), seed_(seed) {}

  // The beginning, by one client.
  bool Begin();
  void Run(size_t calls);

  const std::vector<RaceCall>& history() const { return history_; }

 private:
  void RunClient(size_t client, RaceDraw draw, std::atomic<int64_t>* left);
  void Send(size_t client, RaceCall call, bool* gone);
  // Sometimes: another key, a revision that may not be there yet.
  void Vary(RaceDraw* draw, RaceCall* call);
  RaceCall ChangeKeys(RaceDraw* draw);

  RaceTarget* const target_;
  const bool keys_too_;
  uint64_t seed_;
  std::atomic<uint64_t> tick_{0};
  std::atomic<uint64_t> newest_{0};  // acknowledged revision
  std::mutex mutex_;
  std::vector<RaceCall> history_;  // guarded by mutex_
  std::vector<std::string> keys_;  // ids of those that may count; guarded by mutex_
};

// What one history shows that no order of its calls explains; empty if all is explained.
std::vector<std::string> CheckHistory(const std::vector<RaceCall>& history);

}  // namespace cordon
