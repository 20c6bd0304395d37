// Fears about kernels: that an estimate is further off than the bound says, on some instruction
// set, at some length, for some numbers. A too small bound silently loses answers.
#include "engine/index/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/float_rows.h"
#include "engine/index/score.h"

namespace cordon {
namespace {

constexpr size_t kRows = 37;  // more than one batch of a kernel, and not a multiple

// How the numbers of a test vector look.
enum class KernelShape {
  kPlain,
  kSameSign,
  kSpread,
  kCancelling,
  kTiny,
  kHuge,
  kDenormalParts,
  kZero
};

float DrawShaped(Random& random, KernelShape shape, size_t i) {
  const double x = random.Unit() * 2 - 1;
  switch (shape) {
    case KernelShape::kPlain:
      return static_cast<float>(x);
    case KernelShape::kSameSign:
      return static_cast<float>(0.5 + std::abs(x) / 2);
    case KernelShape::kSpread:
      return static_cast<float>(x * std::pow(2.0, static_cast<double>(random.Below(30)) - 15));
    case KernelShape::kCancelling:
      return static_cast<float>((i % 2 == 0 ? 1 : -1) * (1 + x * 1e-6));
    case KernelShape::kTiny:
      return static_cast<float>((x < 0 ? -1 : 1) * 1.1e-10 * (1 + std::abs(x)));
    case KernelShape::kHuge:
      return static_cast<float>(x * 3e13);  // norm below 1e15 up to 1,025 dimensions
    case KernelShape::kDenormalParts:
      return i == 0 ? 1.0f : static_cast<float>(x * 1e-40);
    case KernelShape::kZero:
      return 0;
  }
  return 0;
}

constexpr KernelShape kKernelShapes[] = {KernelShape::kPlain,         KernelShape::kSameSign,
                                         KernelShape::kSpread,        KernelShape::kCancelling,
                                         KernelShape::kTiny,          KernelShape::kHuge,
                                         KernelShape::kDenormalParts, KernelShape::kZero};

struct Sample {
  Sample(Random& random, size_t dimension)
      : dimension(dimension), query(1, dimension), rows(kRows, dimension) {
    const KernelShape of_query = kKernelShapes[random.Below(std::size(kKernelShapes))];
    for (size_t i = 0; i < dimension; ++i) query.row(0)[i] = DrawShaped(random, of_query, i);
    for (size_t r = 0; r < kRows; ++r) {
      // One in eight is nearly the query: the hardest case for a distance.
      const KernelShape shape = kKernelShapes[random.Below(std::size(kKernelShapes))];
      const bool near = random.OneIn(8);
      for (size_t i = 0; i < dimension; ++i) {
        rows.row(r)[i] = near ? query.row(0)[i] * static_cast<float>(1 + 1e-7 * random.Unit())
                              : DrawShaped(random, shape, i);
      }
    }
    // Not one after the other, so that both ways of fetching are taken.
    for (size_t r = 0; r < kRows; ++r) {
      pointers.push_back(rows.row(random.OneIn(2) ? r : random.Below(kRows)));
    }
    if (random.OneIn(3)) {
      for (size_t r = 0; r < kRows; ++r) pointers[r] = rows.row(r);
    }
  }

  size_t dimension;
  FloatRows query;
  FloatRows rows;
  std::vector<const float*> pointers;
};

bool NormInRange(double norm) { return kNormMin <= norm && norm <= kNormMax; }

void CheckDots(const Sample& sample, const std::vector<float>& out, RoundingBound bound) {
  const double query_norm = Norm(sample.query.row(0), sample.dimension);
  for (size_t r = 0; r < kRows; ++r) {
    const float* row = sample.pointers[r];
    const double norm = Norm(row, sample.dimension);
    if (!NormInRange(query_norm) || !NormInRange(norm)) continue;
    const double score = Score(Metric::kInnerProduct, sample.query.row(0), row, sample.dimension);
    ASSERT_LE(std::abs(double{out[r]} - score), bound.relative * query_norm * norm)
        << "row " << r << " of dimension " << sample.dimension;
  }
}

void CheckDistances(const Sample& sample, const std::vector<float>& out, RoundingBound bound) {
  for (size_t r = 0; r < kRows; ++r) {
    const double score =
        Score(Metric::kL2, sample.query.row(0), sample.pointers[r], sample.dimension);
    ASSERT_LE(std::abs(-double{out[r]} - score), bound.relative * double{out[r]} + bound.absolute)
        << "row " << r << " of dimension " << sample.dimension;
  }
}

class KernelsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(UseInstructionSet(GetParam())); }
  void TearDown() override { ASSERT_TRUE(UseInstructionSet("")); }
};

