// A long file in sealed blocks (AES-256-GCM), each of which opens in its own place only: nothing is
// used of a file that was changed, cut off, or put in another's place.
//
//   magic (8) | block …     block: nonce (12) ‖ ciphertext (kSealedBlock; of the last one less) ‖
//   tag (16)
//
// Bound to each block are the file's place, the block's number, and whether it is the last one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/base/byte_stream.h"
#include "engine/crypto/aead.h"

namespace cordon {

inline constexpr size_t kSealedBlock = 256 << 10;  // of text: what fits beside others in a cache

// Writes PATH.tmp and gives it its name at the end. For one thread. `key` has sealed nothing else.
class SealedFileWriter final : public ByteSink {
 public:
  static StatusOr<std::unique_ptr<SealedFileWriter>> Create(std::filesystem::path path,
                                                            const SecretKey& key,
                                                            std::string place);
  // Takes PATH.tmp away unless the file was finished.
  ~SealedFileWriter() override;

  // RESOURCE_EXHAUSTED if the disk is full, else UNAVAILABLE.
  Status Write(std::string_view bytes) override;
  // Returns once the file is on the disk, with its name.
  Status Finish();

 private:
  SealedFileWriter(std::filesystem::path path, const SecretKey& key, std::string place,
                   SealNonce nonce, int fd);
  Status Seal(bool last);

  const std::filesystem::path path_;
  const SecretKey key_;
  const std::string place_;
  const SealNonce nonce_;  // of the first block
  int fd_;
  uint32_t blocks_ = 0;
  std::string text_;    // not sealed yet
  std::string sealed_;  // its memory serves all blocks
};

// For one thread.
class SealedFileReader final : public ByteSource {
 public:
  // NOT_FOUND if there is none; DATA_LOSS if it cannot be such a file.
  static StatusOr<std::unique_ptr<SealedFileReader>> Open(const std::filesystem::path& path,
                                                          const SecretKey& key, std::string place);
  ~SealedFileReader() override;

  // DATA_LOSS if a block does not open; nothing of `to` may be used then.
  Status Read(void* to, size_t bytes) override;
  uint64_t left() const override { return left_; }
  // Up to the end of a block.
  size_t AtOnce(size_t bytes) const override;

 private:
  SealedFileReader(const SecretKey& key, std::string place, int fd, uint64_t text_bytes);
  size_t NextBytes() const {
    return static_cast<size_t>(std::min<uint64_t>(to_open_, kSealedBlock));
  }
  Status OpenNext(size_t text, char* to);

  const SecretKey key_;
  const std::string place_;
  const int fd_;
  uint64_t left_;        // of the text
  uint64_t to_open_;     // of the text, in blocks that are not opened yet
  uint32_t blocks_ = 0;  // opened
  std::string sealed_;
  std::string text_;  // of the block that is open
  size_t at_ = 0;     // in text_
};

}  // namespace cordon
