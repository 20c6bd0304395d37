#include "engine/index/permitted_count.h"

#include <algorithm>

#include "engine/base/stop.h"

namespace cordon {

StatusOr<uint64_t> CountPermitted(std::span<const Segment> segments, const AllowedSet& allowed,
                                  const std::function<bool()>& stop, uint64_t enough) {
  if (segments.empty()) return uint64_t{0};  // as beside lists that a merge has just made
  const PermittedRuns permitted(allowed.classes);
  uint64_t count = 0;
  uint32_t left = kLooksBetweenStops;
  for (const Segment& segment : segments) {
    RETURN_IF_ERROR(CheckGoesOn(stop));
    bool stopped = false;
    permitted.ForEach(segment, [&](const ClassRun& run) {
      for (uint32_t begin = run.begin; begin < run.end && count <= enough && !stopped;) {
        const uint32_t end = begin + std::min(run.end - begin, left);
        count += segment.CountIn(begin, end, allowed.now, allowed.filter);
        left -= end - begin;
        begin = end;
        if (left > 0) continue;
        left = kLooksBetweenStops;
        stopped = stop && stop();
      }
      return count <= enough && !stopped;
    });
    if (stopped) return Stopped();
    if (count > enough) break;
  }
  return count;
}

}  // namespace cordon
