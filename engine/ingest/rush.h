// Whether much is being written.
//
// While a bulk load goes on, what only saves later work is made in vain: the next documents make it
// anew. So lists are trained, files of indexes written and files of the store tidied up once it
// rests, or after a while.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace cordon {

// For one thread at a time.
class Rush {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr size_t kBytes = 8 << 20;         // between two looks: some thousand documents
  static constexpr std::chrono::seconds kPause{5};  // a client that reads on is no rest
  static constexpr std::chrono::minutes kLong{10};  // for who may wait for the end of it

  // So many bytes of mutations were applied.
  void Add(size_t bytes, Clock::time_point now) {
    bytes_ += bytes;
    if (bytes_ < kBytes) return;
    last_ = now;
    if (!since_) since_ = now;
  }

  // To be called each second or so.
  void Look(Clock::time_point now) {
    bytes_ = 0;
    if (since_ && now - last_ >= kPause) since_.reset();
  }

  bool on() const { return since_.has_value(); }
  // Whether it has been on for so long.
  bool HasLasted(Clock::duration time, Clock::time_point now) const {
    return since_ && now - *since_ >= time;
  }

 private:
  size_t bytes_ = 0;  // since the last look
  std::optional<Clock::time_point> since_;
  Clock::time_point last_;  // of many bytes
};

}  // namespace cordon
