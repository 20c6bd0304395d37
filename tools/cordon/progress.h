// How far a long run is: rate, remaining time, refused lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/cordon/output.h"

namespace cordon {

// What has been done so far.
struct ProgressCounts {
  uint64_t documents = 0;
  uint64_t refused = 0;
  double fraction = 0;  // of the whole; 0 if the whole is not known
};

// "12,345 documents, 1,234/s, 2 refused, 41 %, 0:35 left".
std::string ProgressText(const ProgressCounts& counts, std::chrono::duration<double> elapsed);

// Shows it from time to time: five times a second on a terminal, every ten seconds elsewhere.
// Not thread-safe.
class Progress {
 public:
  // `output` stays the caller's.
  explicit Progress(Output& output);
  ~Progress() { output_.ClearProgress(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Shows `counts` if it is time to.
  void Update(const ProgressCounts& counts);

  std::chrono::duration<double> elapsed() const {
    return std::chrono::steady_clock::now() - begin_;
  }

 private:
  Output& output_;
  const std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace cordon
