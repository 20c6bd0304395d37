// What the command line says: answers on stdout, everything else on stderr, each line flushed as it
// is written.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "tools/cordon/json_writer.h"

namespace cordon {

// `status` as the member `"error"` of an answer: {"code","message","field"}.
void WriteError(JsonWriter& json, const Status& status);

// `text` with control characters other than line breaks and tabs made visible: stored text must not
// steer a terminal.
std::string Printable(std::string_view text);

// The two streams of one run. Thread-safe.
class Output {
 public:
  // The streams stay the caller's.
  Output(bool json, std::FILE* out, std::FILE* err);

  // Whether answers are JSON.
  bool json() const { return json_; }
  // Whether progress may be drawn over itself.
  bool interactive() const { return interactive_; }

  // One answer, or one line of it, on stdout.
  void Line(std::string_view text);
  void Line(const JsonWriter& json) { Line(json.text()); }

  // One line on stderr.
  void Note(std::string_view text);

  // Shows `text` as the state of a long run: over the last one on a terminal, else as a line.
  void Progress(std::string_view text);

  // Takes the state away again from a terminal.
  void ClearProgress();

  // Tells of an error in the form asked for and returns 1.
  int Fail(const Status& status);

  // `exit_code`, or 1 if an answer could not be written.
  int Finish(int exit_code);

 private:
  void EraseProgress();  // with mutex_ held

  const bool json_;
  std::FILE* const out_;
  std::FILE* const err_;
  const bool interactive_;
  std::mutex mutex_;
  bool progress_shown_ = false;  // guarded by mutex_
  bool failed_ = false;          // guarded by mutex_
};

}  // namespace cordon