TEST_P(KernelsTest, IsTheOneInUse) { EXPECT_EQ(InstructionSet(), GetParam()); }

TEST_P(KernelsTest, StaysWithinTheBoundOfTheDefinitionAtEveryDimension) {
  for (size_t dimension = 1; dimension <= 1025; ++dimension) {
    const uint64_t seed = dimension;
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Sample sample(random, dimension);
    const size_t stride = sample.query.stride();
    std::vector<float> out(kRows);
    DotRows(sample.query.row(0), sample.pointers, stride, out.data());
    CheckDots(sample, out, KernelBound(stride));
    SquaredDistanceRows(sample.query.row(0), sample.pointers, stride, out.data());
    CheckDistances(sample, out, KernelBound(stride));
    if (HasFatalFailure()) return;
  }
}

TEST_P(KernelsTest, AgreesWithItsScalarTwin) {
  for (const size_t dimension : {1, 7, 16, 63, 64, 65, 384, 768, 1025}) {
    Random random(dimension);
    const Sample sample(random, dimension);
    const size_t stride = sample.query.stride();
    const double query_norm = Norm(sample.query.row(0), dimension);
    std::vector<float> out(kRows), twin(kRows);
    DotRows(sample.query.row(0), sample.pointers, stride, out.data());
    DotRowsScalar(sample.query.row(0), sample.pointers, stride, twin.data());
    const double dot_error = KernelBound(stride).relative + ScalarBound(stride).relative;
    for (size_t r = 0; r < kRows; ++r) {
      const double norm = Norm(sample.pointers[r], dimension);
      if (!NormInRange(norm) || !NormInRange(query_norm)) continue;
      EXPECT_NEAR(out[r], twin[r], dot_error * query_norm * norm);
    }
    SquaredDistanceRows(sample.query.row(0), sample.pointers, stride, out.data());
    SquaredDistanceRowsScalar(sample.query.row(0), sample.pointers, stride, twin.data());
    for (size_t r = 0; r < kRows; ++r) {
      EXPECT_NEAR(out[r], twin[r], dot_error * twin[r] + 2 * ScalarBound(stride).absolute);
    }
  }
}

TEST_P(KernelsTest, ReadsEachRowOnceAndInOrder) {
  FloatRows rows(500, 3);
  std::vector<const float*> pointers;
  for (size_t r = 0; r < 500; ++r) {
    rows.row(r)[1] = static_cast<float>(r);
    pointers.push_back(rows.row(r));
  }
  FloatRows query(1, 3);
  query.row(0)[1] = 2;
  for (size_t n = 0; n <= pointers.size(); n += 1 + n / 8) {
    std::vector<float> out(n + 1, -1);
    DotRows(query.row(0), std::span(pointers).first(n), query.stride(), out.data());
    for (size_t r = 0; r < n; ++r) ASSERT_EQ(out[r], 2 * static_cast<float>(r));
    ASSERT_EQ(out[n], -1) << "wrote beyond the end";
  }
}

std::vector<std::string> KernelSets() {
  std::vector<std::string> names;
  for (std::string_view name : InstructionSets()) names.emplace_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Here, KernelsTest, testing::ValuesIn(KernelSets()),
                         [](const auto& info) { return info.param; });

TEST(ScalarTwinTest, StaysWithinItsBound) {
  for (size_t dimension = 1; dimension <= 1025; dimension += 8) {
    SCOPED_TRACE("seed " + std::to_string(dimension));
    Random random(dimension);
    const Sample sample(random, dimension);
    const size_t stride = sample.query.stride();
    std::vector<float> out(kRows);
    DotRowsScalar(sample.query.row(0), sample.pointers, stride, out.data());
    CheckDots(sample, out, ScalarBound(stride));
    SquaredDistanceRowsScalar(sample.query.row(0), sample.pointers, stride, out.data());
    CheckDistances(sample, out, ScalarBound(stride));
    if (HasFatalFailure()) return;
  }
}

TEST(InstructionSetTest, RefusesAnUnknownNameAndKeepsAWorkingOne) {
  EXPECT_FALSE(UseInstructionSet("MMX"));
  EXPECT_FALSE(InstructionSet().empty());
  EXPECT_TRUE(UseInstructionSet(""));
  EXPECT_EQ(InstructionSet(), InstructionSets().front());
}

}  // namespace
}  // namespace cordon
