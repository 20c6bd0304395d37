// The changes of one lane, at random.
#pragma once

#include <string>

#include "engine/base/random.h"
#include "tests/crash/expected_state.h"

namespace cordon {

class RandomChanges {
 public:
  enum Kind {
    kDocuments,  // documents and who may see them: every kind of change to them
    kIngest,     // batches only, so that many may be on their way
    kAdmin,      // collections and keys
    kFiled,      // a collection with index files: much is replaced, and some erased
  };
  RandomChanges(std::string lane, Kind kind, uint64_t seed)
      : lane_(std::move(lane)), kind_(kind), random_(seed) {}

  Kind kind() const { return kind_; }
  Random& random() { return random_; }

  // One that the server must accept after what `state` and the pending changes say.
  Change Next(const LaneState& state);

 private:
  Change NextOfDocuments(const LaneState& state);
  Change NextOfAdmin(const LaneState& state);
  Change NextOfFiled(const LaneState& state);
  Change Batch(const LaneState& state, const std::string& collection, const std::string& prefix);
  v1::Document MakeDocument(const std::string& id, uint64_t chunks, bool inherit);
  v1::Acl RandomAcl(bool inherit);
  Change Access(bool folder);
  Change AccessOfMany(bool folder);
  Change Title();
  Change Members();
  Change Folder();
  std::string DocumentId();
  std::string folder() const { return "folder:/" + lane_; }

  const std::string lane_;
  const Kind kind_;
  Random random_;
  int version_ = 0;
  int keys_ = 0;
};

}  // namespace cordon
