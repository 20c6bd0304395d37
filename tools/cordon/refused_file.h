// The lines that an ingest refused, to be mended and ingested again.
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "tools/cordon/batch_stream.h"
#include "tools/cordon/output.h"

namespace cordon {

// A refusal as one JSON object: line, file if there is one, id, field, message.
std::string RefusalJson(const RefusedDocument& refused);

// Tells of a refusal in the form asked for.
void TellRefused(Output& output, const RefusedDocument& refused);

// Writes refused lines as they came to FILE; why, in the order of FILE's lines, to FILE.why; and
// their vectors, if they have some, to FILE.fvecs. A line that was too long to be read is an empty
// one in FILE, which has no vector. All are new files that only their owner reads, for they hold
// documents; without a refusal none is left. Thread-safe.
class RefusedFile {
 public:
  // INVALID_ARGUMENT for "refused" if one of the files is there already or cannot be written.
  static StatusOr<std::unique_ptr<RefusedFile>> Create(const std::string& path, bool with_vectors);
  ~RefusedFile();

  RefusedFile(const RefusedFile&) = delete;
  RefusedFile& operator=(const RefusedFile&) = delete;

  // Needs what `refused.origin` keeps. Errors are kept for Close().
  void Add(const RefusedDocument& refused);

  // Hands what was added to the system: it outlives this program. Errors as Add.
  void Flush();

  // The end: whether all was written. UNAVAILABLE for "refused" if not.
  Status Close();

 private:
  struct Part {
    std::string path;
    std::FILE* file;  // null once closed
  };

  explicit RefusedFile(std::string path) : path_(std::move(path)) {}

  Status Begin(const std::string& path);

  const std::string path_;
  std::mutex mutex_;
  std::vector<Part> parts_;  // lines, why and perhaps vectors; guarded by mutex_
  bool any_ = false;         // guarded by mutex_
  bool complete_ = true;     // guarded by mutex_
};

}  // namespace cordon
