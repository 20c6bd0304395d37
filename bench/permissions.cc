// What permissions cost: everything that a caller may see, cold, cached, and by other ways in the
// same rounds; single decisions; and many remembered callers while the policy changes.
//
//   permissions --out FILE [--quick] [WORLD…]         WORLD: text of permission_world.h
#include <fmt/format.h>
#include <fmt/os.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <numeric>
#include <roaring/roaring.hh>

#include "bench/permission_world.h"
#include "bench/times.h"
#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/policy/entitlement_cache.h"
#include "tests/store/proof.h"

namespace cordon::bench {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// Of this thread's processor time: what else runs on the machine does not count.
double CpuMicros() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// Microseconds of one call, as the mean of as many as take half a millisecond or more.
template <typename Call>
double Time_us(Call call) {
  for (size_t calls = 1;; calls *= 2) {
    const double start = CpuMicros();
    for (size_t i = 0; i < calls; ++i) call();
    const double took_us = CpuMicros() - start;
    if (took_us >= 500) return took_us / static_cast<double>(calls);
  }
}

size_t HeapBytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

Authenticated App() { return Anyone(); }

Subject SubjectOf(const World& world, const std::string& user) {
  auto subject = ResolveSubject(world, App(), user, "");
  CORDON_CHECK(subject.ok());
  return *std::move(subject);
}

size_t Count(const std::vector<uint64_t>& words) {
  return std::accumulate(words.begin(), words.end(), size_t{0}, [](size_t sum, uint64_t word) {
    return sum + static_cast<size_t>(__builtin_popcountll(word));
  });
}

// For each principal the classes that its lists allow, and deny, as roaring bitmaps: what a search
// engine that filters by terms does. Labels and containers are asked beside, as we do.
class RoaringPostings {
 public:
  explicit RoaringPostings(const PolicyState& policy)
      : allow_(policy.principals->size()), deny_(policy.principals->size()) {
    for (ClassId id = 0; id < policy.classes.classes.size(); ++id) {
      bool anchored = false;
      for (const ClauseId clause : policy.classes.classes[id].clauses) {
        const ClauseSlot& slot = policy.classes.clauses[clause];
        for (const auto& entry : slot.clause.deny) deny_[entry.principal].add(id);
        if (!slot.container.empty() || slot.clause.only_denies) continue;
        anchored = true;
        for (const auto& entry : slot.clause.allow) allow_[entry.principal].add(id);
      }
      if (!anchored) rest_.add(id);
    }
    for (auto* lists : {&allow_, &deny_}) {
      for (auto& one : *lists) one.runOptimize();
    }
  }

  Roaring Of(const World& world, const Subject& subject) const {
    std::vector<const Roaring*> some;
    for (const PrincipalId id : subject.principals.all()) some.push_back(&allow_[id]);
    auto permitted = Roaring::fastunion(some.size(), some.data());
    for (const auto* set : {&subject.principals, &subject.application_principals}) {
      for (const PrincipalId id : set->all()) {
        if (!deny_[id].isEmpty()) permitted -= deny_[id];
      }
    }
    for (const uint32_t id : rest_) {  // lists that only containers stand for
      if (Decide(world, subject, {id})) permitted.add(id);
    }
    return permitted;
  }

