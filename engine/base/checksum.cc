#include "engine/base/checksum.h"

#include <libdeflate.h>

namespace cordon {
uint32_t Crc32(uint32_t crc, std::string_view bytes) {
  // zlib's, by carry-less multiplication: every record that is read or written passes here.
  return libdeflate_crc32(crc, bytes.data(), bytes.size());
}
}  // namespace cordon
