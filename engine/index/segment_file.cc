#include "engine/index/segment_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <utility>

#include "engine/base/check.h"
#include "engine/index/list_part.h"
#include "engine/index/rotation.h"
#include "engine/index/score.h"

namespace cordon {
namespace {

static_assert(std::endian::native == std::endian::little);  // as the file is

constexpr char kVectorsMagic[8] = {'C', 'D', 'N', 'V', 'E', 'C', '0', '2'};

struct VectorsHeader {
  char magic[8];
  uint32_t dimension;
  uint32_t rows;
  uint32_t documents;
  uint32_t lists;  // 0: no pairs and codes follow
  uint64_t geometry;
};

struct FiledPair {
  uint32_t first;
  uint32_t second;
};
static_assert(sizeof(VectorsHeader) == 32 && sizeof(FiledRow) == 12 && sizeof(FiledPair) == 8);

Status VectorsDamaged() {
  return Status(StatusCode::kDataLoss, "index",
                "a file of vectors is damaged, or of an older version; it is made anew");
}

bool AllFinite(const float* floats, size_t n) {
  constexpr uint32_t kExponent = 0x7f800000;
  bool finite = true;
  for (size_t i = 0; i < n; ++i) {
    finite &= (std::bit_cast<uint32_t>(floats[i]) & kExponent) != kExponent;
  }
  return finite;
}

// The lists of each row; nothing if there are no such lists.
std::optional<std::vector<ListPair>> PairsOf(std::span<const FiledPair> filed, uint32_t lists) {
  std::vector<ListPair> pairs;
  pairs.reserve(filed.size());
  for (const FiledPair& pair : filed) {
    if (pair.first >= lists || pair.second >= lists) return std::nullopt;
    pairs.push_back({static_cast<uint16_t>(pair.first), static_cast<uint16_t>(pair.second)});
  }
  return pairs;
}

size_t ListsOf(const ListPair& pair) { return pair.second == pair.first ? 1 : 2; }

bool FactorsFit(const FiledVectors& filed, size_t size) {
  const size_t bytes = CodeBlocks::EntryBytes(size);
  for (size_t at = size / 8; at < filed.codes.size(); at += bytes) {
    float factors[2];
    std::memcpy(factors, filed.codes.data() + at, sizeof(factors));
    if (!AllFinite(factors, std::size(factors))) return false;
  }
  return true;
}

// Where a row's codes are in a part: in its first list, and in its second if that differs.
struct EntryPair {
  std::optional<uint32_t> first;
  std::optional<uint32_t> second;
};

// By row of segment s. In one walk past all entries, since a list of equal vectors may be long.
std::vector<EntryPair> EntriesOf(const VectorIndex& index, size_t s, const ListPart& part) {
  const Segment& segment = index.segments()[s];
  const RowNumbers numbers = index.numbers();
  const bool covered = s < index.lists()->segments();
  std::vector<EntryPair> entries(segment.rows().size());
  for (uint32_t list = 0; list < index.lists()->geometry().lists(); ++list) {
    const ListRange range = part.Find(list);
    for (uint32_t entry = range.begin; entry < range.end; ++entry) {
      const uint32_t id = part.blocks().id(entry);
      if (covered && numbers.segment(id) != s) continue;
      const uint32_t row = covered ? numbers.row(id) : id;
      const bool first = segment.lists()->pairs[row].first == list;
      (first ? entries[row].first : entries[row].second) = entry;
    }
  }
  return entries;
}

// Requires that the segment has lists of the index's geometry.
Status WriteLists(const VectorIndex& index, size_t s, ByteSink* sink) {
  const Segment& segment = index.segments()[s];
  const bool covered = s < index.lists()->segments();
  const ListPart* const part = covered ? &index.lists()->part() : segment.lists()->part.get();
  CORDON_CHECK(part != nullptr);
  for (uint32_t row = 0; row < segment.rows().size(); ++row) {
    if (segment.Dead(row)) continue;
    const auto [first, second] = segment.lists()->pairs[row];
    const FiledPair filed = {first, second};
    RETURN_IF_ERROR(sink->WriteAll(&filed, 1));
  }
  std::vector<uint8_t> code(CodeBlocks::EntryBytes(part->blocks().size()));
  const std::vector<EntryPair> entries = EntriesOf(index, s, *part);
  for (uint32_t row = 0; row < segment.rows().size(); ++row) {
    if (segment.Dead(row)) continue;
    const auto& [first, second] = entries[row];
    CORDON_CHECK(first && second.has_value() == (ListsOf(segment.lists()->pairs[row]) == 2));
    part->blocks().Take(*first, code.data());
    RETURN_IF_ERROR(sink->WriteAll(code));
    if (!second) continue;
    part->blocks().Take(*second, code.data());
    RETURN_IF_ERROR(sink->WriteAll(code));
  }
  return OkStatus();
}

// What a file has of lists, checked.
Status ReadLists(uint32_t rows, size_t dimension, ByteSource* source, FiledVectors* filed) {
  if (filed->lists == 0) return OkStatus();
  std::vector<FiledPair> named;
  RETURN_IF_ERROR(source->ReadAll(rows, &named));
  auto pairs = PairsOf(named, filed->lists);
  if (!pairs) return VectorsDamaged();
  filed->pairs = *std::move(pairs);
  size_t codes = 0;
  for (const ListPair& pair : filed->pairs) codes += ListsOf(pair);
  const size_t size = RotatedSize(dimension);
  RETURN_IF_ERROR(source->ReadAll(codes * CodeBlocks::EntryBytes(size), &filed->codes));
  return FactorsFit(*filed, size) ? OkStatus() : VectorsDamaged();
}

// Takes the norm and the codes of a row that was read; false if its floats are not finite. They are
// if the norm is: the squares of floats are far from the end of doubles.
bool TakeRow(uint32_t row, size_t dimension, FiledVectors* filed) {
  const float* const floats = filed->floats.row(row);
  filed->norms.push_back(Norm(floats, dimension));
  if (!std::isfinite(filed->norms.back())) return false;
  filed->scales.push_back(QuantiseRow(floats, filed->floats.stride(), filed->quantised.row(row)));
  return true;
}

// Rows that lie side by side as in the file come many at once, and are taken while they are in the
// cache.
Status ReadFloats(uint32_t rows, size_t dimension, ByteSource* source, FiledVectors* filed) {
  filed->floats = FloatRows(rows, dimension);
  filed->quantised = CodeRows(rows, dimension);
  filed->norms.reserve(rows);
  filed->scales.reserve(rows);
  const uint32_t side_by_side = filed->floats.stride() == dimension ? rows : 1;
  uint32_t row = 0;  // the next to be taken
  for (uint32_t begin = 0; begin < rows; begin += side_by_side) {
    const size_t n = side_by_side * dimension;
    for (size_t read = 0; read < n;) {
      const size_t some = source->Some<float>(n - read);
      RETURN_IF_ERROR(source->ReadAll(filed->floats.row(begin) + read, some));
      read += some;
      for (; row < begin + read / dimension; ++row) {
        if (!TakeRow(row, dimension, filed)) return VectorsDamaged();
      }
    }
  }
  return OkStatus();
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

Status WriteVectors(const VectorIndex& index, size_t s, const FiledVectors& named, ByteSink* sink) {
  const Segment& segment = index.segments()[s];
  const SegmentRows& rows = segment.rows();
  const size_t dimension = index.dimension();
  const Geometry* const geometry = index.lists() == nullptr ? nullptr : &index.lists()->geometry();
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
  if (listed) RETURN_IF_ERROR(WriteLists(index, s, sink));
  for (uint32_t row = 0; row < rows.size(); ++row) {
    if (!segment.Dead(row)) RETURN_IF_ERROR(sink->WriteAll(rows.embedding(row), dimension));
  }
  return OkStatus();
}

StatusOr<FiledVectors> ReadVectors(size_t dimension, ByteSource* source) {
  VectorsHeader header;
  RETURN_IF_ERROR(source->ReadAll(&header, 1));
  if (std::memcmp(header.magic, kVectorsMagic, sizeof(kVectorsMagic)) != 0 ||
      header.dimension != dimension || header.rows == 0 || header.lists > kListsMax ||
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
  RETURN_IF_ERROR(ReadLists(header.rows, dimension, source, &filed));
  if (source->left() != header.rows * dimension * sizeof(float)) return VectorsDamaged();
  RETURN_IF_ERROR(ReadFloats(header.rows, dimension, source, &filed));
  return filed;
}

std::optional<Segment> SegmentOf(size_t dimension, FiledVectors filed,
                                 std::span<const std::optional<RowSource>> sources,
                                 const Geometry* geometry) {
  const bool listed = geometry != nullptr && filed.geometry == geometry->print() &&
                      filed.lists == geometry->lists();
  const size_t code_bytes = CodeBlocks::EntryBytes(RotatedSize(dimension));
  const uint8_t* next = filed.codes.data();
  std::vector<RowSource> rows;
  rows.reserve(sources.size());
  std::vector<CodedRow> coded;
  SegmentLists lists;
  if (listed) {
    coded.reserve(sources.size());
    lists.pairs.reserve(sources.size());
  }
  for (size_t row = 0; row < sources.size(); ++row) {
    const uint8_t* const codes = next;
    if (listed) next += ListsOf(filed.pairs[row]) * code_bytes;
    if (!sources[row]) continue;
    if (!rows.empty() && !(LayoutKey(rows.back()) < LayoutKey(*sources[row]))) return std::nullopt;
    if (listed) {
      coded.push_back({static_cast<uint32_t>(rows.size()), filed.pairs[row], codes});
      lists.pairs.push_back(filed.pairs[row]);
    }
    int8_t* const quantised = filed.quantised.row(rows.size());
    if (rows.size() != row) {
      std::memmove(filed.floats.row(rows.size()), filed.floats.row(row), dimension * sizeof(float));
      std::memmove(quantised, filed.quantised.row(row), filed.quantised.stride());
    }
    rows.push_back(*sources[row]);
    rows.back().norm = filed.norms[row];
    rows.back().codes = quantised;
    rows.back().code = filed.scales[row];
  }
  if (rows.empty()) return std::nullopt;
  Segment segment(SegmentRows::BuildInPlace(dimension, std::move(filed.floats), std::move(rows),
                                            std::move(filed.quantised)));
  if (!listed) return segment;
  lists.geometry = geometry->revision();
  lists.part = std::make_shared<const ListPart>(*geometry, coded);
  return segment.With(std::make_shared<const SegmentLists>(std::move(lists)));
}

}  // namespace cordon
