#include "engine/policy/time_spans.h"

#include <algorithm>

namespace cordon {

TimeSpans::TimeSpans(std::vector<TimeSpan> spans) {
  std::sort(spans.begin(), spans.end());
  for (const TimeSpan& span : spans) {
    if (span.from >= span.until) continue;
    if (spans_.empty() || span.from > spans_.back().until) {
      spans_.push_back(span);
    } else {
      spans_.back().until = std::max(spans_.back().until, span.until);
    }
  }
}

std::optional<TimeSpan> TimeSpans::At(Micros time) const {
  auto after = std::upper_bound(spans_.begin(), spans_.end(), time,
                                [](Micros t, const TimeSpan& span) { return t < span.from; });
  if (after == spans_.begin() || time >= (--after)->until) return std::nullopt;
  return *after;
}

bool TimeSpans::Add(const TimeSpans& other) {
  if (other.Within(*this)) return false;
  std::vector<TimeSpan> all = spans_;
  all.insert(all.end(), other.spans_.begin(), other.spans_.end());
  *this = TimeSpans(std::move(all));
  return true;
}

bool TimeSpans::Within(const TimeSpans& other) const { return Both(*this, other) == *this; }

TimeSpans Both(const TimeSpans& a, const TimeSpans& b) {
  std::vector<TimeSpan> both;
  auto in_a = a.spans().begin();
  auto in_b = b.spans().begin();
  while (in_a != a.spans().end() && in_b != b.spans().end()) {
    both.push_back({std::max(in_a->from, in_b->from), std::min(in_a->until, in_b->until)});
    (in_a->until < in_b->until ? in_a : in_b)++;
  }
  return TimeSpans(std::move(both));
}

}  // namespace cordon
