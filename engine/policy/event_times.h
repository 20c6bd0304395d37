// When timed entries begin and end: the next such time after a moment, without looking at every
// entry.
//
// Times are only added. One whose entry was removed since makes a View advance for nothing, which
// changes no answer.
#pragma once

#include <memory>
#include <vector>

#include "engine/base/clock.h"

namespace cordon {

// A value; copies share the parts.
class EventTimes {
 public:
  // kAlways and kNever, which never come, are passed over.
  void Add(std::vector<Micros> times);

  // The earliest that is later than `after`; kNever if there is none.
  Micros Next(Micros after) const;

 private:
  // Sorted; each part is more than twice as large as the next, so that there are few.
  std::vector<std::shared_ptr<const std::vector<Micros>>> parts_;
};

}  // namespace cordon
