// Waiting for a revision without holding a thread.
#pragma once

#include <atomic>
#include <functional>

#include "engine/server/calls.h"

namespace cordon {

// Runs `resume` on the executor at `where` once the caller's tenant has `revision`, or after
// limits::kRevisionWait_ms, or when `stop` says true, whichever comes first; the call then judges
// itself what it finds. At once if there is nothing to wait for, if the caller may not query, or if
// kWaitingMax calls wait already. `overloaded` runs instead if the executor turns it away.
void WhenVisible(Front* front, Where where, const Authenticated& caller, uint64_t revision,
                 std::function<bool()> stop, std::function<void()> resume,
                 std::function<void()> overloaded);

}  // namespace cordon
