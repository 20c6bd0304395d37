// What a store must hold after a crash: acknowledged changes, and pending ones kept apart.
//
// Changes come in lanes. A lane sends its changes one after the other, perhaps several ahead, and
// no lane touches what belongs to another. So after a crash each lane has all its acknowledged
// changes, and of the pending ones the first so many: each whole, none half.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/directory.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/policy.pb.h"
#include "cordon/v1/retrieval.pb.h"

namespace cordon {

using Change =
    std::variant<v1::IngestRequest, v1::SetAccessRequest, v1::SetAccessManyRequest,
                 v1::UpdateMetadataRequest, v1::DeleteRequest, v1::ApplyDirectoryRequest,
                 v1::ApplyPolicyRequest, v1::CreateCollectionRequest, v1::DeleteCollectionRequest,
                 v1::CreateKeyRequest, v1::RevokeKeyRequest, v1::EraseRequest>;

// As the journal calls it.
std::string CallName(const Change& change);

// The collection that all lanes share, each with ids that begin with its own name and a slash.
inline constexpr char kShared[] = "docs";
// The last word of a document's text.
std::string LastWordOf(const v1::Document& document);

// Every list allows this user: what exists is what it sees.
inline constexpr char kSeesAll[] = "user:all";

// What has been told of an acknowledged change.
struct Told {
  uint64_t revision = 0;
  std::string key_id;  // of a created key
  std::string bearer;
};

// What a lane's changes add up to, by the rules of DESIGN §2 written down naively.
struct LaneState {
  struct Key {
    std::string id;  // empty until it was told
    std::string bearer;
  };
  std::set<std::string> collections;
  std::map<std::string, std::map<std::string, v1::Document>> documents;  // by collection and id
  std::map<std::string, v1::Acl> containers;
  std::map<std::string, std::set<std::string>> members;
  std::map<std::string, int> clearances;
  std::map<std::string, Key> keys;   // by principal
  std::vector<std::string> revoked;  // bearers
  std::vector<std::string> erased;   // last words, which no other document has

  // Takes out of a batch, whose documents are all others, what is out of date by its version.
  void DropStale(v1::IngestRequest* batch) const;
  // Nothing of a batch is out of date, of metadata only the title changes.
  void Apply(const Change& change, const Told& told);
  // The same of a change that only the journal tells, to what a restored backup holds: documents
  // that it has keep their content and title and get the list and label; others do not come.
  void Replay(const Change& change, const Told& told);
  // One line for each passage that `user` may see of a collection, sorted.
  std::vector<std::string> Seen(const std::string& user, const std::string& collection) const;

 private:
  bool Permits(const v1::Acl& acl, const std::set<std::string>& principals) const;
};

// The same line of an answer.
std::string LineOf(const v1::Passage& passage);

// One lane.
struct Lane {
  struct Acknowledged {
    uint64_t revision;
    std::string call;
  };
  struct Answered {
    std::string journal_id;
    uint64_t revision;
    int passages;
  };
  struct Made {
    Change change;  // without what was out of date
    Told told;
  };

  std::string name;
  std::string key_id;    // its own key: the journal tells the lanes apart by it
  LaneState state;       // of the acknowledged changes
  uint64_t settled = 0;  // changes of this lane that earlier checks have found

  // Since the last check.
  std::vector<Acknowledged> acknowledged;
  std::vector<Answered> answered;
  std::deque<Change> pending;

  // All that was made since it was told to remember it, in order.
  bool remembers = false;
  std::vector<Made> remembered;

  void Begin(Change change) { pending.push_back(std::move(change)); }
  // The oldest pending change.
  void Acknowledge(const Told& told);
  // After a crash: `made` changes of the lane were found, the oldest of the pending ones among
  // them.
  void Settle(uint64_t made);
  // The revisions of what was made since the last check: an answer that was lost has not told its.
  void Number(const std::vector<uint64_t>& revisions);
  // Nor the id of a key.
  void Learn(const std::string& principal, const std::string& id);
  // What an answer must show to `user`, while nothing is pending; empty if it does, else why not.
  std::string Judge(const std::string& user, const v1::RetrieveResponse& response);
  std::vector<std::string> users() const { return {"user:" + name + "a", "user:" + name + "b"}; }

 private:
  // Applies the oldest pending change.
  void Make(const Told& told);
};

// "Retrieve everything that `user` may see"; scores are the embeddings' first numbers.
v1::RetrieveRequest Everything(const std::string& user, const std::string& collection);

// What separates two sorted lists, for a message; empty if nothing does.
std::string Difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& found);

}  // namespace cordon
