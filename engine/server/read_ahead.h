// How many batches of a stream may wait for their acknowledgement.
//
// Each stream may have kInFlight of them, and more as long as those of all streams together have
// less than kAheadBytes: the more are queued, the more of them one sync of the disk covers. What
// the server holds stays bounded.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>

#include "engine/base/check.h"

namespace cordon {

// Of one stream, for one thread at a time. The count that streams share outlives it.
class ReadAhead {
 public:
  static constexpr size_t kInFlight = 4;          // batches, whatever their size
  static constexpr size_t kInFlightMax = 16;      // what is queued behind more gains nothing
  static constexpr size_t kAheadBytes = 8 << 20;  // four common batches
  // What each counts at least: many streams of tiny ones must not fill the writer's queue, which
  // has an end in number, too.
  static constexpr size_t kBatchBytesMin = 16 << 10;

  // `ahead_bytes`: of all that streams hold beyond kInFlight.
  explicit ReadAhead(std::atomic<size_t>* ahead_bytes) : ahead_bytes_(ahead_bytes) {}
  ~ReadAhead() {
    for (const size_t bytes : ahead_) *ahead_bytes_ -= bytes;
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  bool MayRead() const {
    return in_flight_ < kInFlight || (in_flight_ < kInFlightMax && *ahead_bytes_ < kAheadBytes);
  }

  // A batch of so many bytes came.
  void Read(size_t bytes) {
    if (++in_flight_ <= kInFlight) return;
    ahead_.push_back(std::max(bytes, kBatchBytesMin));
    *ahead_bytes_ += ahead_.back();
  }

  // One of those that wait was acknowledged.
  void Answered() {
    CORDON_CHECK(in_flight_ > 0);
    --in_flight_;
    if (ahead_.empty()) return;
    *ahead_bytes_ -= ahead_.front();
    ahead_.pop_front();
  }

 private:
  std::atomic<size_t>* const ahead_bytes_;
  size_t in_flight_ = 0;
  std::deque<size_t> ahead_;  // bytes of each beyond kInFlight
};

}  // namespace cordon
