// Break-glass accesses: opened with an end, and gone from then on.
#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/store/apply_steps.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

Status CheckAccess(const BreakGlassAccess& access, Micros now) {
  RETURN_IF_ERROR(CheckName("reason", access.reason, limits::kPurposeBytes));
  if (access.until <= now) return Invalid("until", "not in the future; say when it ends");
  constexpr Micros kMicros = 1'000'000;
  if (access.until - now > limits::kBreakGlassMax_s * kMicros) {
    return Invalid("until", fmt::format("more than {} hours from now; end it earlier",
                                        limits::kBreakGlassMax_s / 3600));
  }
  return OkStatus();
}

}  // namespace

Status ApplyBreakGlass(const store::v1::BreakGlassChange& change, Applied* applied) {
  TenantState& next = applied->next;
  auto accesses = std::make_shared<BreakGlassAccesses>(*next.policy.break_glass);
  // What has ended goes: the journal remembers it.
  std::erase_if(*accesses, [&](const auto& entry) {
    if (entry.second->until > next.time) return false;
    applied->batch.Delete(Family::kPolicy, BreakGlassKey(next.id, entry.first));
    return true;
  });
  const std::string key = BreakGlassKey(next.id, change.id());
  if (change.has_open()) {
    v1::BreakGlass record = change.open();
    *record.mutable_opened() = ToProtoTime(next.time);
    auto access = FromProto(record);
    if (!access.ok()) return access.status().Within("until");
    RETURN_IF_ERROR(CheckAccess(*access, next.time));
    if (accesses->size() >= limits::kBreakGlassOpen) {
      return Status(StatusCode::kFailedPrecondition, "as",
                    fmt::format("more than {} are open; close some", limits::kBreakGlassOpen));
    }
    (*accesses)[change.id()] = std::make_shared<const BreakGlassAccess>(*std::move(access));
    applied->batch.Put(Family::kPolicy, key, record);
  } else {
    if (accesses->erase(change.id()) == 0) {
      return NotFound("id", "no such access is open; see break-glass list");
    }
    applied->batch.Delete(Family::kPolicy, key);
  }
  next.policy.break_glass = std::move(accesses);
  return OkStatus();
}

}  // namespace cordon
