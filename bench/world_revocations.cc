#include "bench/world_revocations.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "bench/access_engine.h"
#include "bench/revoked.h"
#include "engine/base/random.h"
#include "engine/index/training.h"

namespace cordon::bench {
namespace {

using nlohmann::json;
using Names = PermissionLists::Names;
using NameSet = std::set<std::string>;

constexpr size_t kDimension = 64;
constexpr size_t kBatch = 500;  // documents
constexpr char kEveryoneName[] = "everyone";
constexpr char kNobody[] = "user:who-is-in-no-world";  // a list must allow somebody

std::string IdOf(size_t document) { return fmt::format("d{}", document); }

std::vector<float> VectorOf(size_t document) {
  Random random(document);
  std::vector<float> vector(kDimension);
  for (float& number : vector) number = static_cast<float>(random.Unit() - 0.5);
  return vector;
}

bool AnyIn(const NameSet& set, const Names& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return set.contains(name); });
}

// These without those; somebody, if nobody is left.
Names Without(const Names& these, const NameSet& those) {
  Names rest;
  for (const auto& name : these) {
    if (!those.contains(name)) rest.push_back(name);
  }
  if (rest.empty()) rest.emplace_back(kNobody);
  return rest;
}

// A user who may see a document until something is taken away.
struct Case {
  size_t document;
  std::string user;
  NameSet principals;  // of the user
  std::string by;      // the group to leave, or the container
};

// The permissions of a world, by which cases are found.
class Permissions {
 public:
  explicit Permissions(const PermissionLists& lists)
      : lists_(lists), containers_(lists.containers.begin(), lists.containers.end()) {
    for (const auto& [group, member] : lists.memberships) {
      if (groups_of_[member].insert(group).second) members_[group].push_back(member);
    }
  }

  const std::vector<PermissionLists::List>& lists() const { return lists_.lists; }
  const std::map<std::string, Names>& members() const { return members_; }
  const std::map<std::string, Names>& containers() const { return containers_; }

  // A case of the list itself, of a group, of a container: drawn at random, if there is one.
  std::optional<Case> ByList(Random* random) const {
    const size_t document = random->Below(lists().size());
    return Seen(document, lists()[document].allow, random);
  }
  std::optional<Case> ByGroup(Random* random) const {
    auto seen = ByList(random);
    if (!seen) seen = ByContainer(random);
    if (!seen) return std::nullopt;
    const auto groups = groups_of_.find(seen->user);
    if (groups == groups_of_.end()) return std::nullopt;
    for (const auto& group : groups->second) {
      if (Permits(PrincipalsOf(seen->user, group), seen->document)) continue;
      seen->by = group;
      return seen;
    }
    return std::nullopt;  // there are two ways
  }
  std::optional<Case> ByContainer(Random* random) const {
    const size_t document = random->Below(lists().size());
    const Names& inherit = lists()[document].inherit;
    if (inherit.empty()) return std::nullopt;
    const std::string& container = inherit[random->Below(inherit.size())];
    auto seen = Seen(document, containers_.at(container), random);
    if (seen) seen->by = container;
    return seen;
  }

 private:
  // Who `user` is: itself, its groups, theirs and so on; without one membership of its own.
  NameSet PrincipalsOf(const std::string& user, const std::string& left = "") const {
    NameSet all{user, kEveryoneName};
    for (Names open{user}; !open.empty();) {
      const std::string name = open.back();
      open.pop_back();
      const auto groups = groups_of_.find(name);
      if (groups == groups_of_.end()) continue;
      for (const auto& group : groups->second) {
        if (name == user && group == left) continue;
        if (all.insert(group).second) open.push_back(group);
      }
    }
    return all;
  }

  bool Permits(const NameSet& principals, size_t document) const {
    const auto& list = lists()[document];
    if (AnyIn(principals, list.deny)) return false;
    for (const auto& container : list.inherit) {
      if (!AnyIn(principals, containers_.at(container))) return false;
    }
    return list.allow.empty() ? !list.inherit.empty() : AnyIn(principals, list.allow);
  }

  // Somebody for whom one of `allow` stands, and who may see the document.
  std::optional<Case> Seen(size_t document, const Names& allow, Random* random) const {
    if (allow.empty()) return std::nullopt;
    const auto user = UserIn(allow[random->Below(allow.size())], random);
    if (!user) return std::nullopt;
    Case seen{document, *user, PrincipalsOf(*user), ""};
    if (!Permits(seen.principals, document)) return std::nullopt;
    return seen;
  }

  // A user who is this principal, or one of it.
  std::optional<std::string> UserIn(std::string name, Random* random) const {
    constexpr int kDepth = 64;
    if (name == kEveryoneName && !lists_.users.empty()) {
      return lists_.users[random->Below(lists_.users.size())];
    }
    for (int depth = 0; depth < kDepth && !name.starts_with("user:"); ++depth) {
      const auto members = members_.find(name);
      if (members == members_.end()) return std::nullopt;
      name = members->second[random->Below(members->second.size())];
    }
    if (!name.starts_with("user:")) return std::nullopt;
    return name;
  }

