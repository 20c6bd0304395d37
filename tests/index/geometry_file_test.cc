// Fears about a stored geometry: that it is another after a restart, or that damage is believed.
#include "engine/index/geometry_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "engine/index/training.h"
#include "tests/effort.h"
#include "tests/index/listed_world.h"

namespace cordon {
namespace {

VectorIndex Small(Random& random) {
  Clusters clusters(random, 20, 5);
  VectorIndex index(20, Metric::kL2);
  std::vector<std::vector<float>> vectors(300);
  std::vector<std::string> ids(300);
  std::vector<DocumentChange> changes(300);
  for (size_t i = 0; i < vectors.size(); ++i) {
    vectors[i] = clusters.Next();
    ids[i] = std::to_string(i);
    changes[i].document = ids[i];
    changes[i].rows = {{0, static_cast<uint32_t>(i % 3), vectors[i].data()}};
  }
  return index.Apply(changes);
}

TEST(GeometryFileTest, AnswersAreTheSameAfterARestart) {
  Random random(1);
  const VectorIndex index = Small(random).Frozen();
  const VectorIndex before = index.With(MakeLists(index, Upkeep::kTrain, {}));
  auto decoded = DecodeGeometry(EncodeGeometry(before.lists()->geometry()));
  ASSERT_TRUE(decoded.ok());
  const VectorIndex after = index.With(MakeListsUnder(decoded->geometry, 0, index, {}));
  EXPECT_EQ(EncodeGeometry(after.lists()->geometry()), EncodeGeometry(before.lists()->geometry()));
  const SearchOptions options{.k = 5, .mode = SearchMode::kFast, .plan = SearchPlan::kLists};
  for (int q = 0; q < 50; ++q) {
    std::vector<float> query(20);
    for (float& x : query) x = static_cast<float>(random.Unit());
    const AllowedSet allowed = AllowedOf({0, 2}, 3);
    const auto a = before.Search(allowed, query, options),
               b = after.Search(allowed, query, options);
    ASSERT_EQ(a->size(), b->size());
    for (size_t i = 0; i < a->size(); ++i) EXPECT_EQ((*a)[i].document, (*b)[i].document);
  }
}

TEST(GeometryFileTest, AnyFlippedBitIsFound) {
  Random random(2);
  const VectorIndex index = Small(random).Frozen();
  const std::string good = EncodeGeometry(MakeLists(index, Upkeep::kTrain, {}).lists->geometry());
  Effort effort("R7-geometry", 2000);
  random = Random(effort.seed());
  while (effort.More()) {
    std::string bad = good;
    const size_t place = random.Below(bad.size());
    bad[place] = static_cast<char>(bad[place] ^ 1 << random.Below(8));
    if (random.OneIn(4)) bad.resize(random.Below(bad.size()));
    ASSERT_EQ(DecodeGeometry(bad).status().code(), StatusCode::kDataLoss);
  }
  effort.Report("believed=0");
}

// Lists are ordered by what is made of these: it must be a number.
TEST(GeometryFileTest, ASealedFileHoldsWhatHasNoOrder) {
  const auto decoded = [](float spread, float deviation) {
    FloatRows centroids(1, RotatedSize(20));
    std::fill_n(centroids.row(0), RotatedSize(20), 0.5f);
    const Geometry geometry(Metric::kL2, Rotation(20, 7), 1, 64, std::move(centroids), 1, {spread},
                            deviation);
    return DecodeGeometry(EncodeGeometry(geometry)).status().code();
  };
  EXPECT_EQ(decoded(0, 0), StatusCode::kOk);
  EXPECT_EQ(decoded(4e30f, 1), StatusCode::kOk) << "of rows as long as any";
  EXPECT_EQ(decoded(1e33f, 1), StatusCode::kDataLoss);
  EXPECT_EQ(decoded(-1, 1), StatusCode::kDataLoss);
  EXPECT_EQ(decoded(NAN, 1), StatusCode::kDataLoss);
  EXPECT_EQ(decoded(1, 1e16f), StatusCode::kDataLoss);
  EXPECT_EQ(decoded(1, INFINITY), StatusCode::kDataLoss);
}

// How stale it is goes along, and whoever did not write it down is told by the rows.
TEST(GeometryFileTest, ARestartKnowsHowManyVectorsHaveChanged) {
  Random random(4);
  VectorIndex index = Small(random).Frozen();
  const auto lists = MakeLists(index, Upkeep::kTrain, {}).lists;
  auto decoded = DecodeGeometry(EncodeGeometry(lists->geometry(), 77));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->changed, 77u);
  const auto stop = [] { return false; };
  const auto restored = [&](uint64_t changed) {
    return index.With(MakeListsUnder(decoded->geometry, changed, index, stop)).changed();
  };
  const uint64_t own = index.changed();  // what was written since the start counts besides
  EXPECT_EQ(restored(77), 77 + own);
  EXPECT_EQ(restored(0), own);
  // 40 rows more than it was trained on, as a start finds them in the store.
  Clusters clusters(random, 20, 5);
  const VectorIndex empty(20, Metric::kL2);
  index = Filled(empty, 340, [&] { return Drawn{clusters.Next()}; }).Frozen();
  EXPECT_EQ(restored(77), 77u);
  EXPECT_EQ(restored(0), 40u);
}

}  // namespace
}  // namespace cordon
