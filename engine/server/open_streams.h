// The streams that are open, so that a server that stops can end them: they have no end of their
// own to wait for.
#pragma once

#include <functional>
#include <map>
#include <mutex>

namespace cordon {

// Thread-safe.
class OpenStreams {
 public:
  // Remembers a stream and what ends it soon. False once EndAll() was called: the stream must end
  // by itself.
  bool Add(const void* stream, std::function<void()> end) {
    std::lock_guard lock(mutex_);
    if (!ending_) streams_.emplace(stream, std::move(end));
    return !ending_;
  }

  // Forgets a stream; on return its end is not called any more.
  void Remove(const void* stream) {
    std::lock_guard lock(mutex_);
    streams_.erase(stream);
  }

  // Ends all streams that are open, and those to come.
  void EndAll() {
    std::lock_guard lock(mutex_);
    ending_ = true;
    for (const auto& [stream, end] : streams_) end();
  }

 private:
  std::mutex mutex_;
  bool ending_ = false;
  std::map<const void*, std::function<void()>> streams_;
};

}  // namespace cordon
