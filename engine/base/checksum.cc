#include "engine/base/checksum.h"

#include <zlib.h>

namespace cordon {
uint32_t Crc32(uint32_t crc, std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}
}  // namespace cordon
