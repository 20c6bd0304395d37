#include "tests/crash/expected_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace cordon {
namespace {

constexpr int kDimension = 8;
constexpr const char* kLevels[] = {"public", "internal", "confidential", "restricted"};

int LevelOf(const std::string& name) {
  return static_cast<int>(std::find(std::begin(kLevels), std::end(kLevels), name) -
                          std::begin(kLevels));
}

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

std::string Line(const std::string& document, uint32_t chunk, const std::string& title,
                 const std::string& text, double score) {
  return fmt::format("{}#{} | {} | {} | {}", document, chunk, title, text, score);
}

// `change` is of one document, which may not be there.
void GiveAccess(const auto& change, std::map<std::string, v1::Document>* documents) {
  const auto found = documents->find(change.document());
  if (found == documents->end()) return;
  if (change.has_acl()) *found->second.mutable_acl() = change.acl();
  if (change.has_label()) *found->second.mutable_label() = change.label();
}

}  // namespace

std::string CallName(const Change& change) {
  return std::visit(
      [](const auto& request) {
        const std::string name = request.GetDescriptor()->name();
        return name.substr(0, name.size() - std::string_view("Request").size());
      },
      change);
}

std::string LastWordOf(const v1::Document& document) {
  const std::string& text = document.chunks(0).text();
  return text.substr(text.rfind(' ') + 1);
}

void LaneState::DropStale(v1::IngestRequest* batch) const {
  const auto stored = documents.find(batch->collection());
  if (stored == documents.end()) return;
  auto* const all = batch->mutable_documents();
  for (int i = all->size() - 1; i >= 0; --i) {
    const v1::Document& one = all->Get(i);
    const auto found = stored->second.find(one.id());
    if (found == stored->second.end() || !found->second.has_version() || !one.has_version()) {
      continue;
    }
    if (one.version() < found->second.version()) all->DeleteSubrange(i, 1);
  }
}

void LaneState::Apply(const Change& change, const Told& told) {
  std::visit(
      Overloaded{
          [&](const v1::IngestRequest& in) {
            for (const auto& one : in.documents()) documents[in.collection()][one.id()] = one;
          },
          [&](const v1::SetAccessRequest& in) { GiveAccess(in, &documents[in.collection()]); },
          [&](const v1::SetAccessManyRequest& in) {
            for (const auto& one : in.changes()) GiveAccess(one, &documents[in.collection()]);
          },
          [&](const v1::UpdateMetadataRequest& in) {
            const auto found = documents[in.collection()].find(in.document());
            if (found == documents[in.collection()].end()) return;
            found->second.set_title(in.metadata().title());
          },
          [&](const v1::DeleteRequest& in) { documents[in.collection()].erase(in.document()); },
          [&](const v1::EraseRequest& in) {
            const auto found = documents[in.collection()].find(in.document());
            if (found == documents[in.collection()].end()) return;
            erased.push_back(LastWordOf(found->second));
            documents[in.collection()].erase(found);
          },
          [&](const v1::ApplyDirectoryRequest& in) {
            for (const auto& one : in.principals()) {
              if (one.has_clearance()) clearances[one.name()] = LevelOf(one.clearance().level());
              if (!one.sets_members()) continue;
              members[one.name()].clear();
              for (const auto& entry : one.members()) members[one.name()].insert(entry.principal());
            }
          },
          [&](const v1::ApplyPolicyRequest& in) {
            for (const auto& one : in.containers()) {
              containers[one.container().name()] = one.container().acl();
            }
          },
          [&](const v1::CreateCollectionRequest& in) { collections.insert(in.config().name()); },
          [&](const v1::DeleteCollectionRequest& in) {
            collections.erase(in.name());
            documents.erase(in.name());
          },
          [&](const v1::CreateKeyRequest& in) {
            keys[in.grant().principal()] = {told.key_id, told.bearer};
          },
          [&](const v1::RevokeKeyRequest& in) {
            for (auto it = keys.begin(); it != keys.end(); ++it) {
              if (it->second.id != in.id()) continue;
              if (!it->second.bearer.empty()) revoked.push_back(it->second.bearer);
              keys.erase(it);
              return;
            }
          }},
      change);
}

