// Bounded reading of plain and packed files, by gzip (RFC 1952) or Zstandard (RFC 8878): whole
// small ones, and lines of huge ones.
//
// A file is packed if it begins with the magic number of either; one named *.gz or *.zst that does
// not is refused. Several gzip members or zstd frames in a row are one text. What is cut off,
// damaged or followed by anything else is refused, never taken for the whole. All errors name the
// field `file`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/status.h"

namespace cordon {

// A longer line is refused: it could not become one message (limits::kIngestMessageBytes).
inline constexpr size_t kLineBytesMax = 16 << 20;

// Waits until a descriptor can be read without blocking; an error breaks the reading off.
using WaitForInput = std::function<Status(int descriptor)>;

// Bytes of a file, of the text inside a packed one, or of standard input. Not thread-safe.
class FileSource {
 public:
  // Opens `path`; "-" is standard input.
  static StatusOr<std::unique_ptr<FileSource>> Open(const std::string& path);

  virtual ~FileSource() = default;

  // Fills at most `size` > 0 bytes of `out` and says how many; 0 only at the good end. After an
  // error, do not read on.
  virtual StatusOr<size_t> Read(char* out, size_t size) = 0;

  // From now on calls `wait` before it reads: input may be long in coming.
  virtual void WaitWith(WaitForInput wait) = 0;

  // How many bytes there are in all, if that can be known beforehand: of a plain regular file.
  virtual std::optional<uint64_t> Size() const { return std::nullopt; }

 protected:
  FileSource() = default;
};

// The whole text of a regular file, unpacked if it is packed. Never holds more than `bytes_max`
// (plus a buffer): a longer text is refused as soon as it gets there.
StatusOr<std::string> ReadFileUnpacked(const std::string& path, size_t bytes_max);

// All bytes of a regular file as they are, packed or not; `bytes_max` as above.
StatusOr<std::string> ReadFileAsIs(const std::string& path, size_t bytes_max);

// One line of a LineReader.
struct Line {
  // From 1.
  uint64_t number = 0;
  // Without its line feed, and on line 1 without a byte order mark; empty if refused.
  std::string text;
  // Not OK if this line is refused (too long); the lines after it can still be read.
  Status status;

  // Of nothing but blanks.
  bool IsEmpty() const {
    return status.ok() && text.find_first_not_of(" \t\r") == std::string::npos;
  }
};

// The lines of a source of any length. Not thread-safe.
class LineReader {
 public:
  // Opens `path` as FileSource does. Lines beyond `line_bytes_max` are refused one by one.
  static StatusOr<LineReader> Open(const std::string& path, size_t line_bytes_max = kLineBytesMax);

  // Puts the next line into `line`, whose memory is reused; false at the end. An error is one of
  // the source (unreadable, damaged, cut off) and final; lines before it were whole.
  StatusOr<bool> Next(Line& line);

  // As of FileSource.
  void WaitWith(WaitForInput wait) { source_->WaitWith(std::move(wait)); }

  // How much of the whole the lines so far are, 0 to 1; 0 if its size is not known beforehand.
  double Fraction() const;

 private:
  LineReader(std::unique_ptr<FileSource> source, size_t line_bytes_max);

  // Makes unread bytes available; false at the end.
  StatusOr<bool> Fill();
  // Adds to `line`, or refuses it when it gets too long.
  void Append(Line& line, std::string_view bytes) const;

  std::unique_ptr<FileSource> source_;
  uint64_t bytes_total_;     // 0: not known
  uint64_t bytes_read_ = 0;  // from the source
  size_t line_bytes_max_;
  uint64_t number_ = 0;
  std::string buffer_;
  size_t begin_ = 0;  // of what is unread in buffer_
  size_t end_ = 0;
};

}  // namespace cordon
