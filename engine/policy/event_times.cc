#include "engine/policy/event_times.h"

#include <algorithm>

namespace cordon {

void EventTimes::Add(std::vector<Micros> times) {
  std::erase_if(times, [](Micros time) { return time == kAlways || time == kNever; });
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  while (!parts_.empty() && parts_.back()->size() <= 2 * times.size()) {
    std::vector<Micros> merged(parts_.back()->size() + times.size());
    std::merge(parts_.back()->begin(), parts_.back()->end(), times.begin(), times.end(),
               merged.begin());
    merged.erase(std::unique(merged.begin(), merged.end()), merged.end());
    times = std::move(merged);
    parts_.pop_back();
  }
  parts_.push_back(std::make_shared<const std::vector<Micros>>(std::move(times)));
}

Micros EventTimes::Next(Micros after) const {
  Micros next = kNever;
  for (const auto& part : parts_) {
    const auto it = std::upper_bound(part->begin(), part->end(), after);
    if (it != part->end()) next = std::min(next, *it);
  }
  return next;
}

}  // namespace cordon
