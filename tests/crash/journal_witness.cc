#include "tests/crash/journal_witness.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/crypto/key_file.h"
#include "engine/format.h"

namespace cordon {

std::string JournalWitness::ReadOn() {
  const std::string tenant(kFirstTenant);
  const auto key = ReadKeyFile(paths_.JournalKey());
  if (!key.ok()) return key.status().ToString();
  journal::ChainReader reader(paths_.JournalOf(tenant), tenant, journal::ChainKeys(*key));
  if (begun_) reader.Seek(mark_);
  mutations_.clear();
  answers_.clear();
  while (reader.Next()) {
    const Record& record = reader.record();
    answers_[fmt::format("{}-{}", tenant, record.sequence())] = record;
    if (!record.mutation()) continue;
    if (record.revision() != revision_ + 1) {
      return fmt::format("journal: revision {} follows {}", record.revision(), revision_);
    }
    revision_ = record.revision();
    recovered_ += record.recovered();
    ++changes_[record.key_id()];
    mutations_[record.revision()] = record;
  }
  if (reader.damage()) return reader.damage()->ToStatus().ToString();
  mark_ = reader.end();
  begun_ = true;
  return "";
}

uint64_t JournalWitness::changes_of(const std::string& key_id) const {
  const auto found = changes_.find(key_id);
  return found == changes_.end() ? 0 : found->second;
}

std::vector<uint64_t> JournalWitness::new_changes_of(const std::string& key_id) const {
  std::vector<uint64_t> revisions;
  for (const auto& [revision, record] : mutations_) {
    if (record.key_id() == key_id) revisions.push_back(revision);
  }
  return revisions;
}

std::string JournalWitness::Fits(const Lane& lane, const Lane::Acknowledged& change) const {
  const auto found = mutations_.find(change.revision);
  if (found == mutations_.end()) return fmt::format("no record of revision {}", change.revision);
  const Record& record = found->second;
  if (record.call() == change.call && record.key_id() == lane.key_id && record.outcome() == "OK") {
    return "";
  }
  return fmt::format("revision {} is {} in the journal, and {} was acknowledged", change.revision,
                     record.call(), change.call);
}

std::string JournalWitness::Fits(const Lane& lane, const Lane::Answered& answer) const {
  const auto found = answers_.find(answer.journal_id);
  if (found == answers_.end()) return fmt::format("no record {}", answer.journal_id);
  const Record& record = found->second;
  if (record.call() == "Retrieve" && record.key_id() == lane.key_id &&
      record.revision() == answer.revision && record.chunks_size() == answer.passages) {
    return "";
  }
  return fmt::format("record {} is of another answer", answer.journal_id);
}

namespace {

using Problems = std::vector<std::string>;

void Note(const std::string& where, const std::string& what, Problems* problems) {
  if (!what.empty()) problems->push_back(where + ": " + what);
}

// Adds the pending changes that the journal has to what was acknowledged.
void Settle(const JournalWitness& witness, Lane* lane, Problems* problems) {
  for (const auto& change : lane->acknowledged) {
    Note(lane->name, witness.Fits(*lane, change), problems);
  }
  for (const auto& answer : lane->answered) {
    Note(lane->name, witness.Fits(*lane, answer), problems);
  }
  const uint64_t least = lane->settled + lane->acknowledged.size();
  const uint64_t made = witness.changes_of(lane->key_id);
  if (made < least || made > least + lane->pending.size()) {
    Note(lane->name,
         fmt::format("{} changes are stored, {} were acknowledged and {} pending", made, least,
                     lane->pending.size()),
         problems);
  }
  lane->Settle(made);
  lane->Number(witness.new_changes_of(lane->key_id));
}

// Everything that `user` gets, by the name that the documents' ids begin with.
StatusOr<std::vector<std::string>> Ask(const Questions& questions, const std::string& user,
                                       const std::string& collection, const std::string& prefix,
                                       uint64_t revision, Problems* problems) {
  ASSIGN_OR_RETURN(const auto response, questions.retrieve(Everything(user, collection)));
  if (response.revision() != revision) {
    Note(
        user,
        fmt::format("answered at revision {}, the journal is at {}", response.revision(), revision),
        problems);
  }
  std::vector<std::string> found;
  for (const auto& passage : response.passages()) {
    if (passage.document().starts_with(prefix)) found.push_back(LineOf(passage));
  }
  std::sort(found.begin(), found.end());
  return found;
}

void CheckAnswers(const Lane& lane, const Questions& questions, uint64_t revision,
                  Problems* problems) {
  std::vector<std::pair<std::string, std::string>> asked;
  auto users = lane.users();
  users.push_back(kSeesAll);
  for (const auto& user : users) asked.emplace_back(user, kShared);
  for (const auto& name : lane.state.collections) asked.emplace_back(kSeesAll, name);
  for (const auto& [user, collection] : asked) {
    const auto found = Ask(questions, user, collection,
                           collection == kShared ? lane.name + "/" : "", revision, problems);
    Note(lane.name + ", " + user + " in " + collection,
         found.ok() ? Difference(lane.state.Seen(user, collection), *found)
                    : found.status().ToString(),
         problems);
  }
}

void CheckCollections(const std::vector<Lane*>& lanes, const Questions& questions,
                      Problems* problems) {
  std::vector<std::string> expected{kShared};
  for (const Lane* lane : lanes) {
    expected.insert(expected.end(), lane->state.collections.begin(), lane->state.collections.end());
  }
  std::sort(expected.begin(), expected.end());
  const auto listed = questions.collections();
  if (!listed.ok()) return Note("collections", listed.status().ToString(), problems);
  std::vector<std::string> found;
  for (const auto& config : listed->collections()) found.push_back(config.name());
  Note("collections", Difference(expected, found), problems);
}

void CheckKeys(const std::vector<Lane*>& lanes, const Questions& questions, Problems* problems) {
  const auto listed = questions.keys();
  if (!listed.ok()) return Note("keys", listed.status().ToString(), problems);
  for (Lane* lane : lanes) {
    std::vector<std::string> expected, found;
    for (const auto& [principal, key] : lane->state.keys) expected.push_back(principal);
    for (const auto& key : listed->keys()) {
      const std::string& principal = key.grant().principal();
      if (!principal.starts_with("service:" + lane->name + "-")) continue;
      found.push_back(principal);
      LaneState::Key& known = lane->state.keys[principal];
      if (!known.id.empty() && known.id != key.id()) {
        Note("keys", "the id of " + principal + " changed", problems);
      }
      if (known.id.empty()) lane->Learn(principal, key.id());
    }
    std::sort(found.begin(), found.end());
    Note("keys", Difference(expected, found), problems);
  }
}

}  // namespace

std::vector<std::string> CheckHeld(const std::vector<Lane*>& lanes, const Questions& questions,
                                   uint64_t revision) {
  Problems problems;
  for (const Lane* lane : lanes) CheckAnswers(*lane, questions, revision, &problems);
  CheckCollections(lanes, questions, &problems);
  CheckKeys(lanes, questions, &problems);
  return problems;
}

std::vector<std::string> CheckRestarted(const std::vector<Lane*>& lanes, const Questions& questions,
                                        JournalWitness* witness) {
  Problems problems;
  Note("journal", witness->ReadOn(), &problems);
  for (Lane* lane : lanes) Settle(*witness, lane, &problems);
  for (auto& problem : CheckHeld(lanes, questions, witness->revision())) {
    problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace cordon
