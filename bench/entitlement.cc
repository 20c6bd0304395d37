// How long it takes to know everything that a caller may see: Entitle(), beside the naive way,
// which asks Decide() about every class. Prints JSON; ROUNDS interleaved rounds.
//
//   entitlement [ROUNDS]
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/policy/decide.h"

namespace cordon::bench {
namespace {

constexpr uint64_t kSeed = 7;
constexpr size_t kGroups = 20000;
constexpr size_t kEntries = 8;  // of a list
constexpr size_t kLabels = 16;
constexpr size_t kClassCounts[] = {1000, 20000, 100000};
constexpr size_t kGroupCounts[] = {10, 100, 1000};

// Some groups are named by many lists: the square favours low numbers.
size_t DrawGroup(Random* random) {
  const double unit = random->Unit();
  return static_cast<size_t>(unit * unit * static_cast<double>(kGroups));
}

std::vector<PrincipalId> AddGroups(PolicyState* policy) {
  std::vector<PrincipalId> groups;
  for (size_t g = 0; g < kGroups; ++g) {
    groups.push_back(policy->principals->Intern(fmt::format("group:{}", g)));
  }
  return groups;
}

// `classes` lists of kEntries groups, each the only one of its class.
PolicyState MakePolicy(size_t classes) {
  Random random(kSeed);
  PolicyState policy;
  const auto groups = AddGroups(&policy);
  const auto contractors = policy.principals->Intern("group:contractors");
  for (size_t l = 0; l < kLabels; ++l) {
    policy.classes.labels.PushBack({policy.rules->scheme.levels[l % 3], {}, {}});
  }
  for (size_t c = 0; c < classes; ++c) {
    ClauseSlot slot;
    slot.name = "document acl";
    for (size_t e = 0; e < kEntries; ++e) {
      slot.clause.allow.push_back({groups[DrawGroup(&random)]});
    }
    slot.clause.deny.push_back({contractors});
    policy.classes.AddClause(std::move(slot));
    policy.classes.classes.PushBack(
        {{static_cast<ClauseId>(c)}, static_cast<LabelId>(random.Below(kLabels))});
  }
  policy.ExtendPostings();
  return policy;
}

Subject MakeSubject(const PolicyState& policy, size_t groups) {
  Random random(kSeed + groups);
  Subject subject;
  subject.name = "user:ana";
  const PrincipalId user = policy.principals->Intern(subject.name);
  subject.principals.Add(user, user);
  while (subject.principals.all().size() <= groups) {
    const auto id = policy.principals->Find(fmt::format("group:{}", DrawGroup(&random)));
    subject.principals.Add(*id, user);
  }
  subject.clearance = Clearance::All();
  subject.application_clearance = Clearance::All();
  subject.destination = DevDestination();
  return subject;
}

size_t CountEntitled(const World& world, const Subject& subject) {
  const Entitlements entitlements = Entitle(world, subject);
  size_t permitted = 0;
  for (const uint64_t word : entitlements.words()) {
    permitted += static_cast<size_t>(__builtin_popcountll(word));
  }
  return permitted;
}

size_t CountDecided(const World& world, const Subject& subject) {
  size_t permitted = 0;
  for (ClassId id = 0; id < world.state.classes.classes.size(); ++id) {
    permitted += Decide(world, subject, {id});
  }
  return permitted;
}

// Microseconds of one call, as the mean of as many as take a millisecond or more.
template <typename Call>
double Time_us(Call call) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double took_us = 0;
  size_t calls = 0;
  while (took_us < 1000) {
    call();
    ++calls;
    took_us = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
  }
  return took_us / static_cast<double>(calls);
}

struct Cell {
  size_t classes;
  size_t groups;
  const PolicyState* policy;
  Subject subject;
  size_t permitted = 0;
  std::vector<double> entitle_us{};
  std::vector<double> decide_us{};
};

void Run(size_t rounds) {
  std::vector<PolicyState> policies;
  for (const size_t classes : kClassCounts) policies.push_back(MakePolicy(classes));
  std::vector<Cell> cells;
  for (const PolicyState& policy : policies) {
    for (const size_t groups : kGroupCounts) {
      cells.push_back(
          {policy.classes.classes.size(), groups, &policy, MakeSubject(policy, groups)});
    }
  }
  for (size_t round = 0; round < rounds; ++round) {
    for (Cell& cell : cells) {
      const World world{*cell.policy, 0};
      cell.permitted = CountEntitled(world, cell.subject);
      CORDON_CHECK(cell.permitted == CountDecided(world, cell.subject));
      cell.entitle_us.push_back(Time_us([&] { CountEntitled(world, cell.subject); }));
      cell.decide_us.push_back(Time_us([&] { CountDecided(world, cell.subject); }));
    }
  }
  fmt::print("{{\"entries\":{},\"cells\":[", kEntries);
  for (size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    fmt::print(
        "{}\n{{\"classes\":{},\"groups\":{},\"permitted\":{},\"entitle_us\":[{:.2f}],"
        "\"decide_us\":[{:.2f}]}}",
        i == 0 ? "" : ",", cell.classes, cell.groups, cell.permitted,
        fmt::join(cell.entitle_us, ","), fmt::join(cell.decide_us, ","));
  }
  fmt::print("\n]}}\n");
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) { cordon::bench::Run(argc > 1 ? std::stoul(argv[1]) : 21); }
