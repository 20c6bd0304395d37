// The directory: groups, roles, and the clearances of users and services.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/clock.h"
#include "engine/policy/clause.h"
#include "engine/policy/label.h"
#include "engine/policy/principal.h"

namespace cordon {

// What the directory says of one principal.
struct DirectoryRecord {
  std::optional<std::vector<TimedPrincipal>> members;  // only of groups and roles
  std::optional<Clearance> clearance;                  // only of users and services
};

// A principal and everything it belongs to, each with the member through which it is reached.
// Answers membership in constant time.
class PrincipalSet {
 public:
  bool Contains(PrincipalId id) const {
    return id / 64 < bits_.size() && (bits_[id / 64] >> (id % 64) & 1) != 0;
  }

  // Adds `id`, reached through `via` (itself for a start). False if it was there already.
  bool Add(PrincipalId id, PrincipalId via);

  // The way from a start of the expansion up to `id`: user, group, outer group.
  std::vector<PrincipalId> PathTo(PrincipalId id) const;

  // All members, in the order in which they were reached.
  const std::vector<PrincipalId>& all() const { return order_; }

 private:
  std::vector<uint64_t> bits_;
  std::vector<PrincipalId> order_;
  std::unordered_map<PrincipalId, PrincipalId> via_;
};

// Immutable; a change makes a new one. Safe to read from any thread.
class Directory {
 public:
  using Records = std::map<PrincipalId, std::shared_ptr<const DirectoryRecord>>;

  Directory() = default;
  explicit Directory(Records records);

  const Records& records() const { return records_; }
  const DirectoryRecord* Find(PrincipalId id) const;

  // `start` with all groups and roles that it belongs to at `now`, nested ones included; cycles
  // end where they begin. FAILED_PRECONDITION past limits::kGroupDepth: a truncated answer could
  // miss a deny.
  StatusOr<PrincipalSet> Expand(const std::vector<PrincipalId>& start, Micros now) const;

  // For each principal that one of `start` ever belongs to, nested ones included: when the longest
  // lasting way to it ends. The start itself never ends.
  std::map<PrincipalId, Micros> Ends(const std::vector<PrincipalId>& start) const;

  // The earliest end of a membership that is later than `after`; kNever if there is none.
  Micros NextEvent(Micros after) const;

 private:
  Records records_;
  std::unordered_map<PrincipalId, std::vector<TimedPrincipal>> parents_;  // member → groups
  std::vector<Micros> ends_;                                              // sorted
};

}  // namespace cordon
