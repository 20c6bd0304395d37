// What a store is expected to hold: a naive model of documents, lists and groups, and the history
// that keeps what was acknowledged apart from what was asked only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/disk_model.h"

namespace cordon {

inline constexpr std::array<const char*, 3> kUsers = {"user:a", "user:b", "user:c"};

// One change. Every one is valid at any time and takes a revision.
struct Change {
  enum Kind { kPut, kDelete, kSetAcl, kSetLevel, kMembers, kFolder } kind = kPut;
  std::string document = {};
  // Who may see it: everyone, user:a, user:b, group:g or folder:x, which is inherited from.
  std::string acl = {};
  std::string level = {};
  uint32_t version = 0;              // of kPut, told in the text
  std::set<std::string> users = {};  // of kMembers: of group:g; of kFolder: allowed by folder:x
};

Change RandomChange(Rng* rng);
// The same changes for the same seed.
std::vector<Change> RandomChanges(uint64_t seed, size_t count);

class Model {
 public:
  using Answer = std::map<std::string, std::string>;  // document → "text, level"

  void Apply(const Change& change);
  // Everything that `user` may see.
  Answer SeenBy(const std::string& user) const;
  std::vector<Answer> SeenByAll() const;

 private:
  struct Document {
    uint32_t version;
    std::string acl;
    std::string level;
  };
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
  void Failed(const Change& change) { pending_.push_back(change); }
  // After a restart: the revision and the answers to all users. False, and why, if something
  // acknowledged is gone, something failed is there in part, or anything was never there.
  bool Reopened(uint64_t revision, const std::vector<Model::Answer>& answers);

  // The state that was acknowledged last.
  const Model& model() const { return model_; }
  uint64_t revision() const { return revision_; }
  const std::string& problem() const { return problem_; }

 private:
  uint64_t revision_;
  Model model_;
  std::vector<Change> pending_;
  std::string problem_;
};

// "a: one=text, level; … | b: …"
std::string ToText(const std::vector<Model::Answer>& answers);

}  // namespace cordon
