#include "engine/base/clock.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <chrono>

#include "engine/base/limits.h"
#include "engine/base/planted.h"

namespace cordon {
namespace {

constexpr Micros kSecond = 1'000'000;
constexpr Micros kDay = 86'400 * kSecond;

// 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z: what protobuf's Timestamp can hold, and what four
// digits of a year can write.
constexpr Micros kFirst = -719'162 * kDay;
constexpr Micros kEnd = 2'932'897 * kDay;

// Reads exactly `digits` decimal digits from the front of `text`; -1 if they are not there.
int TakeNumber(std::string_view& text, size_t digits) {
  if (text.size() < digits) return -1;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool Take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

// The fraction of a second in microseconds; -1 if malformed, finer or absent after the point.
Micros TakeFraction(std::string_view& text) {
  if (!Take(text, '.')) return 0;
  Micros micros = 0;
  Micros unit = kSecond / 10;
  if (text.empty() || text[0] < '0' || text[0] > '9') return -1;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (unit == 0 && text[0] != '0') return -1;
    micros += (text[0] - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return micros;
}

// The offset from UTC; kNever if malformed.
Micros TakeOffset(std::string_view& text) {
  if (Take(text, 'Z') || Take(text, 'z')) return 0;
  const int sign = Take(text, '+') ? 1 : Take(text, '-') ? -1 : 0;
  if (sign == 0) return kNever;
  const int hours = TakeNumber(text, 2);
  const bool colon = Take(text, ':');
  const int minutes = TakeNumber(text, 2);
  if (!colon || hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return kNever;
  return sign * (hours * 60 + minutes) * 60 * kSecond;
}

// Days since 1970 of the date at the front of `text`; nothing if there is no such date.
std::optional<int64_t> TakeDate(std::string_view& text) {
  const int year = TakeNumber(text, 4);
  const bool dash1 = Take(text, '-');
  const int month = TakeNumber(text, 2);
  const bool dash2 = Take(text, '-');
  const int day = TakeNumber(text, 2);
  if (year < 0 || !dash1 || month < 0 || !dash2 || day < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

constexpr Micros kStepMax = limits::kClockStep_s * kSecond;

// Counts while the machine is suspended, which CLOCK_MONOTONIC does not.
Micros BootTime() {
  timespec now{};
  CORDON_CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  return now.tv_sec * kSecond + now.tv_nsec / 1000;
}

Micros SystemTime() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Status Doubt(Micros ahead) {
  if (ahead == 0) return OkStatus();
  return Status(StatusCode::kUnavailable, "clock",
                fmt::format("the machine's clock leapt to {} s ahead of the server's time; set it "
                            "right or, if it is right, restart the server",
                            ahead / kSecond));
}

}  // namespace

Clock::Clock(std::function<Micros()> wall, std::function<Micros()> steady)
    : wall_(std::move(wall)), steady_(std::move(steady)) {
  if (!wall_) {
    wall_ = SystemTime;
    steady_ = BootTime;
  }
  const Micros begun = wall_();
  offset_ = begun - (steady_ ? steady_() : begun);
}

Clock::Reading Clock::Read() {
  // In this order: a thread that is held up in between finds the wall behind, not ahead. Before the
  // lock, which every call takes several times.
  const Micros wall = wall_();
  const Micros steady = steady_ ? steady_() : wall;
  std::lock_guard lock(mutex_);
  if (steady >= steady_read_) Believe(wall, steady);
  return {last_, ahead_};
}

void Clock::Believe(Micros wall, Micros steady) {
  steady_read_ = steady;
  const Micros counted = steady + offset_;
  last_ = std::max(last_, counted);
  Micros ahead = wall - last_;
  if (ahead <= kStepMax || Planted(Bug::kWallBelieved)) ahead = 0;
  // A wall that has leapt back is not followed either: what ends must go on ending.
  if (ahead == 0 && wall >= counted - kStepMax) {
    offset_ = wall - steady;
    last_ = std::max(last_, wall);
  }
  const bool turned = (ahead == 0) != (ahead_ == 0);
  ahead_ = ahead;
  if (turned && told_) told_(Doubt(ahead));
}

Micros Clock::Now() { return Read().time; }

Status Clock::Trusted() { return Doubt(Read().ahead); }

Micros Clock::Behind() {
  const Micros wall = wall_();
  const Micros behind = Now() - wall;
  return behind > kStepMax ? behind : 0;
}

void Clock::AtLeast(Micros floor) {
  const Micros wall = wall_();
  const Micros steady = steady_ ? steady_() : wall;
  std::lock_guard lock(mutex_);
  last_ = std::max(last_, floor);
  // As under a running server: a wall that is so far behind is not waited for.
  const bool behind = wall + kStepMax < floor && !Planted(Bug::kWallAwaited);
  if (behind) offset_ = std::max(offset_, floor - steady);
}

StatusOr<Micros> MicrosOf(int64_t seconds, int32_t nanos) {
  if (seconds < kFirst / kSecond || seconds >= kEnd / kSecond || nanos < 0 ||
      nanos >= 1'000'000'000) {
    return Invalid("", "not a time between the years 1 and 9999");
  }
  if (nanos % 1000 != 0) return Invalid("", "finer than a microsecond; round it");
  return seconds * kSecond + nanos / 1000;
}

std::string FormatTime(Micros time) {
  const int64_t days = (time >= 0 ? time : time - kDay + 1) / kDay;
  const Micros rest = time - days * kDay;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  rest / (3600 * kSecond), rest / (60 * kSecond) % 60, rest / kSecond % 60);
  if (rest % kSecond != 0) {
    text += fmt::format(".{:06}", rest % kSecond);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

StatusOr<Micros> ParseTime(std::string_view text) {
  const Status refused =
      Invalid("", "not an RFC 3339 time of at most microseconds; write 2026-01-01T00:00:00Z");
  const auto days = TakeDate(text);
  if (!days || !(Take(text, 'T') || Take(text, 't'))) return refused;
  const int hour = TakeNumber(text, 2);
  const bool colon1 = Take(text, ':');
  const int minute = TakeNumber(text, 2);
  const bool colon2 = Take(text, ':');
  const int second = TakeNumber(text, 2);
  if (hour < 0 || hour > 23 || !colon1 || minute < 0 || minute > 59 || !colon2) return refused;
  if (second < 0 || second > 59) return refused;
  const Micros fraction = TakeFraction(text);
  const Micros offset = TakeOffset(text);
  if (fraction < 0 || offset == kNever || !text.empty()) return refused;
  const Micros time =
      *days * kDay + ((hour * 60 + minute) * 60 + second) * kSecond + fraction - offset;
  if (time < kFirst || time >= kEnd) return Invalid("", "outside the years 0001 to 9999 in UTC");
  return time;
}

}  // namespace cordon
