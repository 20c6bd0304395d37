#include "engine/policy/break_glass.h"

#include <algorithm>

#include "engine/base/planted.h"
#include "engine/policy/decide.h"

namespace cordon {

Micros NextEnd(const BreakGlassAccesses& accesses, Micros after) {
  Micros next = kNever;
  for (const auto& [id, access] : accesses) {
    if (access->until > after) next = std::min(next, access->until);
  }
  return next;
}

Status BreakGlass(const World& world, const Authenticated& caller, std::string_view id,
                  Subject* subject) {
  RETURN_IF_ERROR(caller.Require(Right::kBreakGlass));
  const Status refused =
      Denied("break_glass",
             "none that this key has opened for this user, or ended; open one with a "
             "reason and an end");
  const auto found = world.state.break_glass->find(id);
  if (found == world.state.break_glass->end()) return refused;
  const BreakGlassAccess& access = *found->second;
  const bool holds = access.key_id == caller.key_id() && access.principal == subject->name;
  const bool ended = world.now >= access.until && !Planted(Bug::kBreakGlassWithoutEnd);
  if (!holds || ended) return refused;
  subject->break_glass = found->second;
  return OkStatus();
}

Status BreakGlassOf(const World& world, std::string_view id, Subject* subject) {
  const auto found = world.state.break_glass->find(id);
  if (found == world.state.break_glass->end() || found->second->principal != subject->name ||
      world.now >= found->second->until) {
    return Invalid("break_glass", "no access of this user that is open; see break-glass list");
  }
  subject->break_glass = found->second;
  return OkStatus();
}

}  // namespace cordon
