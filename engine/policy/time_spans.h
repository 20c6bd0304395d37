// Sets of times, for questions about more than one moment: when somebody is a member.
#pragma once

#include <compare>
#include <optional>
#include <vector>

#include "engine/base/clock.h"

namespace cordon {

// from <= time < until.
struct TimeSpan {
  Micros from = kAlways;
  Micros until = kNever;

  friend auto operator<=>(const TimeSpan&, const TimeSpan&) = default;
};

// A value. Equal sets are equal: the spans are sorted, and neither overlap nor touch.
class TimeSpans {
 public:
  TimeSpans() = default;  // no time
  // All that is in one of `spans`, in any order; those that end before they begin hold no time.
  explicit TimeSpans(std::vector<TimeSpan> spans);
  static TimeSpans Always() { return TimeSpans({TimeSpan{}}); }

  bool empty() const { return spans_.empty(); }
  const std::vector<TimeSpan>& spans() const { return spans_; }

  // The span that holds `time`.
  std::optional<TimeSpan> At(Micros time) const;

  // Adds all times of `other`; false if they were there already.
  bool Add(const TimeSpans& other);

  // Whether `other` holds all times of these.
  bool Within(const TimeSpans& other) const;

  friend bool operator==(const TimeSpans&, const TimeSpans&) = default;

 private:
  std::vector<TimeSpan> spans_;
};

// The times that are in both.
TimeSpans Both(const TimeSpans& a, const TimeSpans& b);

}  // namespace cordon