 private:
  std::vector<Roaring> allow_, deny_;  // by principal
  Roaring rest_;
};

// The naive way: each list's entries against the caller's principals, one class after the other.
size_t ScanEvery(const World& world, const Subject& subject) {
  size_t permitted = 0;
  for (ClassId id = 0; id < world.state.classes.classes.size(); ++id) {
    permitted += Decide(world, subject, {id});
  }
  return permitted;
}

// What it holds, and what each caller takes who has asked once.
json Remember(const World& world, const std::vector<std::string>& users, EntitlementCache* cache) {
  const Authenticated app = App();
  const size_t before = HeapBytes();
  for (const auto& user : users) {
    const auto known = *cache->Find(world, app, user, "");
    known->EntitlementsIn(world);
  }
  const size_t heap_bytes = HeapBytes() - before;
  return {{"callers", users.size()}, {"counted_bytes", cache->bytes()}, {"heap_bytes", heap_bytes}};
}

json Describe(const PermissionWorld& world) {
  return {{"name", world.name},
          {"users", world.users.size()},
          {"groups", world.groups},
          {"memberships", world.memberships},
          {"containers", world.containers.size()},
          {"lists", world.lines},
          {"entries", world.entries},
          {"classes", world.policy.classes.classes.size()}};
}

// Some users, evenly of those with few and with many principals.
std::vector<std::string> SomeUsers(const PermissionWorld& world, size_t count) {
  std::vector<std::pair<size_t, std::string>> all;
  for (const auto& user : world.users) {
    all.emplace_back(SubjectOf({world.policy, 0}, user).principals.all().size(), user);
  }
  std::sort(all.begin(), all.end());
  std::vector<std::string> some;
  for (size_t i = 0; i < std::min(count, all.size()); ++i) {
    const size_t place =
        count == 1 ? 0
                   : i * (all.size() - 1) / std::max<size_t>(1, std::min(count, all.size()) - 1);
    some.push_back(all[place].second);
  }
  return some;
}

// The heap of what `make` gives, as long as it is there.
template <typename Make>
size_t BytesOf(Make make) {
  const size_t before = HeapBytes();
  [[maybe_unused]] const auto made = make();
  return HeapBytes() - before;
}

// `postings`: which classes name a principal, ours and roaring's; `policy`: they and all that they
// are made of, such as names, groups and lists; `remembered`: callers who have asked.
json MemoryOf(const PermissionWorld& permission_world, size_t policy_bytes,
              EntitlementCache* cache) {
  const World world{permission_world.policy, 0};
  const auto& classes = world.state.classes;
  return {{"policy_bytes", policy_bytes},
          {"postings_bytes", BytesOf([&] { return ClassPostings().Extended(classes); })},
          {"roaring_bytes", BytesOf([&] { return RoaringPostings(world.state); })},
          {"remembered", Remember(world, permission_world.users, cache)}};
}

json EvaluateWorld(const PermissionWorld& permission_world, size_t policy_bytes, size_t rounds) {
  const World world{permission_world.policy, 0};
  json out = Describe(permission_world);
  EntitlementCache cache;
  out["memory"] = MemoryOf(permission_world, policy_bytes, &cache);
  const RoaringPostings roaring(world.state);
  const Authenticated app = App();
  std::map<std::string, json> cells;
  for (size_t round = 0; round < rounds; ++round) {
    for (const auto& user : SomeUsers(permission_world, 7)) {
      const Subject subject = SubjectOf(world, user);
      const size_t permitted = Count(Entitle(world, subject).words());
      CORDON_CHECK(permitted == ScanEvery(world, subject));
      CORDON_CHECK(permitted == roaring.Of(world, subject).cardinality());
      json& cell = cells[user];
      cell["principals"] = subject.principals.all().size();
      cell["permitted"] = permitted;
      cell["resolve_us"].push_back(Time_us([&] { SubjectOf(world, user); }));
      cell["cold_us"].push_back(Time_us([&] { Entitle(world, subject); }));
      cell["roaring_us"].push_back(Time_us([&] { roaring.Of(world, subject); }));
      cell["scan_us"].push_back(Time_us([&] { ScanEvery(world, subject); }));
      cell["cached_us"].push_back(Time_us([&] {
        const auto known = *cache.Find(world, app, user, "");
        known->EntitlementsIn(world);
      }));
    }
  }
  for (auto& [user, cell] : cells) out["cells"].push_back(std::move(cell));
  return out;
}

// Decisions a second, of a caller of so many principals about classes drawn at random.
json DecideRates(const PermissionWorld& permission_world, size_t rounds) {
  const World world{permission_world.policy, 0};
  const Subject subject = SubjectOf(world, permission_world.users.back());
  const size_t classes = world.state.classes.classes.size();
  Random random(3);
  std::vector<ClassId> asked(1 << 16);
  for (auto& id : asked) id = static_cast<ClassId>(random.Below(classes));
  json out = {{"classes", classes}, {"principals", subject.principals.all().size()}};
  size_t permitted = 0;
  for (size_t round = 0; round < rounds; ++round) {
    const double start = CpuMicros();
    for (const ClassId id : asked) permitted += Decide(world, subject, {id});
    out["per_s"].push_back(static_cast<double>(asked.size()) / (CpuMicros() - start) * 1e6);
  }
  out["permitted"] = static_cast<double>(permitted) / static_cast<double>(rounds * asked.size());
  return out;
}

// Remembered callers, 10,000 unless it is quick, while the directory and the containers change 100
// times a second.
class Churn {
 public:
  Churn(size_t callers, size_t classes, size_t containers) : containers_(containers), random_(5) {
    policy_.classes.labels.PushBack({policy_.rules->scheme.levels.front(), {}, {}});
    auto directory = std::make_shared<Directory>();
    PolicyRules rules;
    rules.default_clearance = Clearance::All();
    for (size_t u = 0; u < callers; ++u) users_.push_back(fmt::format("user:{}", u));
    for (size_t g = 0; g < kGroups; ++g) SetGroup(g, directory.get());
    policy_.directory = std::move(directory);
    for (size_t c = 0; c < containers; ++c) {
      for (int e = 0; e < 10; ++e) Allow(c, &rules);
      const std::string name = fmt::format("folder:{}", c);
      container_clauses_.push_back(AddClause({name, {}, name}));
    }
    policy_.rules = std::make_shared<const PolicyRules>(std::move(rules));
    for (size_t c = 0; c < classes; ++c) AddClass();
    policy_.ExtendPostings();
  }

