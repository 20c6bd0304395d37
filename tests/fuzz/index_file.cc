// Any bytes as a file of the index: a geometry, as they are and with a checksum that fits, or what
// is in the sealed blocks of a file of vectors or words. They are refused, or can be used.
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/checksum.h"
#include "engine/index/geometry_file.h"
#include "engine/index/list_part.h"
#include "engine/index/lists.h"
#include "engine/index/segment_file.h"
#include "engine/lexical/segment_file.h"
#include "tests/index/memory_stream.h"

namespace cordon {
namespace {

constexpr size_t kDimension = 4;

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

// A geometry of three lists; its print is not to be guessed: it is put into the header of a file
// that says so many.
const std::shared_ptr<const Geometry>& ThreeLists() {
  static const std::shared_ptr<const Geometry> geometry = [] {
    const Rotation rotation(kDimension, 1);
    FloatRows centroids(3, rotation.size());
    for (size_t l = 0; l < 3; ++l) centroids.row(l)[l] = 1;
    return std::make_shared<const Geometry>(Metric::kL2, rotation, 1, 100, std::move(centroids), 3,
                                            std::vector<float>{1, 1, 1}, 1.0f);
  }();
  return geometry;
}

// Its lists can be built of what the file says.
void BuildLists(const Segment& segment) {
  const Lists lists(ThreeLists(), {&segment, 1}, RowNumbers(segment.rows().size()));
  size_t entries = 0;
  for (const ListPair& pair : segment.lists()->pairs) entries += pair.first == pair.second ? 1 : 2;
  CORDON_CHECK(lists.part().blocks().entries() == entries);
}

// The store has each row that is named, once, as a start sees to.
void DecodeVectors(std::string bytes) {
  constexpr size_t kLists = 20, kPrint = 24;  // where the header has them
  uint32_t count = 0;
  if (bytes.size() >= kPrint + sizeof(uint64_t)) {
    std::memcpy(&count, bytes.data() + kLists, sizeof(count));
    const uint64_t print = ThreeLists()->print();
    if (count == ThreeLists()->lists()) std::memcpy(bytes.data() + kPrint, &print, sizeof(print));
  }
  MemorySource source(bytes);
  auto filed = ReadVectors(kDimension, &source);
  if (!filed.ok()) {
    CORDON_CHECK(filed.status().code() == StatusCode::kDataLoss);
    return;
  }
  std::vector<std::string> ids;
  for (const uint64_t number : filed->documents) ids.push_back(std::to_string(number));
  std::set<std::pair<std::string, uint32_t>> taken;
  std::vector<std::optional<RowSource>> sources(filed->rows.size());
  for (size_t i = 0; i < sources.size(); ++i) {
    const FiledRow& row = filed->rows[i];
    if (!taken.emplace(ids[row.document], row.ordinal).second) continue;
    sources[i].emplace();
    sources[i]->document = ids[row.document];
    sources[i]->ordinal = row.ordinal;
    sources[i]->class_id = row.class_id;
  }
  const size_t rows = taken.size();
  const auto segment = SegmentOf(kDimension, *std::move(filed), sources, ThreeLists().get());
  if (!segment) return;
  CORDON_CHECK(segment->live() == rows);
  CORDON_CHECK((segment->lists() != nullptr) == (count == ThreeLists()->lists()));
  if (segment->lists() != nullptr) BuildLists(*segment);
}

// What a header says of languages and terms is not to be guessed: it is put right.
void DecodeWords(std::string bytes) {
  static const std::string good = [] {
    const TermCounts terms = CountTerms(Language::kNone, "a text");
    const auto rows = LexicalRows::Build({{0, 0, 0, kAlways, kNever, &terms}});
    MemorySink sink;
    CORDON_CHECK(WriteWords(Language::kNone, *rows,
                            *NameWords(*rows, [](uint32_t) { return uint64_t{7}; }), &sink)
                     .ok());
    return sink.bytes();
  }();
  constexpr size_t kFixed = 16;
  if (bytes.size() < kFixed) return;
  std::memcpy(bytes.data(), good.data(), kFixed);
  MemorySource source(bytes);
  auto filed = ReadWords(Language::kNone, &source);
  if (!filed.ok()) {
    CORDON_CHECK(filed.status().code() == StatusCode::kDataLoss);
    return;
  }
  std::vector<std::optional<KeptWords>> kept(filed->named().rows.size());
  for (uint32_t row = 0; row < kept.size(); row += 2) kept[row] = {row, kAlways, kNever};
  const auto segment = filed->Take(kept);
  CORDON_CHECK(segment.has_value() && segment->live() == (kept.size() + 1) / 2);
  segment->rows().ForEachTerm([&](std::string_view text, uint32_t hash, auto postings) {
    const auto found = segment->rows().Find(text, hash);
    CORDON_CHECK(found && !postings.empty() && postings.back().row < segment->rows().size());
  });
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("CDNVEC")) {
    cordon::DecodeVectors(bytes);
    return 0;
  }
  if (bytes.starts_with("CDNWRD")) {
    cordon::DecodeWords(bytes);
    return 0;
  }
  cordon::Decode(bytes);
  const uint32_t sum = cordon::Crc32(0, bytes);
  cordon::Decode(bytes + std::string(reinterpret_cast<const char*>(&sum), sizeof(sum)));
  return 0;
}
