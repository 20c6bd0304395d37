#include "engine/index/geometry_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/base/checksum.h"
#include "engine/base/limits.h"

namespace cordon {
namespace {

static_assert(std::endian::native == std::endian::little);  // as the file is

constexpr char kMagic[8] = {'C', 'D', 'N', 'G', 'E', 'O', '0', '5'};

struct Header {
  char magic[8];
  uint32_t metric;
  uint32_t dimension;
  uint64_t revision;
  uint64_t rows;
  uint64_t seed;
  uint64_t changed;
  uint32_t lists;
  float deviation;
  Calibration calibration;
};
static_assert(std::is_trivially_copyable_v<Header>);

Status Damaged() {
  return Status(StatusCode::kDataLoss, "index", "a file of the index is damaged; it is made anew");
}

void Append(std::string& bytes, const float* floats, size_t n) {
  bytes.append(reinterpret_cast<const char*>(floats), n * sizeof(float));
}

// Of what keys and scores are made: no product of such numbers, by which lists are ordered, is
// without bounds.
constexpr float kMost = 1e16f;                // can be squared and summed
constexpr float kSpreadMost = kMost * kMost;  // of rows that far apart
constexpr float kDeviationMost = 1e4f;        // by its definition about 1 at most

// Numbers up to `most` that, where asked, are not negative.
bool Sound(const float* floats, size_t n, bool positive, float most = kMost) {
  for (size_t i = 0; i < n; ++i) {
    if (!(std::abs(floats[i]) <= most) || (positive && floats[i] < 0)) return false;
  }
  return true;
}

bool Sound(const Calibration::Table& table) {
  return std::all_of(table.begin(), table.end(), [](const auto& of_fraction) {
    return Sound(of_fraction.data(), of_fraction.size(), true);
  });
}

bool Sound(const Header& header) {
  return header.metric <= static_cast<uint32_t>(Metric::kL2) && header.dimension >= 16 &&
         header.dimension <= limits::kDimensionMax && header.lists >= 1 &&
         header.lists <= kListsMax && header.rows >= 1 &&
         Sound(&header.deviation, 1, true, kDeviationMost) && Sound(header.calibration.least) &&
         Sound(header.calibration.work) && Sound(header.calibration.left);
}

}  // namespace

std::string EncodeGeometry(const Geometry& geometry, uint64_t changed) {
  Header header;
  std::memset(static_cast<void*>(&header), 0, sizeof(header));
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.metric = static_cast<uint32_t>(geometry.metric());
  header.dimension = static_cast<uint32_t>(geometry.rotation().dimension());
  header.revision = geometry.revision();
  header.rows = geometry.rows();
  header.seed = geometry.rotation().seed();
  header.changed = changed;
  header.lists = static_cast<uint32_t>(geometry.lists());
  header.deviation = geometry.deviation();
  header.calibration = geometry.calibration();
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  for (size_t l = 0; l < geometry.lists(); ++l) {
    const float spread = geometry.spread(l);
    Append(bytes, &spread, 1);
  }
  for (size_t l = 0; l < geometry.lists(); ++l)
    Append(bytes, geometry.centroid(l), geometry.size());
  const uint32_t sum = Crc32(0, bytes);
  bytes.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
  return bytes;
}

StatusOr<StoredGeometry> DecodeGeometry(std::string_view bytes) {
  Header header;
  uint32_t sum = 0;
  if (bytes.size() < sizeof(header) + sizeof(sum)) return Damaged();
  std::memcpy(static_cast<void*>(&header), bytes.data(), sizeof(header));
  std::memcpy(&sum, bytes.data() + bytes.size() - sizeof(sum), sizeof(sum));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 || !Sound(header)) return Damaged();
  const size_t size = RotatedSize(header.dimension);
  const size_t floats = size_t{header.lists} * (1 + size);
  if (bytes.size() != sizeof(header) + floats * sizeof(float) + sizeof(sum)) return Damaged();
  if (Crc32(0, bytes.substr(0, bytes.size() - sizeof(sum))) != sum) return Damaged();
  const char* next = bytes.data() + sizeof(header);
  std::vector<float> spreads(header.lists);
  std::memcpy(spreads.data(), next, spreads.size() * sizeof(float));
  next += spreads.size() * sizeof(float);
  FloatRows centroids(header.lists, size);
  for (size_t l = 0; l < header.lists; ++l, next += size * sizeof(float)) {
    std::memcpy(centroids.row(l), next, size * sizeof(float));
    if (!Sound(centroids.row(l), size, false)) return Damaged();
  }
  if (!Sound(spreads.data(), spreads.size(), true, kSpreadMost)) return Damaged();
  auto geometry = std::make_shared<Geometry>(
      static_cast<Metric>(header.metric), Rotation(header.dimension, header.seed), header.revision,
      header.rows, std::move(centroids), header.lists, std::move(spreads), header.deviation);
  geometry->set_calibration(header.calibration);
  return StoredGeometry{std::move(geometry), header.changed};
}

}  // namespace cordon
