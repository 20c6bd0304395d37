// Fears about a stored geometry: that it is another after a restart, or that damage is believed.
#include "engine/index/geometry_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

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
  const VectorIndex after = index.With(MakeListsUnder(*decoded, index, [] { return false; }));
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
  Effort effort("R7 geometry", 2000);
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

TEST(GeometryFileTest, IsReplacedAsAWhole) {
  Random random(3);
  const VectorIndex index = Small(random).Frozen();
  const auto lists = MakeLists(index, Upkeep::kTrain, {}).lists;
  const std::string path = testing::TempDir() + "/cordon_geometry_test";
  std::filesystem::remove(path);
  EXPECT_EQ(ReadGeometry(path).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(WriteGeometry(lists->geometry(), path).ok());
  std::ofstream(path + ".new") << "a draft that was not finished";
  const auto read = ReadGeometry(path);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)->lists(), lists->geometry().lists());
  EXPECT_FALSE(WriteGeometry(lists->geometry(), "/nowhere/at/all").ok());
  std::filesystem::remove(path);
  std::filesystem::remove(path + ".new");
}

}  // namespace
}  // namespace cordon
