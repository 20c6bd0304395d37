// The journal as it lies on disk, asked what it knows of the lanes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/journal/chain_reader.h"
#include "tests/crash/expected_state.h"

namespace cordon {

// Reads the first tenant's journal beside whoever writes it.
class JournalWitness {
 public:
  explicit JournalWitness(const DataPaths& paths) : paths_(paths) {}

  // Reads the records that are new since the last time; checks the chain, and that the revisions of
  // mutations follow each other without gap. Empty, or what is wrong.
  std::string ReadOn();

  // The changes that were made with a key, from the first on.
  uint64_t changes_of(const std::string& key_id) const;
  // The revisions of those that were new in the last ReadOn(), in order.
  std::vector<uint64_t> new_changes_of(const std::string& key_id) const;
  // All of them.
  uint64_t revision() const { return revision_; }
  uint64_t recovered() const { return recovered_; }

  // Whether a record that was new in the last ReadOn() fits; empty, or what does not.
  std::string Fits(const Lane& lane, const Lane::Acknowledged& change) const;
  std::string Fits(const Lane& lane, const Lane::Answered& answer) const;

 private:
  using Record = journal::v1::Record;

  const DataPaths paths_;
  journal::Mark mark_;
  bool begun_ = false;
  uint64_t revision_ = 0;
  uint64_t recovered_ = 0;
  std::map<std::string, uint64_t> changes_;
  std::map<uint64_t, Record> mutations_;   // by revision
  std::map<std::string, Record> answers_;  // by journal id
};

// How a served store is asked after a restart.
struct Questions {
  std::function<StatusOr<v1::RetrieveResponse>(const v1::RetrieveRequest&)> retrieve;
  std::function<StatusOr<v1::ListCollectionsResponse>()> collections;
  std::function<StatusOr<v1::ListKeysResponse>()> keys;
};

// Holds what a store answers at `revision` against the lanes. What is wrong, one line each.
std::vector<std::string> CheckHeld(const std::vector<Lane*>& lanes, const Questions& questions,
                                   uint64_t revision);

// Holds a restarted store against its journal and the lanes, and settles what was pending. What is
// wrong, one line each; on return the lanes go on from what the store holds.
std::vector<std::string> CheckRestarted(const std::vector<Lane*>& lanes, const Questions& questions,
                                        JournalWitness* witness);

}  // namespace cordon
