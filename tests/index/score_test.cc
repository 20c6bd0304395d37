// Fears about the one score definition: that it depends on anything but the numbers.
#include "engine/index/score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/base/random.h"

namespace cordon {
namespace {

std::vector<float> RandomVector(Random& random, size_t dimension) {
  std::vector<float> vector(dimension);
  for (float& x : vector) x = static_cast<float>(random.Unit() * 2 - 1);
  return vector;
}

// The definition written out the slow way: each lane on its own, volatile against cleverness.
double DotByDefinition(const std::vector<float>& a, const std::vector<float>& b) {
  volatile double lane[8] = {};
  for (size_t l = 0; l < 8; ++l) {
    for (size_t i = l; i < a.size(); i += 8) {
      volatile double product = double{a[i]} * double{b[i]};
      lane[l] = lane[l] + product;
    }
  }
  volatile double low = (lane[0] + lane[1]) + (lane[2] + lane[3]);
  volatile double high = (lane[4] + lane[5]) + (lane[6] + lane[7]);
  return low + high;
}

TEST(ScoreTest, IsTheWrittenDefinitionToTheLastBit) {
  for (size_t dimension = 1; dimension <= 1025; dimension += dimension < 40 ? 1 : 61) {
    Random random(dimension);
    const std::vector<float> q = RandomVector(random, dimension);
    const std::vector<float> x = RandomVector(random, dimension);
    std::vector<float> difference(dimension);
    const double dot = DotByDefinition(q, x);
    EXPECT_EQ(Score(Metric::kInnerProduct, q.data(), x.data(), dimension), dot) << dimension;
    EXPECT_EQ(Score(Metric::kCosine, q.data(), x.data(), dimension),
              dot / (std::sqrt(DotByDefinition(q, q)) * std::sqrt(DotByDefinition(x, x))))
        << dimension;
  }
}

TEST(ScoreTest, L2IsMinusTheSquaredDistance) {
  const std::vector<float> q = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<float> x = {0, 2, 5, 4, 5, 6, 7, 8, 12};
  EXPECT_EQ(Score(Metric::kL2, q.data(), x.data(), q.size()), -14);
}

TEST(ScoreTest, PrintsNoMinusZero) {
  const std::vector<float> zero(5, 0.0f);
  const std::vector<float> minus(5, -0.0f);
  const std::vector<float> one(5, 1.0f);
  const std::vector<float> opposite = {1, -1, 0, 0, 0};
  for (Metric metric : {Metric::kCosine, Metric::kInnerProduct, Metric::kL2}) {
    for (const auto* q : {&zero, &minus, &one, &opposite}) {
      for (const auto* x : {&zero, &minus, &one, &opposite}) {
        const double score = Score(metric, q->data(), x->data(), 5);
        if (score == 0) {
          EXPECT_FALSE(std::signbit(score));
        }
      }
    }
  }
}

TEST(ScoreTest, ZeroVectorsHaveCosineZero) {
  const std::vector<float> zero(3, 0.0f);
  const std::vector<float> one(3, 1.0f);
  EXPECT_EQ(Score(Metric::kCosine, zero.data(), one.data(), 3), 0);
  EXPECT_EQ(Score(Metric::kCosine, one.data(), zero.data(), 3), 0);
  EXPECT_EQ(Score(Metric::kCosine, zero.data(), zero.data(), 3), 0);
}

TEST(ScoreTest, NeitherHugeNorTinyNumbersBreakIt) {
  for (const float x : {3e38f, 1e-45f, 1e-38f, 1.0f}) {
    const std::vector<float> a(1025, x);
    const std::vector<float> b(1025, -x);
    EXPECT_NEAR(Score(Metric::kCosine, a.data(), a.data(), a.size()), 1, 1e-12) << x;
    EXPECT_NEAR(Score(Metric::kCosine, a.data(), b.data(), a.size()), -1, 1e-12) << x;
    EXPECT_NEAR(Score(Metric::kL2, a.data(), b.data(), a.size()) / (-4.0 * 1025 * x * double{x}), 1,
                1e-12);
  }
}

}  // namespace
}  // namespace cordon
