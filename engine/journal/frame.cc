#include "engine/journal/frame.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/checksum.h"
#include "engine/base/limits.h"

namespace cordon::journal {
namespace {

constexpr std::string_view kMagic = "CRDNJRNL";
// Magic, version, file number, last sequence, last MAC, length of the tenant's name.
constexpr size_t kFixedBytes = 8 + 4 + 4 + 8 + kMacBytes + 4;

void AppendInt(uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) *out += static_cast<char>(value >> (8 * i) & 255);
}

// Takes `bytes` bytes off `in`, which has them.
uint64_t TakeInt(int bytes, std::string_view* in) {
  CORDON_CHECK(in->size() >= static_cast<size_t>(bytes));
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>((*in)[static_cast<size_t>(i)])) << (8 * i);
  }
  in->remove_prefix(static_cast<size_t>(bytes));
  return value;
}

Digest TakeDigest(std::string_view* in) {
  CORDON_CHECK(in->size() >= kMacBytes);
  Digest digest;
  std::copy_n(in->begin(), kMacBytes, digest.begin());
  in->remove_prefix(kMacBytes);
  return digest;
}

// Over everything but the CRC itself: a frame that fits it and fails its MAC was not torn but
// altered.
uint32_t FrameCrc(std::string_view length, std::string_view payload, std::string_view mac) {
  return Crc32(Crc32(Crc32(0, length), payload), mac);
}

}  // namespace

Digest AppendHeader(const FileHeader& header, const SecretKey& key, std::string* out) {
  CORDON_CHECK(!header.tenant.empty() && header.tenant.size() <= limits::kNameBytes);
  std::string bytes(kMagic);
  AppendInt(header.version, 4, &bytes);
  AppendInt(header.number, 4, &bytes);
  AppendInt(header.before.sequence, 8, &bytes);
  bytes += AsBytes(header.before.mac);
  AppendInt(header.tenant.size(), 4, &bytes);
  bytes += header.tenant;
  const Digest mac = HmacSha256(key, bytes);
  bytes += AsBytes(mac);
  AppendInt(Crc32(0, bytes), 4, &bytes);
  *out += bytes;
  return mac;
}

size_t HeaderBytesMax() { return kFixedBytes + limits::kNameBytes + kMacBytes + 4; }

ParsedHeader ParseHeader(std::string_view bytes, const SecretKey& key) {
  ParsedHeader parsed;
  std::string_view rest = bytes;
  if (rest.size() < kFixedBytes || !rest.starts_with(kMagic)) return parsed;
  rest.remove_prefix(kMagic.size());
  parsed.header.version = static_cast<uint32_t>(TakeInt(4, &rest));
  if (parsed.header.version != kFormatVersion) {
    parsed.state = HeaderState::kVersion;
    return parsed;
  }
  parsed.header.number = static_cast<uint32_t>(TakeInt(4, &rest));
  parsed.header.before.sequence = TakeInt(8, &rest);
  parsed.header.before.mac = TakeDigest(&rest);
  const size_t tenant = TakeInt(4, &rest);
  if (tenant == 0 || tenant > limits::kNameBytes || rest.size() < tenant + kMacBytes + 4) {
    return parsed;
  }
  parsed.header.tenant = rest.substr(0, tenant);
  rest.remove_prefix(tenant);
  const std::string_view authenticated = bytes.substr(0, kFixedBytes + tenant);
  parsed.mac = TakeDigest(&rest);
  const uint32_t crc = Crc32(0, bytes.substr(0, authenticated.size() + kMacBytes));
  if (TakeInt(4, &rest) != crc) return parsed;
  parsed.bytes = bytes.size() - rest.size();
  parsed.state = EqualConstantTime(HmacSha256(key, authenticated), parsed.mac)
                     ? HeaderState::kIntact
                     : HeaderState::kForeign;
  return parsed;
}

Digest ChainMac(const SecretKey& key, const Digest& previous, std::string_view payload) {
  std::string bytes;
  bytes.reserve(previous.size() + payload.size());
  bytes += AsBytes(previous);
  bytes += payload;
  return HmacSha256(key, bytes);
}

void AppendFrame(std::string_view payload, const Digest& mac, std::string* out) {
  CORDON_CHECK(!payload.empty() && payload.size() <= limits::kJournalRecordBytes);
  std::string length;
  AppendInt(payload.size(), 4, &length);
  *out += length;
  AppendInt(FrameCrc(length, payload, AsBytes(mac)), 4, out);
  *out += payload;
  *out += AsBytes(mac);
}

size_t FrameBytes(std::string_view head) {
  CORDON_CHECK(head.size() >= kFrameHeadBytes);
  const size_t length = TakeInt(4, &head);
  if (length == 0 || length > limits::kJournalRecordBytes) return 0;
  return length + kFrameOverhead;
}

bool ParseFrame(std::string_view bytes, Frame* frame) {
  CORDON_CHECK(bytes.size() > kFrameOverhead && bytes.size() == FrameBytes(bytes));
  const std::string_view length = bytes.substr(0, 4);
  frame->payload = bytes.substr(kFrameHeadBytes, bytes.size() - kFrameOverhead);
  std::string_view mac = bytes.substr(bytes.size() - kMacBytes);
  std::string_view crc = bytes.substr(4, 4);
  if (TakeInt(4, &crc) != FrameCrc(length, frame->payload, mac)) return false;
  frame->mac = TakeDigest(&mac);
  return true;
}

}  // namespace cordon::journal
