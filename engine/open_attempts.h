// Counts the starts that ended without an end: RocksDB may abort on damaged data instead of
// reporting it, and a supervisor would then start the server again and again.
//
// DIR/opening has one byte for each attempt to open the store that neither succeeded nor was
// refused.
#pragma once

#include <string>

#include "engine/base/status.h"

namespace cordon {

class OpenAttempts {
 public:
  // Refused from here on.
  static constexpr size_t kMax = 3;

  explicit OpenAttempts(const std::string& data_dir) : file_(data_dir + "/opening") {}

  // Notes that an attempt begins. FAILED_PRECONDITION, with the remedy, if the last kMax never came
  // to an end. A disk that does not take the note is no reason to stay down.
  Status Begin();

  // The attempt came to an end, whether good or bad.
  void End();

 private:
  const std::string file_;
};

}  // namespace cordon
