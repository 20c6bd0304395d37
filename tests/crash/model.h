// What a store is expected to hold: a naive model of documents, lists and groups, and the history
// that keeps what was acknowledged apart from what was asked only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/disk_model.h"

namespace cordon {

inline constexpr std::array<const char*, 3> kUsers = {"user:a", "user:b", "user:c"};

// One change. Every one is valid at any time and takes a revision; but a put of a run that comes
// again takes none.
struct Change {
  enum Kind { kPut, kDelete, kSetAcl, kSetLevel, kSetTitle, kMembers, kFolder } kind = kPut;
  std::string document = {};
  // Who may see it: everyone, user:a, user:b, group:g or folder:x, which is inherited from.
  std::string acl = {};
  std::string level = {};
  uint32_t version = 0;              // of kPut, told in the text; of kSetTitle, told in the title
  std::set<std::string> users = {};  // of kMembers: of group:g; of kFolder: allowed by folder:x
  bool ordered = false;              // of kPut: the document states its version
  uint64_t run = 0;                  // of kPut: of which it is the only batch; 0: of none
};

Change RandomChange(Rng* rng);
// The same changes for the same seed.
std::vector<Change> RandomChanges(uint64_t seed, size_t count);

class Model {
 public:
  using Answer = std::map<std::string, std::string>;  // document → "text, level, title"

  void Apply(const Change& change);
  // Everything that `user` may see.
  Answer SeenBy(const std::string& user) const;
  std::vector<Answer> SeenByAll() const;

 private:
  struct Document {
    uint32_t version;
    std::string acl;
    std::string level;
    std::string title;
    bool ordered;
  };
  void Put(const Change& change);

  std::map<std::string, Document> documents_;
  std::set<std::string> members_;
  std::set<std::string> folder_;
};

// Compares what an engine did with what it may do. A failed change may be there or not, whole.
class History {
 public:
  explicit History(uint64_t revision) : revision_(revision) {}

  void Acknowledged(const Change& change, uint64_t revision);
  // Unanswered, or answered by an error that leaves open what is on the disk.
  void Failed(const Change& change);
  // After a restart: the revision and the answers to all users. False, and why, if something
  // acknowledged is gone, something failed is there in part, or anything was never there.
  bool Reopened(uint64_t revision, const std::vector<Model::Answer>& answers);

  // The last put of a run, acknowledged or not: what its client sends again after a restart.
  const Change* last_of_run() const { return run_ ? &run_->change : nullptr; }
  // After that: the revision that it was answered with. False, and why, if it was written twice.
  bool CameAgain(uint64_t revision);

  // The state that was acknowledged last.
  const Model& model() const { return model_; }
  uint64_t revision() const { return revision_; }
  const std::string& problem() const { return problem_; }

 private:
  struct OfRun {
    Change change;
    uint64_t revision;  // 0 until it was acknowledged
  };

  uint64_t revision_;
  Model model_;
  std::vector<Change> pending_;
  std::optional<OfRun> run_;
  std::string problem_;
};

// "a: one=text, level; … | b: …"
std::string ToText(const std::vector<Model::Answer>& answers);

}  // namespace cordon
