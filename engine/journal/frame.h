// The bytes of a journal file: a header, then one frame a record (docs/storage-format-journal.md).
// Integers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/crypto/digest.h"
#include "engine/journal/anchor.h"

namespace cordon::journal {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr size_t kMacBytes = sizeof(Digest);
inline constexpr size_t kFrameHeadBytes = 8;                           // length and CRC
inline constexpr size_t kFrameOverhead = kFrameHeadBytes + kMacBytes;  // beside the payload

// Headers and records have keys of their own, so that neither can pass for the other.
struct ChainKeys {
  explicit ChainKeys(const SecretKey& master)
      : header(DeriveKey(master, "cordon journal header 1")),
        record(DeriveKey(master, "cordon journal record 1")) {}

  SecretKey header;
  SecretKey record;
};

// What a file says about itself.
struct FileHeader {
  uint32_t version = kFormatVersion;
  uint32_t number = 1;     // of the file, from 1
  JournalAnchor before{};  // the last record of the file before
  std::string tenant{};
};

// Appends the header to `out` and returns its MAC, where the chain of the file's records begins.
Digest AppendHeader(const FileHeader& header, const SecretKey& key, std::string* out);

enum class HeaderState {
  kIntact,
  kDamaged,  // not a header, or one that was damaged
  kVersion,  // of a version that this build does not know; only `version` is read
  kForeign,  // whole, and its MAC is not by this key
};

struct ParsedHeader {
  HeaderState state = HeaderState::kDamaged;
  FileHeader header;
  Digest mac{};
  size_t bytes = 0;  // where the first frame begins
};

// The most bytes that a header has.
size_t HeaderBytesMax();

// Reads the header at the beginning of `bytes`, which hold HeaderBytesMax() or the whole file.
ParsedHeader ParseHeader(std::string_view bytes, const SecretKey& key);

// HMAC(key, previous || payload): the chain's next link.
Digest ChainMac(const SecretKey& key, const Digest& previous, std::string_view payload);

// Appends the frame of `payload` to `out`. The payload has 1 to limits::kJournalRecordBytes.
void AppendFrame(std::string_view payload, const Digest& mac, std::string* out);

// The bytes of the frame that begins with `head` (kFrameHeadBytes or more of it), or 0 if the
// length it gives is none that a frame may have.
size_t FrameBytes(std::string_view head);

struct Frame {
  std::string_view payload;  // borrowed from what was parsed
  Digest mac{};
};

// Reads one whole frame, `bytes` being exactly FrameBytes(bytes). False if its CRC does not fit.
// The MAC is the reader's business.
bool ParseFrame(std::string_view bytes, Frame* frame);

}  // namespace cordon::journal
