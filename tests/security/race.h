// S5's histories: what concurrent clients asked of one tenant, what they were told, and when.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/directory.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/policy.pb.h"
#include "cordon/v1/retrieval.pb.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "tests/security/reference_store.h"

namespace cordon {

// What holds at one revision.
struct RaceState {
  reference::Tenant tenant;
  // Ids of those that count, and certificates, beside the one that is never revoked.
  std::set<std::string> keys;
  std::map<std::string, std::string> accesses;  // break-glass, by id: for whom
};

// One call and its end.
struct RaceCall {
  using Request =
      std::variant<v1::RetrieveRequest, v1::RetrieveStreamRequest, v1::BatchRetrieveRequest,
                   v1::GetDocumentRequest, v1::CheckAccessRequest, v1::ExportRequest,
                   v1::IngestRequest, v1::SetAccessRequest, v1::SetAccessManyRequest,
                   v1::SetAccessSelectedRequest, v1::UpdateMetadataRequest, v1::DeleteRequest,
                   v1::ApplyDirectoryRequest, v1::ApplyPolicyRequest, v1::CreateKeyRequest,
                   v1::RevokeKeyRequest, v1::OpenBreakGlassRequest, v1::CloseBreakGlassRequest>;
  enum End {  // refused: all between kShown and kLost
    kAnswered,
    kShown,       // a message of a stream, but the last, which alone says its revision
    kNotKnown,    // UNAUTHENTICATED
    kNotFound,    // of GetDocument; of an Export without anything to send; of what a write ends
    kDenied,      // PERMISSION_DENIED: no such destination or break-glass access
    kNotReached,  // FAILED_PRECONDITION for at_least_revision
    kLost,        // the server was killed: the call was carried out or not
  };

  Request request;
  std::string key;                         // its id; empty: the one that is never revoked
  std::function<void(RaceState*)> change;  // of a write that is carried out; none for a read
  uint64_t began = 0, ended = 0;           // ticks of one clock for all clients
  End end = kLost;
  uint64_t revision = 0;        // if answered
  reference::Names seen;        // of a read: ids of documents; else the id of what was made
  std::vector<RaceCall> parts;  // what a batch or a stream was told one by one, as so many calls

  bool write() const { return change != nullptr; }
  // Each message that leaves is recorded first: so it is a write that shows documents, too.
  bool exports() const { return std::holds_alternative<v1::ExportRequest>(request); }
  bool streams() const { return std::holds_alternative<v1::RetrieveStreamRequest>(request); }
  // On whose behalf, of what has a scope; the default else, and null.
  const v1::Scope& scope() const;
  v1::Scope* mutable_scope();
  uint64_t at_least() const { return scope().at_least_revision(); }

  // How a refusal with this code ends it; nothing if it must not be refused so.
  std::optional<End> RefusedBy(StatusCode code) const;
  // Adds a part that was asked for with `part`.
  RaceCall* AddPart(Request part);
  std::string Text() const;
};

// Fill in what an answered call was told.
void Note(const v1::RetrieveResponse& told, RaceCall* call);
void Note(const v1::GetDocumentResponse& told, RaceCall* call);
void Note(const v1::CheckAccessResponse& told, RaceCall* call);
void Note(const v1::ExportResponse& told, RaceCall* call);
void Note(const v1::RetrieveStreamResponse& told, RaceCall* call);  // a message
void Note(const v1::BatchRetrieveResponse& told, RaceCall* call);   // in parts

// The collection of every race.
inline constexpr char kRaceCollection[] = "docs";
// A document of it that only whoever reads by stream sees, nearer to every question than any other
// and as long as a message: what races comes with the next.
inline constexpr char kRaceLong[] = "long";

// What makes it, of two dimensions.
v1::CreateCollectionRequest MakeRaceCollection();

// Where a race starts: a policy, a directory, documents. `Begin()` gives the calls that make it,
// to be carried out one by one. Then it draws
//   reads: Retrieve, RetrieveStream, BatchRetrieve, GetDocument, CheckAccess, Export, for the
//     destination that sees all or for one that comes and goes;
//   writes, of which each may revoke what another has granted, or grant it again: lists and labels
//     of documents one by one, many at once and selected, documents that are written, end and are
//     deleted, members of groups, clearances, containers; the destination's ceiling, forbidden tags
//     and reviewed terms, its scope, whose rule forbids more or less, and whether there is one;
//     quarantines of sources.
// To these the Race adds keys, certificates and break-glass accesses, whose names it keeps.
class RaceDraw {
 public:
  explicit RaceDraw(uint64_t seed) : random_(seed) {}

