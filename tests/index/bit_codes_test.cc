// Fears about 1-bit codes: that an estimate leans to one side, is further off than said, or depends
// on the place of a row; and that a rotation distorts.
#include "engine/index/bit_codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/geometry.h"

namespace cordon {
namespace {

void FillRandom(Random& random, float* out, size_t n, double scale) {
  for (size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int j = 0; j < 4; ++j) sum += random.Unit() - 0.5;
    out[i] = static_cast<float>(sum * scale);
  }
}

TEST(RotationTest, KeepsLengthsAndAngles) {
  Random random(1);
  for (const size_t dimension : {16, 17, 31, 64, 100, 128, 384, 500, 768, 784, 1024, 1536, 4096}) {
    const Rotation rotation(dimension, dimension);
    FloatRows a(1, dimension), b(1, dimension), ra(1, rotation.size()), rb(1, rotation.size());
    FillRandom(random, a.row(0), dimension, 1);
    FillRandom(random, b.row(0), dimension, 1);
    rotation.Apply(a.row(0), 1, ra.row(0));
    rotation.Apply(b.row(0), 1, rb.row(0));
    const double norm = Norm(a.row(0), dimension), other = Norm(b.row(0), dimension);
    EXPECT_NEAR(Norm(ra.row(0), rotation.size()), norm, 1e-4 * norm) << dimension;
    EXPECT_NEAR(Score(Metric::kInnerProduct, ra.row(0), rb.row(0), rotation.size()),
                Score(Metric::kInnerProduct, a.row(0), b.row(0), dimension), 1e-4 * norm * other)
        << dimension;
  }
}

// Even of a vector with one number, which codes of one bit would say nothing about.
TEST(RotationTest, SpreadsOverAllDimensions) {
  for (const size_t dimension : {16, 48, 384, 784}) {
    const Rotation rotation(dimension, 5);
    FloatRows a(1, dimension), ra(1, rotation.size());
    a.row(0)[dimension / 2] = 1;
    rotation.Apply(a.row(0), 1, ra.row(0));
    for (size_t i = 0; i < rotation.size(); ++i) {
      EXPECT_LE(std::abs(ra.row(0)[i]), 8 / std::sqrt(static_cast<float>(rotation.size())));
    }
  }
}

class EstimateTest : public testing::TestWithParam<EstimateForm> {};

// Over many rows the error has no mean, and the deviation that bit_codes.h says.
TEST_P(EstimateTest, IsUnbiasedWithTheErrorThatIsSaid) {
  constexpr size_t kSize = 256, kRows = 4096;
  Random random(3);
  FloatRows c(1, kSize), g(1, kSize), q(1, kSize), u(1, kSize), x(kRows, kSize);
  FillRandom(random, c.row(0), kSize, 1);
  FillRandom(random, g.row(0), kSize, 0.3);
  FillRandom(random, q.row(0), kSize, 1);
  for (size_t i = 0; i < kSize; ++i) u.row(0)[i] = q.row(0)[i] - g.row(0)[i];
  CodeBlocks blocks(kRows, kSize);
  for (size_t row = 0; row < kRows; ++row) {
    FillRandom(random, x.row(row), kSize, 0.7);
    for (size_t i = 0; i < kSize; ++i) x.row(row)[i] += c.row(0)[i];
    blocks.Put(row, static_cast<uint32_t>(row), GetParam(), x.row(row), c.row(0), g.row(0));
  }
  const bool dot = GetParam() == EstimateForm::kDot;
  const float term =
      dot ? RotatedDot(q.row(0), c.row(0), kSize) : -RotatedDistance(q.row(0), c.row(0), kSize);
  std::vector<float> low(kRows), high(kRows);
  EstimateBlocks(QueryTables(GetParam(), u.row(0), kSize, 0), blocks.block(0), blocks.blocks(),
                 low.data());
  EstimateBlocks(QueryTables(GetParam(), u.row(0), kSize, 1), blocks.block(0), blocks.blocks(),
                 high.data());
  double sum = 0, squares = 0;
  for (size_t row = 0; row < kRows; ++row) {
    const float score = dot ? RotatedDot(q.row(0), x.row(row), kSize)
                            : -RotatedDistance(q.row(0), x.row(row), kSize);
    const double deviation = high[row] - low[row];
    const double error = (term + low[row] - score) / deviation;
    sum += error;
    squares += error * error;
  }
  EXPECT_NEAR(sum / kRows, 0, 0.1);
  EXPECT_NEAR(std::sqrt(squares / kRows), 1, 0.15);
}

TEST_P(EstimateTest, MovesWithItsEntry) {
  constexpr size_t kSize = 48, kRows = 100;
  Random random(4);
  FloatRows c(1, kSize), q(1, kSize), x(1, kSize);
  FillRandom(random, q.row(0), kSize, 1);
  CodeBlocks from(kRows, kSize), to(kRows, kSize);
  for (size_t row = 0; row < kRows; ++row) {
    FillRandom(random, x.row(0), kSize, 1);
    from.Put(row, static_cast<uint32_t>(row), GetParam(), x.row(0), c.row(0), c.row(0));
  }
  for (size_t row = 0; row < kRows; ++row) {
    to.Copy(row, static_cast<uint32_t>(1000 + row), from, kRows - 1 - row);
    EXPECT_EQ(to.id(row), 1000 + row);
  }
  const QueryTables tables(GetParam(), q.row(0), kSize, 2);
  std::vector<float> a(from.blocks() * kBlockEntries), b(a.size());
  EstimateBlocks(tables, from.block(0), from.blocks(), a.data());
  EstimateBlocks(tables, to.block(0), to.blocks(), b.data());
  for (size_t row = 0; row < kRows; ++row) EXPECT_EQ(a[kRows - 1 - row], b[row]);
}

INSTANTIATE_TEST_SUITE_P(Forms, EstimateTest,
                         testing::Values(EstimateForm::kDot, EstimateForm::kDistance),
                         [](const auto& info) {
                           return info.param == EstimateForm::kDot ? "dot" : "distance";
                         });

}  // namespace
}  // namespace cordon