  const PermissionLists& lists_;
  std::map<std::string, Names> members_;      // by group
  std::map<std::string, NameSet> groups_of_;  // by member
  const std::map<std::string, Names> containers_;
};

// An engine that has them.
class WorldEngine : public AccessEngine {
 public:
  WorldEngine(const std::string& folder, const Permissions& permissions)
      : AccessEngine(folder, kDimension) {
    v1::ApplyDirectoryRequest groups;
    for (const auto& [group, members] : permissions.members()) AddGroup(group, members, &groups);
    if (groups.principals_size() > 0) Apply(groups);
    v1::ApplyPolicyRequest containers;
    for (const auto& [name, allow] : permissions.containers()) {
      AddContainer(name, allow, &containers);
    }
    if (containers.containers_size() > 0) Apply(containers);
    v1::IngestRequest batch;
    batch.set_collection(kDocs);
    for (size_t d = 0; d < permissions.lists().size(); ++d) {
      Add(d, permissions.lists()[d], &batch);
      if (batch.documents_size() < static_cast<int>(kBatch)) continue;
      Ingest(batch);
      batch.clear_documents();
    }
    if (batch.documents_size() > 0) Ingest(batch);
  }

  bool Sees(const Case& seen) {
    const auto ids = Ids(seen.user, VectorOf(seen.document));
    return std::find(ids.begin(), ids.end(), IdOf(seen.document)) != ids.end();
  }
  void SetList(size_t document, const PermissionLists::List& list) {
    SetAccess(IdOf(document), AclOfList(list));
  }

 private:
  static v1::Acl AclOfList(const PermissionLists::List& list) {
    v1::Acl acl = AclOf(list.allow, list.inherit);
    for (const auto& name : list.deny) acl.add_deny()->set_principal(name);
    return acl;
  }
  static void Add(size_t document, const PermissionLists::List& list, v1::IngestRequest* batch) {
    v1::Document* const added = batch->add_documents();
    added->set_id(IdOf(document));
    *added->mutable_acl() = AclOfList(list);
    v1::Chunk* const chunk = added->add_chunks();
    chunk->set_text("text");
    for (const float number : VectorOf(document)) chunk->add_embedding(number);
  }
};

// Draws cases, as many as it tries to find; then takes each away and gives it back.
template <typename Draw, typename Revoke, typename Undo>
void Measure(const std::string& kind, size_t times, WorldEngine* engine, Draw draw, Revoke revoke,
             Undo undo, json* out) {
  constexpr size_t kTries = 20;  // for one: of many documents nobody sees anything by this
  Random random(17);
  std::vector<Case> cases;
  for (size_t tried = 0; tried < kTries * times && cases.size() < times; ++tried) {
    if (auto found = draw(&random)) cases.push_back(*std::move(found));
  }
  if (cases.empty()) return;
  (*out)[kind] = Revoked(
      cases.size(),
      [&](size_t i) {
        if (i > 0) undo(cases[i - 1]);
      },
      [&](size_t i) { return engine->Sees(cases[i]); }, [&](size_t i) { revoke(cases[i]); });
  undo(cases.back());
}

}  // namespace

json RevokeInWorld(const std::string& folder, const PermissionLists& lists, size_t times) {
  PermissionLists those = lists;  // of a document without a list there is nothing to revoke
  std::erase_if(those.lists, [](const auto& l) { return l.allow.empty() && l.inherit.empty(); });
  const Permissions permissions(those);
  WorldEngine engine(folder, permissions);
  if (those.lists.size() >= kListedRowsMin) AwaitRest();  // lists are trained
  json revoke = json::object();
  Measure(
      "list", times, &engine, [&](Random* random) { return permissions.ByList(random); },
      [&](const Case& seen) {
        PermissionLists::List list = permissions.lists()[seen.document];
        list.allow = Without(list.allow, seen.principals);
        engine.SetList(seen.document, list);
      },
      [&](const Case& seen) { engine.SetList(seen.document, permissions.lists()[seen.document]); },
      &revoke);
  Measure(
      "group", times, &engine, [&](Random* random) { return permissions.ByGroup(random); },
      [&](const Case& seen) {
        Names members = permissions.members().at(seen.by);
        std::erase(members, seen.user);
        engine.SetMembers(seen.by, members);
      },
      [&](const Case& seen) { engine.SetMembers(seen.by, permissions.members().at(seen.by)); },
      &revoke);
  Measure(
      "container", times, &engine, [&](Random* random) { return permissions.ByContainer(random); },
      [&](const Case& seen) {
        const Names& allow = permissions.containers().at(seen.by);
        engine.SetContainer(seen.by, Without(allow, seen.principals));
      },
      [&](const Case& seen) { engine.SetContainer(seen.by, permissions.containers().at(seen.by)); },
      &revoke);
  return {{"name", lists.name}, {"documents", those.lists.size()}, {"revoke", revoke}};
}

}  // namespace cordon::bench