  std::vector<RaceCall> Begin();

  // The kinds of clients: all write and read; one alone changes selections, since what is selected
  // is what matches when the call begins.
  enum Kind { kAnything, kSelections };
  RaceCall Next(Kind kind);

  // For one of the users; the target says until when.
  v1::OpenBreakGlassRequest Access();

  size_t Below(size_t bound) { return random_.Below(bound); }
  bool Percent(uint64_t chance) { return random_.Below(100) < chance; }

 private:
  RaceCall Read();
  v1::Scope Scope(const std::string& as);
  v1::RetrieveRequest Question(const std::string& as);
  v1::RetrieveStreamRequest LongQuestion();
  v1::BatchRetrieveRequest Questions();
  v1::CheckAccessRequest Check();
  v1::GetDocumentRequest Get();
  RaceCall Export();

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
  RaceCall Destinations();
  RaceCall Quarantine();

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

// What a policy may deny, and whom it denies by that.
struct RaceDenial {
  v1::DeniedCertificate what;
  std::set<std::string> certificates;
};

// By what clients call, beside the key that is never revoked.
struct RaceCredentials {
  bool keys = false;                           // the target makes and revokes keys
  std::vector<std::string> certificates = {};  // of which each client has one
  std::vector<RaceDenial> denials = {};
};

// Clients at work on a target, each a thread: each sends calls until `calls` are sent by all of
// them together or the target is gone. Appends to `history`, whose ticks and revisions go on.
class Race {
 public:
  static constexpr size_t kClients = 5;

  Race(RaceTarget* target, RaceCredentials credentials, uint64_t seed)
      : target_(target), credentials_(std::move(credentials)), seed_(seed) {}

  // Which of the certificates a client has; there must be some.
  static size_t CertificateOf(size_t client, size_t certificates) { return client % certificates; }

  // The beginning, by one client.
  bool Begin();
  void Run(size_t calls);

  const std::vector<RaceCall>& history() const { return history_; }

 private:
  void RunClient(size_t client, RaceDraw draw, std::atomic<int64_t>* left);
  RaceCall Next(RaceDraw::Kind kind, RaceDraw* draw);
  void Send(size_t client, RaceCall call, bool* gone);
  void Remember(RaceCall call);
  // Sometimes: another key, a break-glass access, a revision that may not be there yet.
  void Vary(size_t client, RaceDraw* draw, RaceCall* call);
  std::string PickKey(size_t client, RaceDraw* draw);
  bool PickAccess(RaceDraw* draw, v1::Scope* scope);
  RaceCall ChangeKeys(RaceDraw* draw);
  RaceCall ChangeAccesses(RaceDraw* draw);
  // Denies each of what may be denied by that chance, and nothing else any more.
  RaceCall DenyCertificates(uint64_t chance, RaceDraw* draw);

  RaceTarget* const target_;
  const RaceCredentials credentials_;
  uint64_t seed_;
  std::atomic<uint64_t> tick_{0};
  std::atomic<uint64_t> newest_{0};  // acknowledged revision
  std::mutex mutex_;
  std::vector<RaceCall> history_;  // guarded by mutex_
  // Ids of those that may count, and of accesses the users; guarded by mutex_.
  std::vector<std::string> keys_;
  std::vector<std::pair<std::string, std::string>> accesses_;
};

// What one history shows that no order of its calls explains; empty if all is explained.
std::vector<std::string> CheckHistory(const std::vector<RaceCall>& history);

// How much there was to check: a comparison of nothing proves little.
struct RaceTally {
  uint64_t calls = 0, lost = 0, refused = 0, seen = 0;
  uint64_t denied = 0;    // reads, for a destination or an access that does not count
  uint64_t glass = 0;     // documents that were seen under a break-glass access
  uint64_t later = 0;     // and in a message of a stream that is not the first
  uint64_t exported = 0;  // and in an export

  void Add(const std::vector<RaceCall>& history);
  std::string Text() const;
};

}  // namespace cordon
