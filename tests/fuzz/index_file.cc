// Any bytes as a file of the index, as they are and with a checksum that fits: they are refused, or
// are a geometry that lists can be made of.
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/checksum.h"
#include "engine/index/geometry_file.h"

namespace cordon {
namespace {

void Decode(const std::string& bytes) {
  const auto decoded = DecodeGeometry(bytes);
  if (!decoded.ok()) {
    CORDON_CHECK(decoded.status().code() == StatusCode::kDataLoss);
    return;
  }
  const Geometry& geometry = *decoded->geometry;
  FloatRows row(1, geometry.rotation().dimension()), rotated(1, geometry.size());
  row.row(0)[0] = 1;
  geometry.Rotate(row.row(0), 1, rotated.row(0));
  const ListPair lists = geometry.Assign(rotated.row(0));
  CORDON_CHECK(lists.first < geometry.lists() && lists.second < geometry.lists());
  CORDON_CHECK(EncodeGeometry(geometry, decoded->changed).size() == bytes.size());
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  cordon::Decode(bytes);
  const uint32_t sum = cordon::Crc32(0, bytes);
  cordon::Decode(bytes + std::string(reinterpret_cast<const char*>(&sum), sizeof(sum)));
  return 0;
}