  json Run(double seconds) {
    for (const auto& user : users_) Ask(user);
    const size_t heap = HeapBytes();
    json out = {{"callers", users_.size()},
                {"classes", policy_.classes.classes.size()},
                {"containers", containers_},
                {"groups", kGroups}};
    std::vector<double> us;
    size_t hits = 0, followed = 0, changes = 0;
    const auto start = Clock::now();
    while (MicrosSince(start) < seconds * 1e6) {
      if (static_cast<double>(changes) < MicrosSince(start) * kChangesPerSecond / 1e6) {
        Change();
        ++changes;
      }
      const auto& user = users_[random_.Below(users_.size())];
      const Told before = last_[user];
      const auto began = Clock::now();
      const Told after = Ask(user);
      us.push_back(MicrosSince(began));
      hits += before.caller == after.caller;
      followed += before.caller != after.caller && before.subject == after.subject;
    }
    const double took_s = MicrosSince(start) / 1e6;
    out["changes_per_s"] = static_cast<double>(changes) / took_s;
    out["lookups_per_s"] = static_cast<double>(us.size()) / took_s;
    out["hit_rate"] = static_cast<double>(hits) / static_cast<double>(us.size());
    out["followed_rate"] = static_cast<double>(followed) / static_cast<double>(us.size());
    out["p50_us"] = At(us, 0.5);
    out["p99_us"] = At(us, 0.99);
    out["heap_bytes"] = HeapBytes() - heap_before_;
    out["grown_bytes"] = static_cast<int64_t>(HeapBytes()) - static_cast<int64_t>(heap);
    out["counted_bytes"] = cache_.bytes();
    return out;
  }

 private:
  static constexpr size_t kGroups = 5000;
  static constexpr double kChangesPerSecond = 100;

