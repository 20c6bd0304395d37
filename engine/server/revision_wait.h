// Waiting for a revision without holding a thread.
#pragma once

#include <atomic>
#include <functional>

#include "engine/server/calls.h"

namespace cordon {

// Runs `resume(caller)` once the caller's tenant has `revision`, or after limits::kRevisionWait_ms,
// or when `stop` says true, whichever comes first; the call then judges itself what it finds. At
// once if there is nothing to wait for, if the caller lacks `right`, which the call needs, or if
// too many calls wait already, of this caller or in all; else on the executor, with the caller
// authenticated anew: a key that was revoked meanwhile gets nothing. `refused` runs instead if it
// is, or, after the call's record, if the executor turns the call away.
void WhenVisible(const EnteredCall& call, Right right, uint64_t revision,
                 std::function<bool()> stop, std::function<void(const Authenticated&)> resume,
                 std::function<void(const Status&)> refused);

}  // namespace cordon
