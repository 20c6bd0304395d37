// Fears about a segment's file: that a row comes back as another, with other lists, or as it was
// when it was dead, and that any bytes are believed.
#include "engine/index/segment_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/index/codes.h"
#include "engine/index/list_part.h"
#include "engine/index/rotation.h"
#include "engine/index/score.h"
#include "engine/index/training.h"
#include "tests/index/listed_world.h"
#include "tests/index/memory_stream.h"

namespace cordon {
namespace {

constexpr size_t kSegmentDimension = 20;

class SegmentFile : public testing::Test {
 protected:
  SegmentFile() {
    Clusters clusters(random_, kSegmentDimension, 5);
    VectorIndex index(kSegmentDimension, Metric::kL2);
    for (size_t i = 0; i < kRows; ++i) {
      vectors_.push_back(clusters.Next());
      ids_.push_back("d" + std::to_string(i));
    }
    std::vector<DocumentChange> changes(kRows);
    for (uint32_t i = 0; i < kRows; ++i) {
      changes[i].document = ids_[i];
      changes[i].number = i;
      changes[i].rows = {{i % 7, i % 3, vectors_[i].data()}};
    }
    index = index.Apply(changes).Frozen();
    index = index.With(MakeLists(index, Upkeep::kTrain, {}));
    DocumentChange gone;
    gone.document = ids_[5];
    gone.kind = DocumentChange::Kind::kRemove;
    index_ = index.Apply({&gone, 1});
  }

  const Segment& segment() const { return index_.segments().front(); }
  const Geometry& geometry() const { return index_.lists()->geometry(); }
  std::shared_ptr<const Geometry> shared_geometry() const { return {index_.lists(), &geometry()}; }
  std::string Written(size_t s = 0) const {
    const auto named =
        NameVectors(index_.segments()[s], [](uint32_t number) { return 100 + number; });
    MemorySink sink;
    EXPECT_TRUE(named.has_value());
    EXPECT_TRUE(WriteVectors(index_, s, *named, &sink).ok());
    return sink.bytes();
  }
  FiledVectors Filed(size_t s = 0) const {
    const std::string bytes = Written(s);
    MemorySource source(bytes);
    auto filed = ReadVectors(kSegmentDimension, &source);
    EXPECT_TRUE(filed.ok()) << filed.status().ToString();
    return *std::move(filed);
  }
  // All blocks of the lists of one segment: codes, factors and ids.
  std::string BlocksOf(const Segment& segment) const {
    const Lists lists(shared_geometry(), {&segment, 1}, index_.numbers());
    const CodeBlocks& blocks = lists.part().blocks();
    return std::string(reinterpret_cast<const char*>(blocks.block(0)),
                       blocks.blocks() * blocks.block_bytes());
  }
  // The same rows in the same lists, without codes.
  static Segment WithoutCodes(const Segment& segment) {
    return segment.With(std::make_shared<const SegmentLists>(
        SegmentLists{segment.lists()->geometry, segment.lists()->pairs, nullptr}));
  }
  // As they are in the index; `without` is left out.
  std::vector<std::optional<RowSource>> Sources(const FiledVectors& filed,
                                                std::optional<size_t> without = {}) const {
    std::vector<std::optional<RowSource>> sources;
    for (const FiledRow& row : filed.rows) {
      const auto number = static_cast<uint32_t>(filed.documents[row.document] - 100);
      RowSource source;
      source.document = ids_[number];
      source.ordinal = row.ordinal;
      source.class_id = row.class_id;
      source.number = number;
      sources.emplace_back(source);
    }
    if (without) sources[*without].reset();
    return sources;
  }

