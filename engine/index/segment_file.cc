#include "engine/index/segment_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "engine/index/list_part.h"

namespace cordon {
namespace {

static_assert(std::endian::native == std::endian::little);  // as the file is

constexpr char kVectorsMagic[8] = {'C', 'D', 'N', 'V', 'E', 'C', '0', '1'};

struct VectorsHeader {
  char magic[8];
  uint32_t dimension;
  uint32_t rows;
  uint32_t documents;
  uint32_t lists;  // 0: no pairs follow
  uint64_t geometry;
};
static_assert(sizeof(VectorsHeader) == 32 && sizeof(FiledRow) == 12 && sizeof(ListPair) == 8);

Status VectorsDamaged() {
  return Status(StatusCode::kDataLoss, "index", "a file of vectors is damaged; it is made anew");
}

bool AllFinite(const float* floats, size_t n) {
  constexpr uint32_t kExponent = 0x7f800000;
  bool finite = true;
  for (size_t i = 0; i < n; ++i) {
    finite &= (std::bit_cast<uint32_t>(floats[i]) & kExponent) != kExponent;
  }
  return finite;
}

bool ListsFit(const FiledVectors& filed) {
  return std::all_of(filed.pairs.begin(), filed.pairs.end(), [&](const ListPair& pair) {
    return pair.first < filed.lists && pair.second < filed.lists;
  });
}

}  // namespace

std::optional<FiledVectors> NameVectors(const Segment& segment, const StoredNumber& stored) {
  const SegmentRows& rows = segment.rows();
  FiledVectors named;
  std::vector<std::optional<uint32_t>> places(rows.documents());
  for (uint32_t row = 0; row < rows.size(); ++row) {
    if (segment.Dead(row)) continue;
    auto& place = places[rows.document(row)];
    if (!place) {
      const auto number = stored(rows.number(rows.document(row)));
      if (!number) return std::nullopt;
      place = static_cast<uint32_t>(named.documents.size());
      named.documents.push_back(*number);
    }
    named.rows.push_back({*place, rows.ordinal(row), rows.class_id(row)});
  }
  return named;
}

Status WriteVectors(const Segment& segment, size_t dimension, const FiledVectors& named,
                    const Geometry* geometry, ByteSink* sink) {
  const SegmentRows& rows = segment.rows();
  const bool listed = geometry != nullptr && segment.lists() != nullptr &&
                      segment.lists()->geometry == geometry->revision();
  VectorsHeader header;
  std::memcpy(header.magic, kVectorsMagic, sizeof(kVectorsMagic));
  header.dimension = static_cast<uint32_t>(dimension);
  header.rows = static_cast<uint32_t>(named.rows.size());
  header.documents = static_cast<uint32_t>(named.documents.size());
  header.lists = listed ? static_cast<uint32_t>(geometry->lists()) : 0;
  header.geometry = listed ? geometry->print() : 0;
  RETURN_IF_ERROR(sink->WriteAll(&header, 1));
  RETURN_IF_ERROR(sink->WriteAll(named.documents));
  RETURN_IF_ERROR(sink->WriteAll(named.rows));
  for (uint32_t row = 0; listed && row < rows.size(); ++row) {
    if (!segment.Dead(row)) RETURN_IF_ERROR(sink->WriteAll(&segment.lists()->pairs[row], 1));
  }
  for (uint32_t row = 0; row < rows.size(); ++row) {
    if (!segment.Dead(row)) RETURN_IF_ERROR(sink->WriteAll(rows.embedding(row), dimension));
  }
  return OkStatus();
}

StatusOr<FiledVectors> ReadVectors(size_t dimension, ByteSource* source) {
  VectorsHeader header;
  RETURN_IF_ERROR(source->ReadAll(&header, 1));
  if (std::memcmp(header.magic, kVectorsMagic, sizeof(kVectorsMagic)) != 0 ||
      header.dimension != dimension || header.rows == 0 ||
      (header.lists == 0) != (header.geometry == 0)) {
    return VectorsDamaged();
  }
  FiledVectors filed;
  filed.geometry = header.geometry;
  filed.lists = header.lists;
  RETURN_IF_ERROR(source->ReadAll(header.documents, &filed.documents));
  RETURN_IF_ERROR(source->ReadAll(header.rows, &filed.rows));
  for (const FiledRow& row : filed.rows) {
    if (row.document >= header.documents) return VectorsDamaged();
  }
  if (header.lists > 0) RETURN_IF_ERROR(source->ReadAll(header.rows, &filed.pairs));
  if (!ListsFit(filed)) return VectorsDamaged();
  if (source->left() != header.rows * dimension * sizeof(float)) return VectorsDamaged();
  filed.floats = FloatRows(header.rows, dimension);
  for (uint32_t row = 0; row < header.rows; ++row) {
    RETURN_IF_ERROR(source->ReadAll(filed.floats.row(row), dimension));
    if (!AllFinite(filed.floats.row(row), dimension)) return VectorsDamaged();
  }
  return filed;
}

std::optional<Segment> SegmentOf(size_t dimension, FiledVectors filed,
                                 std::span<const std::optional<RowSource>> sources,
                                 const Geometry* geometry) {
  const bool listed = geometry != nullptr && filed.geometry == geometry->print() &&
                      filed.lists == geometry->lists();
  std::vector<RowSource> rows;
  SegmentLists lists;
  for (size_t row = 0; row < sources.size(); ++row) {
    if (!sources[row]) continue;
    if (!rows.empty() && !(LayoutKey(rows.back()) < LayoutKey(*sources[row]))) return std::nullopt;
    if (rows.size() != row) {
      std::memmove(filed.floats.row(rows.size()), filed.floats.row(row), dimension * sizeof(float));
    }
    rows.push_back(*sources[row]);
    rows.back().norm.reset();
    if (listed) lists.pairs.push_back(filed.pairs[row]);
  }
  if (rows.empty()) return std::nullopt;
  Segment segment(SegmentRows::BuildInPlace(dimension, std::move(filed.floats), std::move(rows)));
  if (!listed) return segment;
  lists.geometry = geometry->revision();
  return segment.With(std::make_shared<const SegmentLists>(std::move(lists)));
}

}  // namespace cordon
