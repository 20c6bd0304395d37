#include "tests/crash/model.h"

#include <fmt/format.h>

namespace cordon {
namespace {

constexpr int kDocuments = 12;
constexpr uint64_t kRunEvery = 6;  // puts: one of a run reads more than others

std::string OneOf(std::initializer_list<const char*> choices, Rng* rng) {
  return *(choices.begin() + (*rng)() % choices.size());
}

std::set<std::string> SomeUsers(Rng* rng) {
  std::set<std::string> users;
  for (const char* user : kUsers) {
    if ((*rng)() % 2 == 0) users.insert(user);
  }
  return users;
}

}  // namespace

Change RandomChange(Rng* rng) {
  Change change;
  change.document = fmt::format("d{}", (*rng)() % kDocuments);
  change.acl = OneOf({"everyone", "user:a", "user:b", "group:g", "folder:x"}, rng);
  change.level = OneOf({"public", "restricted"}, rng);
  change.version = static_cast<uint32_t>((*rng)() % 1'000'000);
  change.users = SomeUsers(rng);
  const uint64_t dice = (*rng)() % 22;
  change.kind = dice < 9    ? Change::kPut
                : dice < 11 ? Change::kDelete
                : dice < 14 ? Change::kSetAcl
                : dice < 16 ? Change::kSetLevel
                : dice < 18 ? Change::kSetTitle
                : dice < 20 ? Change::kMembers
                            : Change::kFolder;
  if (change.kind != Change::kPut) return change;
  change.ordered = (*rng)() % 2 == 0;
  if ((*rng)() % kRunEvery == 0) change.run = (*rng)();
  return change;
}

std::vector<Change> RandomChanges(uint64_t seed, size_t count) {
  Rng rng(seed);
  std::vector<Change> changes;
  while (changes.size() < count) changes.push_back(RandomChange(&rng));
  return changes;
}

void Model::Apply(const Change& change) {
  const auto found = documents_.find(change.document);
  const bool exists = found != documents_.end();
  switch (change.kind) {
    case Change::kPut:
      Put(change);
      break;
    case Change::kDelete:
      documents_.erase(change.document);
      break;
    case Change::kSetAcl:
      if (exists) found->second.acl = change.acl;
      break;
    case Change::kSetLevel:
      if (exists) found->second.level = change.level;
      break;
    case Change::kSetTitle:
      if (exists) found->second.title = fmt::format("title {}", change.version);
      break;
    case Change::kMembers:
      members_ = change.users;
      break;
    case Change::kFolder:
      folder_ = change.users;
      break;
  }
}

// One that is out of date changes nothing.
void Model::Put(const Change& change) {
  const auto found = documents_.find(change.document);
  if (found != documents_.end() && found->second.ordered && change.ordered &&
      change.version < found->second.version) {
    return;
  }
  documents_[change.document] = {change.version, change.acl, change.level, "", change.ordered};
}

// Only user:a has the clearance for what is restricted.
Model::Answer Model::SeenBy(const std::string& user) const {
  Answer answer;
  for (const auto& [id, document] : documents_) {
    const bool allowed = document.acl == "everyone" || document.acl == user ||
                         (document.acl == "group:g" && members_.contains(user)) ||
                         (document.acl == "folder:x" && folder_.contains(user));
    if (!allowed || (document.level == "restricted" && user != "user:a")) continue;
    answer[id] = fmt::format("version {} of {}, {}, {}", document.version, id, document.level,
                             document.title);
  }
  return answer;
}

std::vector<Model::Answer> Model::SeenByAll() const {
  std::vector<Answer> answers;
  for (const char* user : kUsers) answers.push_back(SeenBy(user));
  return answers;
}

void History::Acknowledged(const Change& change, uint64_t revision) {
  if (revision != revision_ + 1 && problem_.empty()) {
    problem_ = fmt::format("revision {} was acknowledged after {}", revision, revision_);
  }
  // What failed before it has taken no revision, and so no effect.
  pending_.clear();
  model_.Apply(change);
  revision_ = revision;
  if (change.run != 0) run_ = OfRun{change, revision};
}

void History::Failed(const Change& change) {
  pending_.push_back(change);
  if (change.run != 0) run_ = OfRun{change, 0};
}

bool History::Reopened(uint64_t revision, const std::vector<Model::Answer>& answers) {
  if (!problem_.empty()) return false;
  if (revision < revision_ || revision - revision_ > pending_.size()) {
    problem_ = fmt::format("opened at revision {}; acknowledged: {}, failed: {}", revision,
                           revision_, pending_.size());
    return false;
  }
  const size_t applied = revision - revision_;
  // Some were refused before they took a revision; those that took one follow each other.
  for (size_t first = 0; first + applied <= pending_.size(); ++first) {
    Model candidate = model_;
    for (size_t i = first; i < first + applied; ++i) candidate.Apply(pending_[i]);
    if (candidate.SeenByAll() != answers) continue;
    model_ = std::move(candidate);
    revision_ = revision;
    pending_.clear();
    return true;
  }
  problem_ =
      fmt::format("at revision {} ({} of {} failed ones applied)\n  expected {}\n  got      {}",
                  revision, applied, pending_.size(), ToText(model_.SeenByAll()), ToText(answers));
  return false;
}

bool History::CameAgain(uint64_t revision) {
  const OfRun sent = *run_;
  if (sent.revision == 0 && revision == revision_ + 1) {
    Acknowledged(sent.change, revision);  // it was not there
  } else if (revision > revision_ || (sent.revision != 0 && sent.revision != revision)) {
    problem_ = fmt::format("a put of a run had revision {} (0: none was told), and again {} of {}",
                           sent.revision, revision, revision_);
  }
  run_->revision = revision;
  return problem_.empty();
}

std::string ToText(const std::vector<Model::Answer>& answers) {
  std::string text;
  for (size_t i = 0; i < answers.size(); ++i) {
    text += fmt::format("{}{}:", i == 0 ? "" : " | ", kUsers[i]);
    for (const auto& [id, seen] : answers[i]) text += fmt::format(" {} ({});", id, seen);
  }
  return text;
}

}  // namespace cordon
