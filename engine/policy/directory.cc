#include "engine/policy/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"

namespace cordon {

namespace {

// Changes are told apart while they concern no more principals than this, together: to look through
// so many takes no longer than to resolve a caller of some hundred groups anew.
constexpr size_t kConcernedKept = 4096;

// The members, sorted and without repeats. One principal may stand there more than once, each time
// with other times: it is a member whenever one of them counts.
std::vector<TimedPrincipal> EdgesOf(const DirectoryRecord* record) {
  if (record == nullptr || !record->members) return {};
  std::vector<TimedPrincipal> edges = *record->members;
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return edges;
}

// Whether a principal itself is the same by both, whoever its members are; null says nothing.
bool SaysTheSameOfItself(const DirectoryRecord* a, const DirectoryRecord* b) {
  static const DirectoryRecord kNothing;
  if (a == nullptr) a = &kNothing;
  if (b == nullptr) b = &kNothing;
  return a->removed == b->removed && a->clearance == b->clearance && a->alias_of == b->alias_of;
}

template <typename T>
const std::vector<T>& OrNone(const std::vector<T>* list) {
  static const std::vector<T> kNone;
  return list == nullptr ? kNone : *list;
}

}  // namespace

bool SaysTheSame(const DirectoryRecord& a, const DirectoryRecord& b) {
  return SaysTheSameOfItself(&a, &b) && a.members.has_value() == b.members.has_value() &&
         EdgesOf(&a) == EdgesOf(&b);
}

// One change and those before it.
class Directory::Change {
 public:
  Change(std::vector<PrincipalId> concerned, std::shared_ptr<const Change> before)
      : concerned_(std::move(concerned)), before_(std::move(before)) {
    kept_ = concerned_.size() + (before_ ? before_->kept_ : 0);
  }

  const std::vector<PrincipalId>& concerned() const { return concerned_; }
  const std::shared_ptr<const Change>& before() const { return before_; }
  // How many principals this and those before it concern.
  size_t kept() const { return kept_; }

 private:
  std::vector<PrincipalId> concerned_;
  std::shared_ptr<const Change> before_;  // null: what was before is not known
  size_t kept_;
};

void PrincipalSet::Grow() {
  places_.assign(std::max<size_t>(16, 2 * places_.size()), kNobody);
  marks_.assign(places_.size() / 8, 0);
  for (const PrincipalId id : order_) Place(id);
}

void PrincipalSet::Place(PrincipalId id) {
  size_t i = PlaceOf(id);
  while (places_[i] != kNobody) i = Next(i);
  places_[i] = id;
  const size_t mark = MarkOf(id);
  marks_[mark / 64] |= uint64_t{1} << (mark % 64);
}

bool PrincipalSet::Add(PrincipalId id, PrincipalId via) {
  if (Contains(id)) return false;
  if (2 * (order_.size() + 1) > places_.size()) Grow();
  Place(id);
  order_.push_back(id);
  via_.push_back(via);
  return true;
}

std::vector<PrincipalId> PrincipalSet::PathTo(PrincipalId id) const {
  std::vector<PrincipalId> path;
  for (PrincipalId next = id; path.empty() || path.back() != next;) {
    path.push_back(next);
    const auto at = std::find(order_.begin(), order_.end(), next);
    CORDON_CHECK(at != order_.end());
    next = via_[static_cast<size_t>(at - order_.begin())];
  }
  std::reverse(path.begin(), path.end());
  return path;
}

Directory::Directory() { Note({}); }

void Directory::Note(std::vector<PrincipalId> concerned) {
  const bool forget = last_change_ && last_change_->kept() + concerned.size() > kConcernedKept;
  last_change_ = std::make_shared<const Change>(std::move(concerned),
                                                forget ? nullptr : std::move(last_change_));
}

void Directory::SetAlias(PrincipalId id, const DirectoryRecord* record,
                         std::vector<PrincipalId>* concerned) {
  const DirectoryRecord* before = FindStored(id);
  if (before != nullptr && before->alias_of) {
    auto& aliases = aliases_.Mutable(*before->alias_of);
    std::erase(aliases, id);
    if (aliases.empty()) aliases_.Erase(*before->alias_of);
    concerned->push_back(*before->alias_of);
  }
  if (record != nullptr && record->alias_of) {
    aliases_.Mutable(*record->alias_of).push_back(id);
    concerned->push_back(*record->alias_of);
  }
}

void Directory::Set(PrincipalId id, std::shared_ptr<const DirectoryRecord> record) {
  const std::vector<TimedPrincipal> before = EdgesOf(FindStored(id));
  const std::vector<TimedPrincipal> after = EdgesOf(record.get());
  size_ += (record ? 1 : 0);
  size_ -= (FindStored(id) != nullptr ? 1 : 0);
  // Members belong to it, and not the other way about: who is in it and stays is not concerned.
  std::vector<PrincipalId> concerned;
  if (!SaysTheSameOfItself(FindStored(id), record.get())) concerned.push_back(id);
  SetAlias(id, record.get(), &concerned);
  std::vector<TimedPrincipal> gone, come;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(gone));
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(come));
  for (const auto& [member, until, from] : gone) {
    auto& parents = parents_.Mutable(member);
    const auto edge = std::find(parents.begin(), parents.end(), TimedPrincipal{id, until, from});
    CORDON_CHECK(edge != parents.end());
    parents.erase(edge);
    if (parents.empty()) parents_.Erase(member);
    concerned.push_back(member);
  }
  std::vector<Micros> times;
  for (const auto& [member, until, from] : come) {
    parents_.Mutable(member).push_back({id, until, from});
    times.insert(times.end(), {from, until});
    concerned.push_back(member);
  }
  events_.Add(std::move(times));
  if (record) {
    records_.Mutable(id) = std::move(record);
  } else {
    records_.Erase(id);
  }
  if (!concerned.empty()) Note(std::move(concerned));
}

