// The rows of a file of vectors: NumPy's .npy (NEP 1), or .fvecs, in which each row is its
// dimension, as int32, and as many fp32, all little-endian.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "tools/cordon/gzip.h"

namespace cordon {

// Reads one row after the other, of a file of any length, plain or packed. A .npy file is known by
// its first bytes and holds f2, f4 or f8 of shape (rows, dimension) in C order; another must be
// named .fvecs. Rows may hold what is not finite. All errors name the field `vectors` and are
// final. Not thread-safe.
class VectorFile {
 public:
  static StatusOr<VectorFile> Open(const std::string& path);

  // How many rows there are, if that can be known beforehand. A plain file is then as long as they
  // need.
  std::optional<uint64_t> rows() const { return rows_; }

  // Puts the next row, as fp32, into `row`, whose memory is reused; false at the end.
  StatusOr<bool> Next(std::vector<float>* row);

  // As of FileSource.
  void WaitWith(WaitForInput wait) { source_->WaitWith(std::move(wait)); }

 private:
  VectorFile(std::string path, std::unique_ptr<FileSource> source)
      : path_(std::move(path)), source_(std::move(source)) {}

  Status Begin();
  Status BeginNpy();
  Status BeginFvecs();
  StatusOr<bool> NextOfNpy(std::vector<float>* row);
  StatusOr<bool> NextOfFvecs(std::vector<float>* row);
  Status CheckDimension(uint64_t dimension) const;
  Status Bad(std::string_view what) const;
  // The next `size` bytes, or as many as there are; valid until the next call. Look() gives them
  // again.
  StatusOr<std::string_view> Look(size_t size);
  StatusOr<std::string_view> Take(size_t size);

  std::string path_;
  std::unique_ptr<FileSource> source_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is unread in buffer_
  std::optional<uint64_t> rows_;
  uint64_t read_ = 0;     // rows
  size_t dimension_ = 0;  // 0: a .fvecs file without rows
  size_t width_ = 0;      // bytes of a number of a .npy file; 0: it is another
};

}  // namespace cordon
