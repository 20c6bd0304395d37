#include "engine/store/torn_manifest.h"

#include <rocksdb/env.h>
#include <spdlog/spdlog.h>

#include <cstdint>
#include <cstring>
#include <optional>

namespace cordon {
namespace {

// db/log_format.h of RocksDB.
constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;  // crc32c (masked) of type and content, length, type
constexpr uint8_t kFull = 1;
constexpr uint8_t kFirst = 2;
constexpr uint8_t kMiddle = 3;
constexpr uint8_t kLast = 4;

// Beyond this much damage it was no torn write: RocksDB writes some hundred bytes at a time.
constexpr size_t kTornBytesMax = 1 << 20;

// CRC-32C (RFC 3720, appendix B.4), bit by bit: a MANIFEST is small, and seldom torn.
uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) * 0x82f63b78u);
  }
  return ~crc;
}

uint32_t Masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

struct Fragment {
  uint8_t type;
  size_t bytes;  // with its header
};

// The whole fragment at the front of `bytes`, if there is one.
std::optional<Fragment> ReadFragment(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  uint32_t crc = 0;
  uint16_t length = 0;
  std::memcpy(&crc, bytes.data(), sizeof(crc));
  std::memcpy(&length, bytes.data() + sizeof(crc), sizeof(length));
  const auto type = static_cast<uint8_t>(bytes[kHeaderBytes - 1]);
  if (type < kFull || type > kLast || bytes.size() < kHeaderBytes + length) return std::nullopt;
  if (Masked(Crc32c(bytes.substr(kHeaderBytes - 1, 1u + length))) != crc) return std::nullopt;
  return Fragment{type, kHeaderBytes + length};
}

// Whether a whole fragment begins anywhere in `bytes`.
bool HoldsAFragment(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size(); ++at) {
    const auto fragment = ReadFragment(bytes.substr(at));
    if (fragment && fragment->bytes > kHeaderBytes) return true;
  }
  return false;
}

Status Failed(const rocksdb::Status& status) {
  spdlog::error("store: manifest: {}", status.ToString());
  return Status(StatusCode::kUnavailable, "data_dir", "the store failed; see the server's log");
}

}  // namespace

size_t BytesBeforeTornRecord(std::string_view manifest) {
  size_t at = 0;
  size_t whole = 0;  // up to the end of the last whole record
  while (at < manifest.size()) {
    const size_t in_block = kBlockBytes - at % kBlockBytes;
    if (in_block < kHeaderBytes) {
      at += in_block;
      continue;
    }
    const auto fragment = ReadFragment(manifest.substr(at, in_block));
    if (!fragment) break;
    at += fragment->bytes;
    if (fragment->type == kFull || fragment->type == kLast) whole = at;
  }
  // Without a whole record it is no file that RocksDB has ever finished.
  if (whole == 0 || at >= manifest.size() || manifest.size() - at > kTornBytesMax) {
    return manifest.size();
  }
  return HoldsAFragment(manifest.substr(at + 1)) ? manifest.size() : whole;
}

StatusOr<bool> CutTornManifest(rocksdb::Env* env, const std::string& path) {
  std::string name;
  if (const auto read = rocksdb::ReadFileToString(env, path + "/CURRENT", &name); !read.ok()) {
    return Failed(read);
  }
  name.erase(name.find_last_not_of('\n') + 1);
  if (!name.starts_with("MANIFEST-") || name.find('/') != name.npos) return false;
  const std::string manifest = path + "/" + name;
  std::string bytes;
  if (const auto read = rocksdb::ReadFileToString(env, manifest, &bytes); !read.ok()) {
    return Failed(read);
  }
  const size_t whole = BytesBeforeTornRecord(bytes);
  if (whole == bytes.size()) return false;
  const std::string cut = path + "/cut-" + name;
  auto written = rocksdb::WriteStringToFile(env, bytes, path + "/torn-" + name, /*sync=*/true);
  if (written.ok()) {
    written = rocksdb::WriteStringToFile(env, bytes.substr(0, whole), cut, /*sync=*/true);
  }
  if (written.ok()) written = env->RenameFile(cut, manifest);
  std::unique_ptr<rocksdb::Directory> directory;
  if (written.ok()) written = env->NewDirectory(path, &directory);
  if (written.ok()) written = directory->Fsync();
  if (!written.ok()) return Failed(written);
  return true;
}

}  // namespace cordon
