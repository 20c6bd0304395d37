// Fears about codes: that an answer is ruled out because some row's codes say less of it than the
// bound promises, or that a residual is smaller than what coding lost.
#include "engine/index/codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/random.h"
#include "engine/index/kernels.h"
#include "engine/index/vector_index.h"
#include "tests/index/world.h"

namespace cordon {
namespace {

// Rows that codes are bad at.
enum class Shape { kPlain, kOneHuge, kDenormal, kAllEqual, kHuge, kTiny, kSpread, kHalves, kZero };
constexpr Shape kShapes[] = {Shape::kPlain,    Shape::kOneHuge, Shape::kDenormal,
                             Shape::kAllEqual, Shape::kHuge,    Shape::kTiny,
                             Shape::kSpread,   Shape::kHalves,  Shape::kZero};

float Draw(Random& random, Shape shape, size_t i) {
  const double x = random.Unit() * 2 - 1;
  switch (shape) {
    case Shape::kPlain:
      return static_cast<float>(x);
    case Shape::kOneHuge:  // all the others are coded as 0
      return static_cast<float>(i == 3 ? 1e6 : x);
    case Shape::kDenormal:
      return static_cast<float>(x * 1e-43);
    case Shape::kAllEqual:
      return 0.7f;
    case Shape::kHuge:
      return static_cast<float>(x * 3.4e38);
    case Shape::kTiny:  // around the least scale
      return static_cast<float>(x * 3e-36);
    case Shape::kSpread:
      return static_cast<float>(x * std::pow(2.0, static_cast<double>(random.Below(60)) - 30));
    case Shape::kHalves:  // as far from a code as can be
      return i == 0 ? 127.0f : static_cast<float>(random.Below(100)) + 0.5f;
    case Shape::kZero:
      return 0;
  }
  return 0;
}

FloatRows DrawRow(Random& random, Shape shape, size_t dimension) {
  FloatRows row(1, dimension);
  for (size_t i = 0; i < dimension; ++i) row.row(0)[i] = Draw(random, shape, i);
  return row;
}

class CodesTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(UseInstructionSet(GetParam())); }
  void TearDown() override { ASSERT_TRUE(UseInstructionSet("")); }
};

TEST_P(CodesTest, TheResidualCoversWhatIsLost) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const size_t dimension = 1 + random.Below(300);
    const FloatRows row = DrawRow(random, kShapes[seed % std::size(kShapes)], dimension);
    CodeRows codes(1, dimension);
    const CodeScale scale = QuantiseRow(row.row(0), row.stride(), codes.row(0));
    long double lost = 0;
    for (size_t i = 0; i < row.stride(); ++i) {
      ASSERT_LE(std::abs(int{codes.row(0)[i]}), kRowCodeMax);
      const long double difference = static_cast<long double>(row.row(0)[i]) -
                                     static_cast<long double>(scale.scale) * codes.row(0)[i];
      lost += difference * difference;
    }
    ASSERT_TRUE(std::isfinite(scale.residual));
    ASSERT_GE(static_cast<long double>(scale.residual), std::sqrt(lost));
    ASSERT_LE(scale.residual, Norm(row.row(0), dimension) * 1.00001 + 1e-44);
  }
}

TEST_P(CodesTest, EverySumIsWithinTheBoundOfTheDefinition) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const size_t dimension = 1 + random.Below(seed % 50 == 0 ? limits::kDimensionMax : 300);
    const FloatRows q = DrawRow(random, kShapes[random.Below(std::size(kShapes))], dimension);
    FloatRows x = DrawRow(random, kShapes[random.Below(std::size(kShapes))], dimension);
    if (random.OneIn(8)) std::memcpy(x.row(0), q.row(0), dimension * sizeof(float));
    const double query_norm = Norm(q.row(0), dimension);
    const PaddedQuery query(Metric::kInnerProduct, {q.row(0), dimension}, query_norm);
    const QueryCodes codes(query);
    CodeRows row(1, dimension);
    const CodeScale scale = QuantiseRow(x.row(0), x.stride(), row.row(0));
    const int8_t* const rows[] = {row.row(0)};
    int32_t sum;
    DotCodes(codes.codes(), rows, x.stride(), &sum);
    const double score = Score(Metric::kInnerProduct, q.row(0), x.row(0), dimension);
    const double error =
        codes.of_residual() * double{scale.residual} + codes.of_norm() * Norm(x.row(0), dimension);
    ASSERT_LE(std::abs(codes.Dot(sum, scale) - score), error);
  }
}

TEST_P(CodesTest, NoSumOverflowsAtTheMostDimensions) {
  constexpr size_t kDimension = limits::kDimensionMax;
  FloatRows ones(2, kDimension);
  for (size_t i = 0; i < kDimension; ++i) {
    ones.row(0)[i] = 1;
    ones.row(1)[i] = -1;
  }
  const PaddedQuery query(Metric::kInnerProduct, {ones.row(0), kDimension}, std::sqrt(kDimension));
  const QueryCodes codes(query);
  CodeRows memory(2, kDimension);
  for (size_t r = 0; r < 2; ++r) QuantiseRow(ones.row(r), kDimension, memory.row(r));
  const int8_t* const rows[] = {memory.row(0), memory.row(1)};
  int32_t sums[2];
  DotCodes(codes.codes(), rows, kDimension, sums);
  EXPECT_EQ(sums[0], 4096 * 127 * 4096);
  EXPECT_EQ(sums[1], -4096 * 127 * 4096);
}

