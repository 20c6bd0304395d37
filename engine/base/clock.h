// Time that never runs backwards, restarts included (docs/decisions/time.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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

// The wall clock, held at the latest time it has ever shown. Thread-safe.
class Clock {
 public:
  // `wall` returns the wall clock's time; tests pass their own.
  explicit Clock(std::function<Micros()> wall = {});

  // The current time; never less than an earlier answer nor than a value given to AtLeast().
  Micros Now();

  // Raises the clock to `floor`: the latest time a previous run has seen.
  void AtLeast(Micros floor);

 private:
  std::function<Micros()> wall_;
  std::atomic<Micros> last_{0};
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
