// A policy that moves: what is remembered of it is compared with what it says.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/policy/decide.h"

namespace cordon {

// A tenant's policy that changes by small random steps, as mutations do.
class MovingPolicy {
 public:
  explicit MovingPolicy(uint64_t seed) : random_(seed) {
    for (const char* level : {"public", "internal", "confidential"}) {
      state_.classes.labels.PushBack({level, {}, {}});
    }
    for (int i = 0; i < 8; ++i) ChangeContainer();
    for (int i = 0; i < 40; ++i) ChangeMembers();
    for (int i = 0; i < 2500; ++i) AddClass();
  }

  const PolicyState& state() const { return state_; }
  Micros now() const { return now_; }
  Random& random() { return random_; }

  void Grow(int classes) {
    for (int i = 0; i < classes; ++i) AddClass();
    state_.ExtendPostings();
  }

  std::string User() { return fmt::format("user:{}", random_.Below(kUsers)); }

  // Mostly containers, of which many inherit.
  void MoveContainers() {
    if (random_.Below(8) == 0) return Move();
    ChangeContainer();
  }

  void Move() {
    switch (random_.Below(40)) {
      case 0:
        return ChangeDefault();  // rarely: with it nobody is remembered
      case 1:
      case 11:
      case 12:
      case 13:
      case 14:
        return ChangeContainer();
      case 2:
      case 3:
      case 4:
        return ChangeMembers();
      case 5:
        return ChangeClearance();
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        now_ += static_cast<Micros>(random_.Below(20));
        return;
      default:
        for (uint64_t n = random_.Below(random_.Below(20) == 0 ? 600 : 3); n > 0; --n) AddClass();
        if (random_.Below(3) == 0) state_.ExtendPostings();
    }
  }

 private:
  static constexpr uint64_t kUsers = 12;
  static constexpr uint64_t kNewcomers = 4;  // of them, whom hardly any list names

  std::string Anybody() {
    const uint64_t kind = random_.Below(10);
    if (random_.Below(10'000) == 0) return fmt::format("user:{}", random_.Below(kNewcomers));
    if (kind < 3) return fmt::format("user:{}", kNewcomers + random_.Below(kUsers - kNewcomers));
    if (kind == 3) return "service:app";
    if (kind == 4 && random_.Below(20) == 0) return "everyone";
    // Those from 60 on have no record, and come late.
    return fmt::format("group:{}", random_.Below(random_.Below(2000) == 0 ? 70 : 60));
  }

  TimedPrincipal Entry() {
    const auto soon = [this] { return now_ + static_cast<Micros>(random_.Below(2000)); };
    const Micros until = random_.Below(4) == 0 ? soon() : kNever;
    const Micros from = random_.Below(4) == 0 ? soon() : kAlways;
    return {state_.principals->Intern(Anybody()), until, from};
  }

  Clause List(size_t allow, size_t deny) {
    Clause clause;
    for (size_t i = 0; i < allow; ++i) clause.allow.push_back(Entry());
    for (size_t i = 0; i < deny; ++i) clause.deny.push_back(Entry());
    clause.only_denies = allow == 0;
    return clause;
  }

  void ChangeContainer() {
    PolicyRules rules = *state_.rules;
    const uint64_t number = random_.Below(8);
    const std::string name = fmt::format("folder:{}", number);
    if (random_.Below(8) == 0) {
      rules.containers.erase(name);
    } else {
      Container& container = rules.containers[name];
      // Most changes are small, and leave most callers what they had.
      if (random_.Below(4) > 0 && !container.clause.allow.empty()) {
        container.clause.allow.Set(random_.Below(container.clause.allow.size()), Entry());
      } else {
        container.clause = List(1 + random_.Below(12), random_.Below(2));
      }
      if (random_.Below(5) == 0) container.inherit.clear();
      if (number > 0 && random_.Below(5) == 0) {
        container.inherit = {fmt::format("folder:{}", random_.Below(number))};
      }
    }
    Replace(std::move(rules), {name});
  }

  void ChangeDefault() {
    PolicyRules rules = *state_.rules;
    switch (random_.Below(4)) {
      case 0:
        std::swap(rules.scheme.levels.at(1), rules.scheme.levels.at(2));
        break;
      case 1:
        if (rules.quarantined_sources.erase("hris") == 0) rules.quarantined_sources.insert("hris");
        break;
      case 2:
        rules.default_clearance = {Clearance::Kind::kNamed, "internal", {}};
        break;
      default:
        rules.default_clearance = Clearance();
    }
    Replace(std::move(rules), {});
  }

  void Replace(PolicyRules rules, const std::vector<std::string>& containers) {
    // Now and then nothing is known of their history, as after a start.
    rules.last_change = nullptr;
    if (random_.Below(20) > 0) {
      rules.last_change = state_.rules->last_change;
      rules.NoteChange(*state_.rules, containers);
    }
    state_.rules = std::make_shared<const PolicyRules>(std::move(rules));
  }

  void SetRecord(const std::string& name, std::shared_ptr<const DirectoryRecord> record) {
    auto directory = std::make_shared<Directory>(*state_.directory);
    directory->Set(state_.principals->Intern(name), std::move(record));
    state_.directory = std::move(directory);
  }

  void ChangeMembers() {
    const std::string group = fmt::format("group:{}", random_.Below(60));
    if (random_.Below(6) == 0) return SetRecord(group, nullptr);
    auto record = std::make_shared<DirectoryRecord>();
    record->members.emplace();
    for (uint64_t n = random_.Below(6); n > 0; --n) record->members->push_back(Entry());
    SetRecord(group, std::move(record));
  }

  void ChangeClearance() {
    if (random_.Below(3) == 0) return SetRecord(User(), nullptr);
    auto record = std::make_shared<DirectoryRecord>();
    record->clearance = random_.Below(2) == 0 ? Clearance::All() : Clearance::Lowest();
    SetRecord(User(), std::move(record));
  }

  ClauseId AddList(Clause clause) {
    state_.classes.AddClause({"", std::move(clause), "document acl"});
    return static_cast<ClauseId>(state_.classes.clauses.size() - 1);
  }

  void AddClass() {
    std::vector<ClauseId> clauses;
    const bool inherits = random_.Below(3) == 0;
    clauses.push_back(AddList(
        List(inherits ? random_.Below(3) : 1 + random_.Below(6), random_.Below(5) == 0 ? 1 : 0)));
    if (random_.Below(6) == 0) clauses.push_back(AddList(List(1 + random_.Below(9), 0)));
    if (inherits) {
      const auto name = fmt::format("folder:{}", random_.Below(9));  // one of which is unknown
      state_.classes.AddClause({name, {}, name});
      clauses.push_back(static_cast<ClauseId>(state_.classes.clauses.size() - 1));
    }
    if (random_.Below(10) == 0) {
      state_.classes.AddClause({"", {{}, {}, true}, "source hris", "hris"});
      clauses.push_back(static_cast<ClauseId>(state_.classes.clauses.size() - 1));
    }
    if (random_.Below(500) == 0) clauses.clear();
    const auto label = static_cast<LabelId>(random_.Below(3));
    state_.classes.classes.PushBack({std::move(clauses), label});
  }

  Random random_;
  PolicyState state_;
  Micros now_ = 0;
};

}  // namespace cordon
