// Break-glass access: for a bounded time one key may read for one user what lists allow to others
// only. It lifts that one test; denies, labels, validity and destinations hold as ever.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/base/clock.h"

namespace cordon {

struct BreakGlassAccess {
  std::string id;
  std::string key_id;     // that opened it, and alone may use it
  std::string principal;  // acted for
  std::string reason;
  Micros opened = 0;
  Micros until = 0;  // ended from then on
};

// By id.
using BreakGlassAccesses =
    std::map<std::string, std::shared_ptr<const BreakGlassAccess>, std::less<>>;

// The earliest end later than `after`; kNever if there is none.
Micros NextEnd(const BreakGlassAccesses& accesses, Micros after);

}  // namespace cordon
