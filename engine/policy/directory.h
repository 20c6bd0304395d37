// The directory: groups, roles, aliases, and the clearances of users and services.
//
// An alias is one more spelling of a principal: whoever is the one is the other, wherever either is
// named (docs/decisions/aliases.md).
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/persistent_map.h"
#include "engine/policy/clause.h"
#include "engine/policy/event_times.h"
#include "engine/policy/label.h"
#include "engine/policy/principal.h"
#include "engine/policy/time_spans.h"

namespace cordon {

// What the directory says of one principal.
struct DirectoryRecord {
  std::optional<std::vector<TimedPrincipal>> members;  // only of groups and roles
  std::optional<Clearance> clearance;                  // only of users and services
  std::optional<PrincipalId> alias_of;                 // only of an alias, which has nothing else
  // Says nothing any more; kept so that what its source said before is refused when it comes late.
  bool removed = false;
  std::string source;     // who says so; empty: nobody in particular
  uint64_t sequence = 0;  // the record's place in the history of its source
};

// Whether both say the same of a principal, whoever says it.
bool SaysTheSame(const DirectoryRecord& a, const DirectoryRecord& b);

// A principal and everything it belongs to, each with the member through which it is reached.
// Answers membership in constant time.
class PrincipalSet {
 public:
  bool Contains(PrincipalId id) const {
    if (!MayContain(id)) return false;
    for (size_t i = PlaceOf(id);; i = Next(i)) {
      if (places_[i] == id) return true;
      if (places_[i] == kNobody) return false;
    }
  }

  // Adds `id`, reached through `via` (itself for a start). False if it was there already.
  bool Add(PrincipalId id, PrincipalId via);

  // The way from a start of the expansion up to `id`: user, group, outer group.
  std::vector<PrincipalId> PathTo(PrincipalId id) const;

  // All members, in the order in which they were reached.
  const std::vector<PrincipalId>& all() const { return order_; }

  // Through whom all()[i] was reached.
  PrincipalId via(size_t i) const { return via_[i]; }

  // Before this time it stays what it is: none of the memberships that lead here ends, and no other
  // of a member begins.
  Micros until() const { return until_; }
  void LastsUntil(Micros until) { until_ = std::min(until_, until); }

  // Of memory.
  size_t bytes() const {
    return (order_.capacity() + via_.capacity() + places_.capacity()) * sizeof(PrincipalId) +
           marks_.capacity() * sizeof(uint64_t);
  }

 private:
  static constexpr PrincipalId kNobody = UINT32_MAX;

  // Knuth's multiplicative hash.
  static size_t HashOf(PrincipalId id) {
    return static_cast<size_t>((id * uint64_t{0x9E3779B97F4A7C15}) >> 32);
  }
  // Where the search for `id` begins.
  size_t PlaceOf(PrincipalId id) const { return HashOf(id) & (places_.size() - 1); }
  size_t Next(size_t place) const { return (place + 1) & (places_.size() - 1); }
  // False of most that are not here, from a few bytes: hardly any list names one's principals.
  bool MayContain(PrincipalId id) const {
    if (marks_.empty()) return false;
    const size_t mark = MarkOf(id);
    return (marks_[mark / 64] >> (mark % 64) & 1) != 0;
  }
  size_t MarkOf(PrincipalId id) const { return HashOf(id) & (marks_.size() * 64 - 1); }
  // Where there is room for it.
  void Place(PrincipalId id);
  void Grow();

  std::vector<PrincipalId> order_;
  std::vector<PrincipalId> via_;     // beside order_
  std::vector<PrincipalId> places_;  // a hash table, at most half full; its size is a power of two
  std::vector<uint64_t> marks_;      // eight bits a place; those of members are set
  Micros until_ = kNever;
};

// A value that is cheap to copy; versions share what is the same. Const calls are thread-safe.
class Directory {
 public:
  Directory();

  // Replaces what the directory says of `id`; null removes it.
  void Set(PrincipalId id, std::shared_ptr<const DirectoryRecord> record);

  // Null if the directory says nothing of `id`.
  const DirectoryRecord* Find(PrincipalId id) const;

  // The same, with records that were removed.
  const DirectoryRecord* FindStored(PrincipalId id) const;

  // How many records are stored.
  size_t size() const { return size_; }

  // Calls visit(id, record) for each record.
  template <typename Visit>
  void ForEach(Visit visit) const {
    records_.ForEach([&](PrincipalId id, const auto& record) {
      if (!record->removed) visit(id, *record);
    });
  }

  // The same, with records that were removed.
  template <typename Visit>
  void ForEachStored(Visit visit) const {
    records_.ForEach([&](PrincipalId id, const auto& record) { visit(id, *record); });
  }

  // For whom `id` stands: itself, unless it is an alias.
  PrincipalId Canonical(PrincipalId id) const;

  // The aliases of a principal that is none itself, in no order.
  const std::vector<PrincipalId>& AliasesOf(PrincipalId id) const;

  // The groups and roles of which `id` itself is ever a member: now, before or later.
  const std::vector<TimedPrincipal>& GroupsOf(PrincipalId id) const;

  // Adds the principal for whom `id` stands, with its aliases, reached through `via`. False if it
  // was there already.
  bool AddTo(PrincipalSet* set, PrincipalId id, PrincipalId via) const;

  // `start` with all groups and roles that it belongs to at `now`, nested ones included, and the
  // aliases of all of them; cycles end where they begin. FAILED_PRECONDITION past
  // limits::kGroupDepth and limits::kGroupsPerCaller: a truncated answer could miss a deny.
  StatusOr<PrincipalSet> Expand(const std::vector<PrincipalId>& start, Micros now) const;

  // For each principal that one of `start` ever belongs to or is an alias of, nested ones included:
  // when. The start itself is there always. Ways of more than limits::kGroupDepth groups are not
  // gone: while there are only such to a group, Expand() refuses.
  std::map<PrincipalId, TimeSpans> Memberships(const std::vector<PrincipalId>& start) const;

  // The earliest time later than `after` at which a membership begins or ends, be it one that was
  // removed before; kNever if there is none.
  Micros NextEvent(Micros after) const { return events_.Next(after); }

  // A place in the history of changes.
  class Change;
  std::shared_ptr<const Change> last_change() const { return last_change_; }
  // False if a change since `then`, a place in the history of this directory, may concern one of
  // these: to what it belongs, its clearance or for whom it stands changed (not its members), or so
  // much happened that it is not known.
  bool Unchanged(const Change* then, const PrincipalSet& a, const PrincipalSet& b) const;

 private:
  void Note(std::vector<PrincipalId> concerned);
  // Brings aliases_ up to `record`, which may be null and is to be that of `id`.
  void SetAlias(PrincipalId id, const DirectoryRecord* record, std::vector<PrincipalId>* concerned);

  PersistentMap<std::shared_ptr<const DirectoryRecord>> records_;
  size_t size_ = 0;                                     // of records_
  PersistentMap<std::vector<TimedPrincipal>> parents_;  // member → groups
  PersistentMap<std::vector<PrincipalId>> aliases_;     // principal → its aliases
  EventTimes events_;                                   // of memberships
  std::shared_ptr<const Change> last_change_;
};

}  // namespace cordon