void LaneState::Replay(const Change& change, const Told& told) {
  if (std::holds_alternative<v1::UpdateMetadataRequest>(change)) return;
  const auto* const written = std::get_if<v1::IngestRequest>(&change);
  if (written == nullptr) return Apply(change, told);
  auto& stored = documents[written->collection()];
  for (const auto& one : written->documents()) {
    const auto found = stored.find(one.id());
    if (found == stored.end()) continue;
    *found->second.mutable_acl() = one.acl();
    *found->second.mutable_label() = one.label();
  }
}

bool LaneState::Permits(const v1::Acl& acl, const std::set<std::string>& principals) const {
  const auto named = [&](const auto& entries) {
    return std::any_of(entries.begin(), entries.end(), [&](const v1::Entry& entry) {
      return principals.contains(entry.principal());
    });
  };
  if (!named(acl.allow()) || named(acl.deny())) return false;
  return std::all_of(acl.inherit().begin(), acl.inherit().end(), [&](const std::string& name) {
    return Permits(containers.at(name), principals);
  });
}

std::vector<std::string> LaneState::Seen(const std::string& user,
                                         const std::string& collection) const {
  std::vector<std::string> lines;
  const auto found = documents.find(collection);
  if (found == documents.end()) return lines;
  std::set<std::string> principals{user, "everyone"};
  for (const auto& [group, users] : members) {
    if (users.contains(user)) principals.insert(group);
  }
  const auto given = clearances.find(user);
  const int clearance = user == kSeesAll            ? LevelOf("restricted")
                        : given == clearances.end() ? 0
                                                    : given->second;
  for (const auto& [id, document] : found->second) {
    if (LevelOf(document.label().level()) > clearance) continue;
    if (!Permits(document.acl(), principals)) continue;
    for (int i = 0; i < document.chunks_size(); ++i) {
      const auto& chunk = document.chunks(i);
      lines.push_back(Line(id, static_cast<uint32_t>(i), document.title(), chunk.text(),
                           static_cast<double>(chunk.embedding(0))));
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string LineOf(const v1::Passage& passage) {
  return Line(passage.document(), passage.chunk(), passage.title(), passage.text(),
              passage.score());
}

void Lane::Make(const Told& told) {
  Change change = std::move(pending.front());
  pending.pop_front();
  if (auto* const batch = std::get_if<v1::IngestRequest>(&change)) state.DropStale(batch);
  state.Apply(change, told);
  if (remembers) remembered.push_back({std::move(change), told});
}

void Lane::Acknowledge(const Told& told) {
  acknowledged.push_back({told.revision, CallName(pending.front())});
  Make(told);
}

void Lane::Settle(uint64_t made) {
  for (uint64_t i = settled + acknowledged.size(); i < made && !pending.empty(); ++i) {
    Make({});
  }
  settled = made;
  pending.clear();
  acknowledged.clear();
  answered.clear();
}

void Lane::Number(const std::vector<uint64_t>& revisions) {
  const size_t both = std::min(revisions.size(), remembered.size());
  for (size_t i = 1; i <= both; ++i) {
    remembered[remembered.size() - i].told.revision = revisions[revisions.size() - i];
  }
}

void Lane::Learn(const std::string& principal, const std::string& id) {
  state.keys[principal].id = id;
  for (Made& made : remembered) {
    const auto* const created = std::get_if<v1::CreateKeyRequest>(&made.change);
    if (created != nullptr && created->grant().principal() == principal) made.told.key_id = id;
  }
}

std::string Lane::Judge(const std::string& user, const v1::RetrieveResponse& response) {
  answered.push_back({response.journal_id(), response.revision(), response.passages_size()});
  std::vector<std::string> found;
  for (const auto& passage : response.passages()) found.push_back(LineOf(passage));
  std::sort(found.begin(), found.end());
  return Difference(state.Seen(user, kShared), found);
}

v1::RetrieveRequest Everything(const std::string& user, const std::string& collection) {
  v1::RetrieveRequest request;
  request.set_collection(collection);
  request.mutable_scope()->set_as(user);
  request.set_k(10000);
  request.set_mode(v1::MODE_EXACT);
  request.add_vector(1);
  for (int i = 1; i < kDimension; ++i) request.add_vector(0);
  return request;
}

std::string Difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& found) {
  std::vector<std::string> lines;
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                      std::back_inserter(lines));
  std::string text;
  for (const auto& line : lines) text += "\n  missing: " + line;
  lines.clear();
  std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(),
                      std::back_inserter(lines));
  for (const auto& line : lines) text += "\n  not expected: " + line;
  return text;
}

}  // namespace cordon
