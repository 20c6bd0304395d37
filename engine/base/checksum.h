// CRC-32 (IEEE 802.3, zlib's) against accidental damage; deliberate change is crypto/'s business.
#pragma once

#include <cstdint>
#include <string_view>

namespace cordon {
// Continues `crc` over `bytes`; begin with 0.
uint32_t Crc32(uint32_t crc, std::string_view bytes);
}  // namespace cordon
