// Fears about the index beside its answers' content: ties, stops, refusals, and the cost of writes.
#include "engine/index/vector_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/compaction.h"
#include "tests/index/world.h"

namespace cordon {
namespace {

AllowedSet Everything(size_t classes = 10) {
  AllowedSet allowed{Bitmap(classes), 0};
  for (size_t c = 0; c < classes; ++c) allowed.classes.Set(c);
  return allowed;
}

DocumentChange OneRow(std::string_view id, const std::vector<float>& vector,
                      uint32_t class_id = 0) {
  DocumentChange change;
  change.document = id;
  change.rows = {{0, class_id, vector.data()}};
  return change;
}

// `documents` documents of one row each, all with `vector`, ids in an order unlike the bytes'.
VectorIndex AllEqual(Metric metric, const std::vector<float>& vector, size_t documents) {
  VectorIndexBuilder builder(VectorIndex(vector.size(), metric, 1000 * RowStride(vector.size())));
  for (size_t i = 0; i < documents; ++i) {
    builder.Add(OneRow(std::to_string(i * 7919 % documents), vector));
  }
  return builder.Finish();
}

class TiesTest : public testing::TestWithParam<Metric> {};

TEST_P(TiesTest, GoByDocumentIdHoweverManyThereAre) {
  constexpr size_t kDocuments = 10007;  // prime: every id occurs
  std::vector<std::string> ids;
  for (size_t i = 0; i < kDocuments; ++i) ids.push_back(std::to_string(i));
  std::sort(ids.begin(), ids.end());
  const std::vector<float> zero(20, 0.0f);
  const std::vector<float> one(20, 0.7f);
  const std::vector<float> huge(20, 1e30f);
  for (const auto& stored : {zero, one, huge}) {
    const VectorIndex index = AllEqual(GetParam(), stored, kDocuments);
    for (const auto& query : {zero, one, huge}) {
      for (const size_t k : {size_t{1}, size_t{10}, size_t{5000}, size_t{20000}}) {
        const auto hits = index.Search(Everything(), query, {.k = k});
        ASSERT_TRUE(hits.ok());
        ASSERT_EQ(hits->size(), std::min(k, kDocuments));
        for (size_t i = 0; i < hits->size(); ++i) ASSERT_EQ((*hits)[i].document, ids[i]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TiesTest,
                         testing::Values(Metric::kCosine, Metric::kInnerProduct, Metric::kL2));

TEST(SearchTest, FindsNothingInAnEmptyIndexAndForNobody) {
  const std::vector<float> one = {1, 2};
  const VectorIndex empty(2, Metric::kCosine);
  EXPECT_TRUE(empty.Search(Everything(), one, {.k = 10})->empty());
  EXPECT_EQ(empty.NextEvent(0), kNever);
  const DocumentChange change = OneRow("a", one);
  const VectorIndex index = empty.Apply({&change, 1});
  EXPECT_TRUE(index.Search(AllowedSet{}, one, {.k = 10})->empty());
  EXPECT_EQ(index.CountAllowed(AllowedSet{}), 0u);
  EXPECT_EQ(index.Search(Everything(), one, {.k = 10})->size(), 1u);
}

TEST(SearchTest, IdsCompareAsBytesNotAsSignedCharacters) {
  const std::vector<float> one = {1};
  const std::string high = "\xc3\xa4";
  const DocumentChange changes[] = {OneRow(high, one), OneRow("z", one), OneRow("", one)};
  VectorIndex index(1, Metric::kL2);
  for (const DocumentChange& change : changes) index = index.Apply({&change, 1});
  const auto hits = index.Search(Everything(), one, {.k = 3});
  EXPECT_EQ((*hits)[0].document, "");
  EXPECT_EQ((*hits)[1].document, "z");
  EXPECT_EQ((*hits)[2].document, high);
}

TEST(SearchTest, RefusesABadQuery) {
  const VectorIndex index(3, Metric::kCosine);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const auto& query : std::vector<std::vector<float>>{
           {}, {1, 2}, {1, 2, 3, 4}, {1, nan, 3}, {1, 2, infinity}, {-infinity, 2, 3}}) {
    const auto hits = index.Search(Everything(), query, {.k = 10});
    ASSERT_FALSE(hits.ok());
    EXPECT_EQ(hits.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(hits.status().field(), "vector");
  }
  const std::vector<float> query = {1, 2, 3};
  EXPECT_EQ(index.Search(Everything(), query, {.k = 0}).status().field(), "k");
}

TEST(SearchTest, StopsInTheMiddleWithoutAPartialAnswer) {
  constexpr size_t kDocuments = 50000;
  const std::vector<float> one(16, 1.0f);
  const VectorIndex index = AllEqual(Metric::kCosine, one, kDocuments);
  size_t asked = 0;
  ASSERT_TRUE(
      index.Search(Everything(), one, {.k = 10, .stop = [&] { return ++asked, false; }}).ok());
  EXPECT_GE(asked, kDocuments / 2048);
  const size_t last = asked;
  for (size_t stop_at = 1; stop_at <= last; ++stop_at) {
    asked = 0;
    const auto hits =
        index.Search(Everything(), one, {.k = 10, .stop = [&] { return ++asked == stop_at; }});
    ASSERT_FALSE(hits.ok());
    ASSERT_EQ(hits.status().code(), StatusCode::kDeadlineExceeded);
    ASSERT_EQ(asked, stop_at) << "it went on after it was told to stop";
  }
}

TEST(SearchTest, KBeyondAllBoundsCostsNoMemory) {
  const std::vector<float> one = {1};
  const DocumentChange change = OneRow("a", one);
  const VectorIndex index = VectorIndex(1, Metric::kL2).Apply({&change, 1});
  EXPECT_EQ(index.Search(Everything(), one, {.k = SIZE_MAX})->size(), 1u);
}

// Rows of `b` whose memory is not that of a segment of `a`.
size_t RowsCopied(const VectorIndex& a, const VectorIndex& b) {
  std::set<const SegmentRows*> shared;
  for (const Segment& segment : a.segments()) shared.insert(&segment.rows());
  size_t copied = 0;
  for (const Segment& segment : b.segments()) {
    if (!shared.contains(&segment.rows())) copied += segment.rows().size();
  }
  return copied;
}

TEST(WriteCostTest, AWriteSharesAllButABoundedNumberOfSegments) {
  constexpr size_t kSegmentRows = 256;
  const uint64_t seed = 7;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const std::vector<float> one(16, 1.0f);
  VectorIndex index(16, Metric::kL2, kSegmentRows * 16);
  size_t copied = 0;
  constexpr int kWrites = 20000;
  for (int i = 0; i < kWrites; ++i) {
    // Grows, then turns over: half of the writes replace.
    const std::string id = std::to_string(random.Below(8000));
    const DocumentChange change = OneRow(id, one);
    const VectorIndex next = index.Apply({&change, 1});
    const size_t rows = RowsCopied(index, next);
    ASSERT_LE(rows, (kMergeSegmentsMax + 1) * kSegmentRows + 1);
    copied += rows;
    index = next;
  }
  EXPECT_LE(index.rows(), 8000u);
  EXPECT_LE(copied, kWrites * 12u) << "rows are copied again and again";
  size_t held = 0;
  for (const Segment& segment : index.segments()) held += segment.rows().size();
  EXPECT_LE(held, 2 * index.rows() + kSegmentRows) << "dead rows keep their memory";
  EXPECT_LE(index.segments().size(), index.rows() / (kSegmentRows / 2) + 20);
}

TEST(WriteCostTest, ADeletionCopiesNoRows) {
  const VectorIndex index = AllEqual(Metric::kL2, std::vector<float>(16, 1.0f), 900);
  DocumentChange change;
  change.document = "77";
  change.kind = DocumentChange::Kind::kRemove;
  const VectorIndex next = index.Apply({&change, 1});
  EXPECT_EQ(next.rows(), 899u);
  EXPECT_EQ(index.rows(), 900u);
  EXPECT_EQ(&next.segments()[0].rows(), &index.segments()[0].rows());
}

// Nor those of a document that was deleted before.
TEST(ErasureTest, RowsOfAnErasedDocumentStayInMemory) {
  VectorIndex index = AllEqual(Metric::kL2, std::vector<float>(16, 1.0f), 900);
  for (const bool deleted_before : {false, true}) {
    DocumentChange change;
    change.document = deleted_before ? "78" : "77";
    change.kind = DocumentChange::Kind::kRemove;
    if (deleted_before) index = index.Apply({&change, 1});
    change.kind = DocumentChange::Kind::kErase;
    index = index.Apply({&change, 1});
    for (const Segment& segment : index.segments()) {
      EXPECT_FALSE(segment.rows().Find(change.document)) << deleted_before;
    }
  }
  EXPECT_EQ(index.rows(), 898u);
}

TEST(ErasureTest, RowsOfAVersionOfNoKnownDocumentStayInMemory) {
  VectorIndex index = AllEqual(Metric::kL2, std::vector<float>(16, 1.0f), 900);
  DocumentChange change;
  change.document = "77";
  change.kind = DocumentChange::Kind::kRemove;
  index = index.Apply({&change, 1});
  ASSERT_TRUE(index.segments()[0].rows().Find("77")) << "the dead row is gone already";
  DocumentChange sweep;
  sweep.kind = DocumentChange::Kind::kSweep;
  index = index.Apply({&sweep, 1});
  for (const Segment& segment : index.segments()) EXPECT_FALSE(segment.rows().Find("77"));
  EXPECT_EQ(index.rows(), 899u);
}

TEST(ErasureTest, RowsThatDieInTheBatchOfASweepStayInMemory) {
  VectorIndex index = AllEqual(Metric::kL2, std::vector<float>(16, 1.0f), 900);
  std::vector<DocumentChange> changes(2);
  changes[0].document = "77";
  changes[0].kind = DocumentChange::Kind::kRemove;
  changes[1].kind = DocumentChange::Kind::kSweep;
  index = index.Apply(changes);
  for (const Segment& segment : index.segments()) EXPECT_FALSE(segment.rows().Find("77"));
  EXPECT_EQ(index.rows(), 899u);
}

TEST(WriteCostTest, ALargeBatchFillsSegmentsAtOnce) {
  const std::vector<float> one(16, 1.0f);
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(std::to_string(i));
  std::vector<DocumentChange> changes;
  for (const std::string& id : ids) changes.push_back(OneRow(id, one));
  const VectorIndex index = VectorIndex(16, Metric::kL2, 100 * 16).Apply(changes);
  EXPECT_EQ(index.segments().size(), 10u);
  EXPECT_EQ(index.rows(), 1000u);
}

// Runs of one class, over all segments.
size_t Runs(const VectorIndex& index) {
  size_t runs = 0;
  for (const Segment& segment : index.segments()) runs += segment.rows().runs().size();
  return runs;
}

// Fear: that what one may see is strewn over memory, and read at a fraction of its speed.
TEST(LayoutTest, AStartAndALargeBatchPutTheRowsOfAClassTogether) {
  constexpr size_t kDocuments = 5000;
  constexpr uint32_t kClasses = 300;
  constexpr size_t kSegmentRows = 256;
  const VectorIndex empty(16, Metric::kL2, kSegmentRows * 16);
  VectorIndexBuilder builder(empty);
  std::vector<std::string> ids;
  std::vector<std::vector<float>> vectors;
  for (size_t i = 0; i < kDocuments; ++i) {
    ids.push_back(std::to_string(i * 7919 % kDocuments));
    vectors.emplace_back(16, static_cast<float>(i));
  }
  std::vector<DocumentChange> changes;
  for (size_t i = 0; i < kDocuments; ++i) {
    changes.push_back(OneRow(ids[i], vectors[i], static_cast<uint32_t>(i % kClasses)));
    builder.Add(changes.back());
  }
  const VectorIndex built = builder.Finish();
  EXPECT_EQ(built.segments().size(), (kDocuments + kSegmentRows - 1) / kSegmentRows);
  for (const VectorIndex& index : {built, empty.Apply(changes)}) {
    EXPECT_LE(Runs(index), kClasses + index.segments().size() - 1);
    for (size_t i = 0; i < kDocuments; i += 97) {
      const auto hits = index.Search(Everything(kClasses), vectors[i], {.k = 1});
      ASSERT_EQ(hits->front().document, ids[i]);
      ASSERT_EQ(hits->front().class_id, i % kClasses);
    }
  }
}

using DefectDeathTest = testing::Test;

TEST(DefectDeathTest, AnIndexThatIsWrongAboutItselfStops) {
  const std::vector<float> one = {1};
  const std::vector<float> bad = {std::numeric_limits<float>::quiet_NaN()};
  const VectorIndex index(1, Metric::kL2);
  DocumentChange change = OneRow("a", bad);
  EXPECT_DEATH(index.Apply({&change, 1}), "");
  change = OneRow("a", one);
  change.rows.push_back(change.rows[0]);
  EXPECT_DEATH(index.Apply({&change, 1}), "");
  change = OneRow("a", one);
  change.kind = DocumentChange::Kind::kReclass;
  EXPECT_DEATH(index.Apply({&change, 1}), "");
}

TEST(BitmapTest, WhatLiesBeyondItsSizeIsNotSet) {
  Bitmap bitmap(65);
  bitmap.Set(64);
  bitmap.Set(0);
  EXPECT_TRUE(bitmap.Test(64));
  EXPECT_FALSE(bitmap.Test(65));
  EXPECT_FALSE(bitmap.Test(SIZE_MAX));
  EXPECT_FALSE(Bitmap().Test(0));
  EXPECT_EQ(bitmap.Count(), 2u);
  EXPECT_DEATH(bitmap.Set(65), "");
  EXPECT_DEATH(Bitmap::FromWords({3}, 1), "");
  EXPECT_TRUE(Bitmap::FromWords({2}, 2).Test(1));
}

}  // namespace
}  // namespace cordon