// More rows than are read at once, for numbers of queries that fill the kernel and that do not.
TEST_P(CodesTest, SumsOfManyQueriesAreThoseOfEach) {
  constexpr size_t kDimension = limits::kDimensionMax;
  constexpr size_t kRows = 70;
  Random random(11);
  CodeRows memory(kRows, kDimension);
  std::vector<const int8_t*> rows;
  for (size_t r = 0; r < kRows; ++r) {
    const FloatRows row = DrawRow(random, Shape::kPlain, kDimension);
    QuantiseRow(row.row(0), row.stride(), memory.row(r));
    rows.push_back(memory.row(r));
  }
  for (const size_t n : {size_t{1}, size_t{2}, size_t{4}, size_t{7}, size_t{32}}) {
    std::vector<std::vector<int16_t>> queries(n, std::vector<int16_t>(kDimension));
    std::vector<std::vector<int32_t>> sums(n, std::vector<int32_t>(kRows));
    std::vector<const int16_t*> all;
    std::vector<int32_t*> out;
    for (size_t q = 0; q < n; ++q) {
      for (int16_t& code : queries[q]) code = static_cast<int16_t>(random.Below(kQueryCodeMax));
      all.push_back(queries[q].data());
      out.push_back(sums[q].data());
    }
    DotCodesOfMany(all, rows, kDimension, out);
    std::vector<int32_t> twin(kRows);
    for (size_t q = 0; q < n; ++q) {
      DotCodesScalar(all[q], rows, kDimension, twin.data());
      ASSERT_EQ(sums[q], twin) << "query " << q << " of " << n;
    }
  }
}

std::vector<std::string> AllInstructionSets() {
  std::vector<std::string> names;
  for (std::string_view name : InstructionSets()) names.emplace_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Here, CodesTest, testing::ValuesIn(AllInstructionSets()),
                         [](const auto& info) { return info.param; });

// Rows of all shapes, or rows whose scores differ by less than codes or even floats can tell, in
// more than one block of a scan.
class HardRows {
 public:
  HardRows(uint64_t seed, Metric metric) : random_(seed), model(kDimension, metric) {
    const bool near_ties = random_.OneIn(2);
    const FloatRows center = DrawRow(random_, near_ties ? Shape::kPlain : Shape::kZero, kDimension);
    VectorIndexBuilder builder(VectorIndex(kDimension, metric, 700 * kDimension));
    for (size_t d = 0; d < kRows; ++d) {
      std::vector<float> vector(center.row(0), center.row(0) + kDimension);
      if (near_ties) {
        const float by = random_.OneIn(2) ? 1e-3f : 1e-7f;
        for (int i = 0; i < 3; ++i) vector[random_.Below(kDimension)] *= 1 + by;
      } else {
        const Shape shape = kShapes[random_.Below(std::size(kShapes))];
        for (size_t i = 0; i < kDimension; ++i) vector[i] = Draw(random_, shape, i);
      }
      const std::string id = std::to_string(d);
      model.documents[id] = {kAlways, kNever, {{0, {0, vector}}}};
      builder.Add(model.Whole(id, false));
    }
    index.emplace(builder.Finish());
    query = model.documents[std::to_string(random_.Below(kRows))].rows[0].vector;
    if (random_.OneIn(2)) {
      const Shape shape = kShapes[random_.Below(std::size(kShapes))];
      for (size_t i = 0; i < kDimension; ++i) query[i] = Draw(random_, shape, i);
    }
  }

 private:
  static constexpr size_t kDimension = 48;
  static constexpr size_t kRows = 2000;
  Random random_;

 public:
  Model model;
  std::optional<VectorIndex> index;
  std::vector<float> query;
};

class HardRowsTest : public testing::TestWithParam<Metric> {};

TEST_P(HardRowsTest, LoseNoAnswerAndKeepTheirOrder) {
  AllowedSet allowed{Bitmap(1), 0};
  allowed.classes.Set(0);
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const HardRows hard(seed, GetParam());
    for (const size_t k : {size_t{1}, size_t{10}, size_t{300}}) {
      const auto expected = hard.model.Search({0}, 0, hard.query, k);
      const auto hits = hard.index->Search(allowed, hard.query, {.k = k});
      ASSERT_EQ(hits->size(), k);
      for (size_t i = 0; i < k; ++i) {
        ASSERT_EQ((*hits)[i].document, expected[i].document) << "rank " << i;
        ASSERT_LE((*hits)[i].score.low, expected[i].score) << "rank " << i;
        ASSERT_GE((*hits)[i].score.high, expected[i].score) << "rank " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, HardRowsTest,
                         testing::Values(Metric::kCosine, Metric::kInnerProduct, Metric::kL2));

}  // namespace
}  // namespace cordon
