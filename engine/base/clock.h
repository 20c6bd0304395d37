// Time that never runs backwards, restarts included, and believes no leap of the wall clock
// (docs/decisions/time.md).
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Microseconds since 1970-01-01T00:00:00Z.
using Micros = int64_t;

// "Never": later than every time that can be written.
inline constexpr Micros kNever = INT64_MAX;

// As a start: earlier than every time that can be written.
inline constexpr Micros kAlways = INT64_MIN;

// Follows the wall clock while it agrees with a steady clock, suspended machines included, and goes
// on by the steady one alone while the wall has leapt away. Thread-safe.
class Clock {
 public:
  // What the two clocks show, thread-safe as well. Tests pass their own: a wall alone is one that
  // never leaps, for the steady clock moves with it.
  explicit Clock(std::function<Micros()> wall = {}, std::function<Micros()> steady = {});

  // The current time; never less than an earlier answer nor than a value given to AtLeast().
  Micros Now();

  // Raises the clock to `floor`, the latest time a previous run has seen. From there it goes on by
  // the steady clock if the wall is further behind than limits::kClockStep_s; else it stands until
  // the wall catches up.
  void AtLeast(Micros floor);

  // UNAVAILABLE, field `clock`, while the wall is further ahead than limits::kClockStep_s. Whoever
  // reads or decides by time must ask: by Now() something may count still that has ended, and by
  // the wall something already that has not begun.
  Status Trusted();

  // How far the wall is behind, if that is further than limits::kClockStep_s, else 0: time goes on,
  // but not by what anybody can read off the machine.
  Micros Behind();

  // Told at the beginning of doubt, with Trusted(), and at its end, with OK. Must not use the
  // clock. To be called before other threads do.
  void WhenDoubted(std::function<void(const Status&)> told) { told_ = std::move(told); }

 private:
  struct Reading {
    Micros time;
    Micros ahead;  // how far the wall is, if that is too far, else 0
  };
  Reading Read();
  // Takes in what both clocks showed, no earlier than what was taken in before. Called with mutex_
  // held.
  void Believe(Micros wall, Micros steady);

  std::function<Micros()> wall_;
  std::function<Micros()> steady_;  // null: moves with the wall
  std::function<void(const Status&)> told_;
  std::mutex mutex_;
  // Guarded by mutex_.
  Micros steady_read_ = kAlways;  // the newest that was taken in
  Micros offset_ = 0;             // from the steady clock to the time that it counts
  Micros last_ = 0;
  Micros ahead_ = 0;
};

// The time of a protobuf Timestamp. Refused: finer than a microsecond, and outside the years 0001
// to 9999.
StatusOr<Micros> MicrosOf(int64_t seconds, int32_t nanos);

// RFC 3339 in UTC with as many fractional digits as needed: "2026-01-01T00:00:00Z".
std::string FormatTime(Micros time);

// Parses RFC 3339 with any offset. Refused: sub-microsecond digits, leap seconds, what is no time,
// and what is outside the years 0001 to 9999 in UTC.
StatusOr<Micros> ParseTime(std::string_view text);

}  // namespace cordon
