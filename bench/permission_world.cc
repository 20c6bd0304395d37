#include "bench/permission_world.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "engine/base/check.h"
#include "engine/base/random.h"

namespace cordon::bench {
namespace {

using Words = PermissionLists::Names;

Words Split(const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// Of a line of `class`.
PermissionLists::List ListOf(const Words& words) {
  PermissionLists::List list;
  Words* part = &list.allow;
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "deny" || words[i] == "inherit") {
      part = words[i] == "deny" ? &list.deny : &list.inherit;
    } else {
      part->push_back(words[i]);
    }
  }
  return list;
}

// Makes a world of what is added.
class Maker {
 public:
  explicit Maker(PermissionWorld* world) : world_(*world) {
    policy().classes.labels.PushBack({policy().rules->scheme.levels.front(), {}, {}});
  }

  void Member(const std::string& group, const std::string& member) {
    members_[group].push_back({policy().principals->Intern(member)});
    ++world_.memberships;
  }
  void Container(const std::string& name, const Words& allow) {
    rules_.containers[name].clause.allow = Entries(allow);
    world_.containers.push_back(name);
  }
  void Class(const Words& allow, const Words& deny, const Words& inherit) {
    ++world_.lines;
    world_.entries += allow.size() + deny.size();
    std::vector<ClauseId> clauses;
    if (!allow.empty() || !deny.empty()) {
      std::string key =
          fmt::format("{}|{}", fmt::join(Sorted(allow), " "), fmt::join(Sorted(deny), " "));
      clauses.push_back(ClauseOf(key, "", allow, deny));
    }
    for (const auto& name : inherit) clauses.push_back(ClauseOf("^" + name, name, {}, {}));
    std::sort(clauses.begin(), clauses.end());
    if (!known_.insert(clauses).second) return;
    policy().classes.classes.PushBack({clauses, 0});
  }

  void Finish() {
    auto directory = std::make_shared<Directory>();
    for (auto& [group, members] : members_) {
      auto record = std::make_shared<DirectoryRecord>();
      record->members = std::move(members);
      directory->Set(policy().principals->Intern(group), std::move(record));
    }
    world_.groups = members_.size();
    rules_.default_clearance = Clearance::All();
    policy().directory = std::move(directory);
    policy().rules = std::make_shared<const PolicyRules>(std::move(rules_));
    policy().ExtendPostings();
  }

 private:
  PolicyState& policy() { return world_.policy; }
  static std::set<std::string> Sorted(const Words& words) { return {words.begin(), words.end()}; }
  std::vector<TimedPrincipal> Entries(const Words& names) {
    std::vector<TimedPrincipal> entries;
    for (const auto& name : names) entries.push_back({policy().principals->Intern(name)});
    return entries;
  }
  ClauseId ClauseOf(const std::string& key, const std::string& container, const Words& allow,
                    const Words& deny) {
    const auto [found, added] = clauses_.try_emplace(key, policy().classes.clauses.size());
    if (added) {
      ClauseSlot slot;
      slot.container = container;
      slot.name = container.empty() ? "acl" : container;
      slot.clause = {Entries(allow), Entries(deny), allow.empty() && container.empty()};
      policy().classes.AddClause(std::move(slot));
    }
    return found->second;
  }

  PermissionWorld& world_;
  PolicyRules rules_;
  std::map<std::string, std::vector<TimedPrincipal>> members_;
  std::map<std::string, ClauseId> clauses_;
  std::set<std::vector<ClauseId>> known_;
};

}  // namespace

PermissionLists ReadPermissions(const std::string& path) {
  PermissionLists lists;
  std::ifstream in(path);
  CORDON_CHECK(in.good());
  for (std::string line; std::getline(in, line);) {
    const Words words = Split(line);
    if (words.empty()) continue;
    if (words[0] == "world") lists.name = words.at(1);
    if (words[0] == "user") lists.users.push_back(words.at(1));
    if (words[0] == "member") lists.memberships.emplace_back(words.at(1), words.at(2));
    if (words[0] == "container") {
      lists.containers.emplace_back(words.at(1), Words(words.begin() + 2, words.end()));
    }
    if (words[0] == "class") lists.lists.push_back(ListOf(words));
  }
  return lists;
}

PermissionWorld WorldOf(const PermissionLists& lists) {
  PermissionWorld world;
  world.name = lists.name;
  world.users = lists.users;
  Maker maker(&world);
  for (const auto& [group, member] : lists.memberships) maker.Member(group, member);
  for (const auto& [container, allow] : lists.containers) maker.Container(container, allow);
  for (const auto& list : lists.lists) maker.Class(list.allow, list.deny, list.inherit);
  maker.Finish();
  return world;
}

PermissionWorld MakeWorld(size_t classes, size_t groups) {
  PermissionWorld world;
  world.name = fmt::format("made, {} classes", classes);
  Random random(7);
  // Some groups are named by many lists: the square favours low numbers.
  const auto draw = [&] {
    const double unit = random.Unit();
    return fmt::format("group:{}", static_cast<size_t>(unit * unit * static_cast<double>(groups)));
  };
  Maker maker(&world);
  for (size_t of : {10, 100, 1000}) {
    world.users.push_back(fmt::format("user:of-{}", of));
    std::set<std::string> in;
    while (in.size() < std::min(of, groups / 2)) in.insert(draw());
    for (const auto& group : in) maker.Member(group, world.users.back());
  }
  for (size_t c = 0; c < classes; ++c) {
    Words allow;
    for (int e = 0; e < 8; ++e) allow.push_back(draw());
    maker.Class(allow, {"group:contractors"}, {});
  }
  maker.Finish();
  return world;
}

}  // namespace cordon::bench