const DirectoryRecord* Directory::FindStored(PrincipalId id) const {
  const auto* record = records_.Find(id);
  return record == nullptr ? nullptr : record->get();
}

const DirectoryRecord* Directory::Find(PrincipalId id) const {
  const DirectoryRecord* record = FindStored(id);
  return record == nullptr || record->removed ? nullptr : record;
}

PrincipalId Directory::Canonical(PrincipalId id) const {
  const DirectoryRecord* record = FindStored(id);
  return record == nullptr ? id : record->alias_of.value_or(id);
}

const std::vector<PrincipalId>& Directory::AliasesOf(PrincipalId id) const {
  return OrNone(aliases_.Find(id));
}

const std::vector<TimedPrincipal>& Directory::GroupsOf(PrincipalId id) const {
  return OrNone(parents_.Find(id));
}

bool Directory::AddTo(PrincipalSet* set, PrincipalId id, PrincipalId via) const {
  const PrincipalId canonical = Canonical(id);
  if (!set->Add(canonical, via == id ? canonical : via)) return false;
  for (const PrincipalId alias : AliasesOf(canonical)) set->Add(alias, canonical);
  return true;
}

bool Directory::Unchanged(const Change* then, const PrincipalSet& a, const PrincipalSet& b) const {
  for (const Change* change = last_change_.get(); change != then; change = change->before().get()) {
    if (change == nullptr || change->before() == nullptr) return false;
    for (const PrincipalId id : change->concerned()) {
      if (a.Contains(id) || b.Contains(id)) return false;
    }
  }
  return true;
}

StatusOr<PrincipalSet> Directory::Expand(const std::vector<PrincipalId>& start, Micros now) const {
  PrincipalSet set;
  for (const PrincipalId id : start) AddTo(&set, id, id);
  size_t groups = 0;
  // Breadth first: `level_end` is where the principals of the current depth end.
  size_t depth = 0;
  for (size_t next = 0, level_end = set.all().size(); next < set.all().size(); ++next) {
    if (next == level_end) {
      level_end = set.all().size();
      if (++depth > limits::kGroupDepth) {
        return Status(StatusCode::kFailedPrecondition, "as",
                      fmt::format("groups nest deeper than {}; flatten them in the directory",
                                  limits::kGroupDepth));
      }
    }
    const PrincipalId member = set.all()[next];
    for (const auto& parent : GroupsOf(member)) {
      set.LastsUntil(parent.NextEvent(now));
      if (!parent.Counts(now)) continue;
      if (!AddTo(&set, parent.principal, member) || ++groups <= limits::kGroupsPerCaller) continue;
      return Status(StatusCode::kFailedPrecondition, "as",
                    fmt::format("belongs to more than {} groups; merge some in the directory",
                                limits::kGroupsPerCaller));
    }
  }
  return set;
}

std::map<PrincipalId, TimeSpans> Directory::Memberships(
    const std::vector<PrincipalId>& start) const {
  std::map<PrincipalId, TimeSpans> held;
  std::set<PrincipalId> grown;
  const auto add = [&](PrincipalId id, const TimeSpans& spans) {
    if (!spans.empty() && held[id].Add(spans)) grown.insert(id);
  };
  const auto add_with_aliases = [&](PrincipalId id, const TimeSpans& spans) {
    add(id, spans);
    for (const PrincipalId alias : AliasesOf(id)) add(alias, spans);
  };
  for (const PrincipalId id : start) add_with_aliases(Canonical(id), TimeSpans::Always());
  // A round for each level of groups, as in Expand(); spans only grow.
  for (size_t depth = 0; depth < limits::kGroupDepth && !grown.empty(); ++depth) {
    for (const PrincipalId member : std::exchange(grown, {})) {
      const TimeSpans spans = held.at(member);
      std::map<PrincipalId, std::vector<TimeSpan>> groups;
      for (const auto& parent : GroupsOf(member)) {
        groups[parent.principal].push_back({parent.from, parent.until});
      }
      for (auto& [group, times] : groups) {
        add_with_aliases(group, Both(spans, TimeSpans(std::move(times))));
      }
    }
  }
  return held;
}

}  // namespace cordon