  static constexpr size_t kRows = 300;
  Random random_{1};
  std::vector<std::vector<float>> vectors_;
  std::vector<std::string> ids_;
  VectorIndex index_{kSegmentDimension, Metric::kL2};
};

TEST_F(SegmentFile, RowsComeBackWithTheirLists) {
  const std::string bytes = Written();
  for (const bool lost : {false, true}) {
    MemorySource source(bytes);
    auto filed = ReadVectors(kSegmentDimension, &source);
    ASSERT_TRUE(filed.ok()) << filed.status().ToString();
    ASSERT_EQ(filed->rows.size(), kRows - 1) << "the dead one is not in it";
    const auto sources = Sources(*filed, lost ? std::optional<size_t>(17) : std::nullopt);
    const auto read = SegmentOf(kSegmentDimension, *std::move(filed), sources, &geometry());
    ASSERT_TRUE(read.has_value());
    ASSERT_EQ(read->live(), kRows - (lost ? 2 : 1));
    ASSERT_NE(read->lists(), nullptr);
    for (uint32_t row = 0; row < read->rows().size(); ++row) {
      const SegmentRows& rows = read->rows();
      const auto number = rows.number(rows.document(row));
      EXPECT_EQ(rows.class_id(row), number % 3);
      EXPECT_EQ(rows.ordinal(row), number % 7);
      EXPECT_EQ(std::vector<float>(rows.embedding(row), rows.embedding(row) + kSegmentDimension),
                vectors_[number]);
      std::vector<int8_t> codes(RowStride(kSegmentDimension));
      const CodeScale code = QuantiseRow(rows.embedding(row), codes.size(), codes.data());
      EXPECT_EQ(std::vector<int8_t>(rows.codes(row), rows.codes(row) + codes.size()), codes);
      EXPECT_EQ(rows.facts()[row].code.scale, code.scale);
      EXPECT_EQ(rows.facts()[row].code.residual, code.residual);
      EXPECT_EQ(rows.norm(row), Norm(rows.embedding(row), kSegmentDimension));
      const auto before = segment().rows().Find(ids_[number]);
      ASSERT_TRUE(before.has_value());
      const ListPair known = segment().lists()->pairs[segment().rows().rows_of(*before).front()];
      EXPECT_EQ(read->lists()->pairs[row].first, known.first);
      EXPECT_EQ(read->lists()->pairs[row].second, known.second);
    }
  }
}

// What a start does not compute, it must not get wrong by a bit.
TEST_F(SegmentFile, CodesComeBackAsTheyWouldBeComputed) {
  for (const bool lost : {false, true}) {
    auto filed = Filed();
    const auto sources = Sources(filed, lost ? std::optional<size_t>(17) : std::nullopt);
    const auto read = SegmentOf(kSegmentDimension, std::move(filed), sources, &geometry());
    ASSERT_TRUE(read.has_value());
    ASSERT_NE(read->lists()->part, nullptr);
    EXPECT_EQ(BlocksOf(*read), BlocksOf(WithoutCodes(*read)));
  }
}

TEST_F(SegmentFile, CodesAreTakenAndNotComputed) {
  auto filed = Filed();
  const auto sources = Sources(filed);
  filed.codes[random_.Below(kSegmentDimension / 8)] ^= 4;  // of the first row's first list
  const auto read = SegmentOf(kSegmentDimension, std::move(filed), sources, &geometry());
  ASSERT_TRUE(read.has_value());
  EXPECT_NE(BlocksOf(*read), BlocksOf(WithoutCodes(*read)));
}

// A segment beside the lists has its codes in a part of its own.
TEST_F(SegmentFile, RowsBesideTheListsKeepTheirCodesToo) {
  Clusters clusters(random_, kSegmentDimension, 5);
  std::vector<DocumentChange> changes(20);
  for (uint32_t i = 0; i < changes.size(); ++i) {
    const uint32_t number = kRows + i;
    vectors_.push_back(clusters.Next());
    ids_.push_back("d" + std::to_string(number));
    changes[i].number = number;
  }
  for (uint32_t i = 0; i < changes.size(); ++i) {
    changes[i].document = ids_[kRows + i];
    changes[i].rows = {{0, 1, vectors_[kRows + i].data()}};
  }
  index_ = index_.Apply(changes);
  ASSERT_EQ(index_.segments().size(), 2u);
  auto filed = Filed(1);
  ASSERT_EQ(filed.rows.size(), changes.size());
  const auto sources = Sources(filed);
  const auto read = SegmentOf(kSegmentDimension, std::move(filed), sources, &geometry());
  ASSERT_TRUE(read.has_value());
  ASSERT_NE(read->lists(), nullptr);
  EXPECT_EQ(BlocksOf(*read), BlocksOf(index_.segments()[1]));
  EXPECT_EQ(BlocksOf(*read), BlocksOf(WithoutCodes(*read)));
}

TEST_F(SegmentFile, AnOlderVersionOfTheFormatIsRefused) {
  std::string bytes = Written();
  ASSERT_EQ(bytes.substr(0, 8), "CDNVEC02");
  bytes[7] = '1';
  MemorySource source(bytes);
  EXPECT_EQ(ReadVectors(kSegmentDimension, &source).status().code(), StatusCode::kDataLoss);
}

TEST_F(SegmentFile, CodesThatAreNoNumbersAreRefused) {
  const std::string good = Written();
  const auto filed = Filed();
  const size_t size = RotatedSize(kSegmentDimension);
  const size_t codes =
      good.size() - filed.rows.size() * kSegmentDimension * sizeof(float) - filed.codes.size();
  for (const size_t factor : {size_t{0}, size_t{1}}) {
    std::string bad = good;
    const float nan = NAN;
    std::memcpy(bad.data() + codes + size / 8 + factor * sizeof(float), &nan, sizeof(nan));
    MemorySource source(bad);
    EXPECT_EQ(ReadVectors(kSegmentDimension, &source).status().code(), StatusCode::kDataLoss)
        << factor;
  }
}

TEST_F(SegmentFile, ListsOfAnotherGeometryAreNotTaken) {
  const std::string bytes = Written();
  MemorySource source(bytes);
  auto filed = ReadVectors(kSegmentDimension, &source);
  ASSERT_TRUE(filed.ok());
  const auto sources = Sources(*filed);
  const auto other = Train(Metric::kL2, kSegmentDimension, geometry().revision(),
                           index_.segments().first(1), [] { return false; });
  // The same number; and centroids of a sample without the row that went.
  ASSERT_NE(other->print(), geometry().print());
  const auto read = SegmentOf(kSegmentDimension, *std::move(filed), sources, other.get());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->lists(), nullptr);
}

TEST_F(SegmentFile, RowsInAnotherOrderAreRefused) {
  const std::string bytes = Written();
  MemorySource source(bytes);
  auto filed = ReadVectors(kSegmentDimension, &source);
  ASSERT_TRUE(filed.ok());
  auto sources = Sources(*filed);
  std::swap(sources[3], sources[4]);
  EXPECT_FALSE(SegmentOf(kSegmentDimension, *std::move(filed), sources, nullptr).has_value());
}

TEST_F(SegmentFile, AnyBytesAreRefusedOrRows) {
  const std::string good = Written();
  for (size_t size = 0; size < good.size(); size += 1 + random_.Below(50)) {
    MemorySource source(std::string_view(good).substr(0, size));
    EXPECT_EQ(ReadVectors(kSegmentDimension, &source).status().code(), StatusCode::kDataLoss)
        << size;
  }
  for (int i = 0; i < 2000; ++i) {
    std::string bad = good;
    const size_t place = random_.OneIn(2) ? random_.Below(40) : random_.Below(bad.size());
    bad[place] = static_cast<char>(bad[place] ^ (1 << random_.Below(8)));
    MemorySource source(bad);
    const auto read = ReadVectors(kSegmentDimension, &source);
    if (!read.ok()) {
      EXPECT_EQ(read.status().code(), StatusCode::kDataLoss);
      continue;
    }
    for (const FiledRow& row : read->rows) EXPECT_LT(row.document, read->documents.size());
    for (const ListPair& pair : read->pairs) {
      EXPECT_LT(pair.first, read->lists);
      EXPECT_LT(pair.second, read->lists);
    }
  }
  MemorySource source(good);
  EXPECT_FALSE(ReadVectors(kSegmentDimension + 1, &source).ok()) << "of another collection";
}

}  // namespace
}  // namespace cordon