  std::string Group() { return fmt::format("group:{}", random_.Below(kGroups)); }
  void SetGroup(size_t group, Directory* directory) {
    auto record = std::make_shared<DirectoryRecord>();
    record->members.emplace();
    for (int i = 0; i < 40; ++i) {
      record->members->push_back(
          {policy_.principals->Intern(users_[random_.Below(users_.size())])});
    }
    directory->Set(policy_.principals->Intern(fmt::format("group:{}", group)), std::move(record));
  }
  void Allow(size_t container, PolicyRules* rules) {
    auto& allow = rules->containers[fmt::format("folder:{}", container)].clause.allow;
    const TimedPrincipal entry{policy_.principals->Intern(Group())};
    if (allow.size() < 10) {
      allow.push_back(entry);
    } else {
      allow.Set(random_.Below(allow.size()), entry);
    }
  }
  ClauseId AddClause(ClauseSlot slot) {
    policy_.classes.AddClause(std::move(slot));
    return static_cast<ClauseId>(policy_.classes.clauses.size() - 1);
  }
  // Half of the classes inherit from a container, whose clause is one for all, as in a store.
  void AddClass() {
    if (random_.Below(2) == 0) {
      const size_t container = random_.Below(containers_);
      policy_.classes.classes.PushBack({{container_clauses_.at(container)}, 0});
      return;
    }
    ClauseSlot slot;
    for (int e = 0; e < 8; ++e) {
      slot.clause.allow.push_back({policy_.principals->Intern(Group())});
    }
    policy_.classes.classes.PushBack({{AddClause(std::move(slot))}, 0});
  }
  // Half of the changes are of a group, half of a container.
  void Change() {
    if (random_.Below(2) == 0) {
      auto directory = std::make_shared<Directory>(*policy_.directory);
      // One member comes, one goes.
      const auto id = policy_.principals->Intern(Group());
      auto record = std::make_shared<DirectoryRecord>(*directory->Find(id));
      (*record->members)[random_.Below(record->members->size())] = {
          policy_.principals->Intern(users_[random_.Below(users_.size())])};
      directory->Set(id, std::move(record));
      policy_.directory = std::move(directory);
    } else {
      PolicyRules rules = *policy_.rules;
      const size_t container = random_.Below(containers_);
      Allow(container, &rules);
      rules.NoteChange(*policy_.rules, {fmt::format("folder:{}", container)});
      policy_.rules = std::make_shared<const PolicyRules>(std::move(rules));
    }
  }
  // What was remembered: another caller of the same subject was made of the one before.
  struct Told {
    const KnownCaller* caller = nullptr;
    const Subject* subject = nullptr;
  };
  Told Ask(const std::string& user) {
    const World world{policy_, 0};
    const auto known = *cache_.Find(world, app_, user, "");
    known->EntitlementsIn(world);
    return last_[user] = {known.get(), &known->subject()};
  }

  const size_t containers_;
  std::vector<ClauseId> container_clauses_;
  Random random_;
  PolicyState policy_;
  std::vector<std::string> users_;
  std::map<std::string, Told> last_;
  const Authenticated app_ = App();
  const size_t heap_before_ = HeapBytes();
  EntitlementCache cache_;
};

void Run(const std::vector<std::string>& files, const std::string& out_path, bool quick) {
  const size_t rounds = quick ? 3 : 11;
  json out = {{"quick", quick}};
  for (const auto& file : files) {
    const PermissionLists lists = ReadPermissions(file);
    const size_t before = HeapBytes();
    const PermissionWorld world = WorldOf(lists);
    out["worlds"].push_back(EvaluateWorld(world, HeapBytes() - before, rounds));
  }
  const size_t classes = quick ? 10'000 : 100'000;
  const size_t before = HeapBytes();
  const PermissionWorld made = MakeWorld(classes, 20'000);
  const size_t made_bytes = HeapBytes() - before;
  out["worlds"].push_back(EvaluateWorld(made, made_bytes, rounds));
  out["decide"].push_back(DecideRates(made, 10 * rounds));
  out["decide"].push_back(DecideRates(MakeWorld(1000, 20'000), 10 * rounds));
  out["churn"].push_back(Churn(classes / 10, classes, classes / 100).Run(quick ? 3 : 10));
  fmt::output_file(out_path).print("{}\n", out.dump(1));
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) {
  CLI::App app("measures permissions");
  std::vector<std::string> files;
  std::string out;
  bool quick = false;
  app.add_option("WORLD", files);
  app.add_option("--out", out)->required();
  app.add_flag("--quick", quick);
  CLI11_PARSE(app, argc, argv);
  cordon::bench::Run(files, out, quick);
}
