#include "engine/policy/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>

#include "engine/base/limits.h"

namespace cordon {

bool PrincipalSet::Add(PrincipalId id, PrincipalId via) {
  if (!via_.try_emplace(id, via).second) return false;
  if (bits_.size() <= id / 64) bits_.resize(id / 64 + 1);
  bits_[id / 64] |= uint64_t{1} << (id % 64);
  order_.push_back(id);
  return true;
}

std::vector<PrincipalId> PrincipalSet::PathTo(PrincipalId id) const {
  std::vector<PrincipalId> path = {id};
  while (via_.at(path.back()) != path.back()) path.push_back(via_.at(path.back()));
  std::reverse(path.begin(), path.end());
  return path;
}

Directory::Directory(Records records) : records_(std::move(records)) {
  for (const auto& [group, record] : records_) {
    if (!record->members) continue;
    for (const auto& member : *record->members) {
      parents_[member.principal].push_back({group, member.until});
      if (member.until != kNever) ends_.push_back(member.until);
    }
  }
  std::sort(ends_.begin(), ends_.end());
}

const DirectoryRecord* Directory::Find(PrincipalId id) const {
  const auto it = records_.find(id);
  return it == records_.end() ? nullptr : it->second.get();
}

StatusOr<PrincipalSet> Directory::Expand(const std::vector<PrincipalId>& start, Micros now) const {
  PrincipalSet set;
  for (const PrincipalId id : start) set.Add(id, id);
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
    const auto parents = parents_.find(member);
    if (parents == parents_.end()) continue;
    for (const auto& parent : parents->second) {
      if (parent.Counts(now)) set.Add(parent.principal, member);
    }
  }
  return set;
}

std::map<PrincipalId, Micros> Directory::Ends(const std::vector<PrincipalId>& start) const {
  // Dijkstra's algorithm with min-max in place of the sum: longest-lasting ways first.
  std::map<PrincipalId, Micros> ends;
  std::priority_queue<std::pair<Micros, PrincipalId>> queue;
  for (const PrincipalId id : start) queue.emplace(kNever, id);
  while (!queue.empty()) {
    const auto [until, member] = queue.top();
    queue.pop();
    if (!ends.try_emplace(member, until).second) continue;
    const auto parents = parents_.find(member);
    if (parents == parents_.end()) continue;
    for (const auto& parent : parents->second) {
      queue.emplace(std::min(until, parent.until), parent.principal);
    }
  }
  return ends;
}

Micros Directory::NextEvent(Micros after) const {
  const auto it = std::upper_bound(ends_.begin(), ends_.end(), after);
  return it == ends_.end() ? kNever : *it;
}

}  // namespace cordon
