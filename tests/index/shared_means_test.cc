// Fears about centroids, which an erasure leaves as they are: that one is the vector of a document.
#include "engine/index/shared_means.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "engine/index/geometry.h"
#include "engine/index/training.h"
#include "tests/index/listed_world.h"

namespace cordon {
namespace {

constexpr size_t kMeansDimension = 16;

// Rows whose first number is given.
FloatRows RowsOf(const std::vector<float>& firsts) {
  FloatRows rows(firsts.size(), kMeansDimension);
  for (size_t i = 0; i < firsts.size(); ++i) rows.row(i)[0] = firsts[i];
  return rows;
}

SharedMeans MeansOfThree(const std::vector<float>& firsts, const std::vector<int64_t>& nearest) {
  return MeansOf(RowsOf(firsts), nearest, kMeansDimension, /*lists=*/3);
}

VectorIndex IndexOf(const std::vector<std::vector<float>>& vectors, Metric metric) {
  VectorIndex index(kMeansDimension, metric);
  std::vector<std::string> ids(vectors.size());
  std::vector<DocumentChange> changes(vectors.size());
  for (size_t i = 0; i < vectors.size(); ++i) {
    ids[i] = std::to_string(i);
    changes[i].document = ids[i];
    changes[i].rows = {{0, 0, vectors[i].data()}};
  }
  return index.Apply(changes);
}

std::shared_ptr<const Geometry> Trained(const std::vector<std::vector<float>>& vectors,
                                        Metric metric) {
  const VectorIndex index = IndexOf(vectors, metric);
  return Train(metric, kMeansDimension, /*revision=*/1, index.segments(), [] { return false; });
}

TEST(SharedMeansTest, AListOfFewRowsIsTheirs) {
  // The second has one row too few, the third one.
  const auto means =
      MeansOfThree({1, 2, 3, 4, 10, 20, 21, 22, 23, 99, 5}, {0, 0, 0, 0, 0, 1, 1, 1, 1, 2, -1});
  ASSERT_EQ(means.lists, 1u);
  EXPECT_EQ(means.centroids.row(0)[0], 4.0f);
  EXPECT_EQ(means.centroids.row(0)[1], 0.0f);
  EXPECT_EQ(means.rows, (std::vector<uint32_t>{0, 1, 2, 3, 4}));
}

// As a text that a document repeats.
TEST(SharedMeansTest, TheSameRowManyTimesIsManyRows) {
  std::vector<float> firsts = {1, 2, 3, 4};
  std::vector<int64_t> nearest = {1, 1, 1, 1};
  for (int i = 0; i < 20; ++i) {
    firsts.push_back(static_cast<float>(1 + i % 4));
    nearest.push_back(1);
  }
  const auto means = MeansOfThree(firsts, nearest);
  ASSERT_EQ(means.lists, 1u);
  for (size_t d = 0; d < kMeansDimension; ++d) EXPECT_EQ(means.centroids.row(0)[d], 0.0f) << d;
  EXPECT_EQ(means.rows.size(), firsts.size()) << "all lie about it";
  firsts.push_back(5);
  nearest.push_back(1);
  EXPECT_GT(MeansOfThree(firsts, nearest).centroids.row(0)[0], 2.0f);
}

class SharedMeansOf : public testing::TestWithParam<Metric> {};
INSTANTIATE_TEST_SUITE_P(Metrics, SharedMeansOf, kMetrics, NameOf);

// Among them some that are far from all others, alone or as copies of one.
TEST_P(SharedMeansOf, ACentroidIsSomebodysVector) {
  Random random(17);
  Clusters clusters(random, kMeansDimension, 12);
  std::vector<std::vector<float>> vectors;
  for (size_t i = 0; i < 2000; ++i) vectors.push_back(clusters.Next());
  for (size_t far = 0; far < 40; ++far) {
    std::vector<float> vector = clusters.Next();
    vector[far % kMeansDimension] += far % 2 == 0 ? 50 : -50;
    if (far >= 32) vector = vectors.back();
    vectors.push_back(vector);
  }
  const auto geometry = Trained(vectors, GetParam());
  ASSERT_GT(geometry->lists(), 20u);
  FloatRows rotated(1, geometry->size());
  float least = INFINITY;
  for (const auto& vector : vectors) {
    const double norm =
        std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
    geometry->Rotate(vector.data(), norm, rotated.row(0));
    for (size_t l = 0; l < geometry->lists(); ++l) {
      least =
          std::min(least, RotatedDistance(rotated.row(0), geometry->centroid(l), geometry->size()));
    }
  }
  EXPECT_GT(least, 1e-4f);
}

// To train on them is all right, and they are found.
TEST_P(SharedMeansOf, RowsThatAreAllTheSameAreTrainedOn) {
  const std::vector<float> row(kMeansDimension, 0.25f);
  const VectorIndex index = Upkept(IndexOf(std::vector(300, row), GetParam()), Upkeep::kTrain);
  const Geometry& geometry = index.lists()->geometry();
  ASSERT_EQ(geometry.lists(), 1u);
  for (size_t d = 0; d < geometry.size(); ++d) EXPECT_EQ(geometry.centroid(0)[d], 0.0f) << d;
  const AllowedSet allowed = AllowedOf({0}, 1);
  SearchTrace trace;
  const auto fast = index.Search(allowed, row, Fast(10), &trace);
  const auto exact = index.Search(allowed, row, {.k = 10});
  ASSERT_TRUE(fast.ok() && exact.ok());
  EXPECT_EQ(trace.plan, SearchPlan::kLists);
  ASSERT_EQ(fast->size(), 10u);
  ASSERT_EQ(exact->size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ((*fast)[i].document, (*exact)[i].document) << i;
}

// Of unit length they differ, by rounding.
TEST(SharedMeansTest, ScaledCopiesOfOneVectorAreManyRows) {
  Random random(5);
  const std::vector<float> vector = Clusters(random, kMeansDimension, 1).Next();
  std::vector<std::vector<float>> copies(300, vector);
  for (size_t i = 0; i < copies.size(); ++i) {
    for (float& x : copies[i]) x *= 1 + 0.37f * static_cast<float>(i);
  }
  const auto geometry = Trained(copies, Metric::kCosine);
  ASSERT_EQ(geometry->lists(), 1u);
  for (size_t d = 0; d < geometry->size(); ++d) EXPECT_EQ(geometry->centroid(0)[d], 0.0f) << d;
}

}  // namespace
}  // namespace cordon
