// The keys of one issuer, kept fresh by a thread of its own, off the path of requests.
//
// Invariants:
//   1. A key is given out only if the set that holds it was read, or confirmed, at most `stale`
//      ago. A set that was read replaces the one before as a whole, empty or not.
//   2. The source is read at most once in a `pause`, whatever tokens name.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/identity/key_source.h"
#include "engine/identity/public_key.h"

namespace cordon {

// How many requests may wait for keys at once: each holds a thread. Shared by all issuers.
class WaitingRoom {
 public:
  explicit WaitingRoom(int places) : free_(places) {}

  bool Enter() {
    if (free_.fetch_sub(1) > 0) return true;
    Leave();
    return false;
  }
  void Leave() { free_.fetch_add(1); }

 private:
  std::atomic<int> free_;
};

// Thread-safe.
class KeySet {
 public:
  using Milliseconds = std::chrono::milliseconds;
  struct Times {
    Milliseconds refresh;  // between two reads
    Milliseconds pause;    // the least time between two reads
    Milliseconds wait;     // bound on a request's wait
    Milliseconds stale;    // how long the last good set counts
  };
  static Times TimesOf(const Issuer& issuer);

  // Reads the source at once, and then again and again. `name` is for the log; `room` outlives it.
  KeySet(std::string name, std::unique_ptr<KeySource> source, Times times, WaitingRoom* room);
  ~KeySet();

  // Waits for the first read, at most `timeout`: what came of it.
  Status FirstRead(Milliseconds timeout);

  // The key of that name for that algorithm. An unknown one is looked for in a fresh read, if one
  // is due and there is room to wait for it; nothing if it is not there either.
  std::optional<PublicKey> Find(std::string_view kid, TokenAlgorithm algorithm);

 private:
  using Steady = std::chrono::steady_clock;

  void Run();
  Status ReadOnce();
  // What one read came to. Requires mutex_.
  void Finished(const Status& status);
  std::optional<PublicKey> Lookup(std::string_view kid, TokenAlgorithm algorithm) const;
  Steady::time_point NextRead() const;

  const std::string name_;
  const std::unique_ptr<KeySource> source_;
  const Times times_;
  WaitingRoom* const room_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;   // the thread: somebody asks, or stop
  std::condition_variable ended_;  // requests: a read has ended
  // All guarded by mutex_:
  std::vector<PublicKey> keys_;
  std::optional<Steady::time_point> good_;  // when the last good read began
  std::optional<Steady::time_point> read_;  // when the last read ended
  Steady::time_point warned_;
  Status last_;
  uint64_t reads_ = 0;
  bool reading_ = false;
  bool wanted_ = false;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace cordon
