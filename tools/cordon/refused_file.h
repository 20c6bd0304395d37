// The lines that an ingest refused, to be mended and ingested again.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "tools/cordon/batch_stream.h"

namespace cordon {

// A refusal as one JSON object: line, file if there is one, id, field, message.
std::string RefusalJson(const RefusedDocument& refused);

// Writes refused lines as they came to FILE, and why, in the order of FILE's lines, to FILE.why. A
// line that was too long to be read is an empty one in FILE. Both are new files that only their
// owner reads, for they hold documents; without a refusal neither is left. Thread-safe.
class RefusedFile {
 public:
  // INVALID_ARGUMENT for "refused" if one of the two is there already or cannot be written.
  static StatusOr<std::unique_ptr<RefusedFile>> Create(const std::string& path);
  ~RefusedFile();

  RefusedFile(const RefusedFile&) = delete;
  RefusedFile& operator=(const RefusedFile&) = delete;

  // Needs the line's text in `refused.origin`. Errors are kept for Close().
  void Add(const RefusedDocument& refused);

  // The end: whether all is on the disk's side of this process.
  Status Close();

 private:
  RefusedFile(std::string path, std::FILE* lines, std::FILE* why);

  const std::string path_;
  std::mutex mutex_;
  std::FILE* lines_;      // guarded by mutex_; null once closed
  std::FILE* why_;        // as lines_
  uint64_t count_ = 0;    // guarded by mutex_
  bool complete_ = true;  // guarded by mutex_
};

}  // namespace cordon
