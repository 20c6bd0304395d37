// Bytes in memory where a file would be.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "engine/base/byte_stream.h"

namespace cordon {

class MemorySink final : public ByteSink {
 public:
  Status Write(std::string_view bytes) override {
    bytes_ += bytes;
    return OkStatus();
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  Status Read(void* to, size_t bytes) override {
    if (bytes > bytes_.size()) return Status(StatusCode::kDataLoss, "index", "cut off");
    if (bytes > 0) std::memcpy(to, bytes_.data(), bytes);
    bytes_.remove_prefix(bytes);
    return OkStatus();
  }
  uint64_t left() const override { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

}  // namespace cordon
