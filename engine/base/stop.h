// Whether a call goes on: its caller may have left, or its deadline may have passed.
#pragma once

#include <functional>

#include "engine/base/status.h"

namespace cordon {

// DEADLINE_EXCEEDED: an answer is whole or there is none.
inline Status Stopped() {
  return Status(StatusCode::kDeadlineExceeded, "",
                "the deadline has passed; ask for less, or allow more time");
}

// Stopped() once `stop`, which may be empty, says true.
inline Status CheckGoesOn(const std::function<bool()>& stop) {
  return stop && stop() ? Stopped() : OkStatus();
}

}  // namespace cordon
