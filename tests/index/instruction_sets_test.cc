// Fear: that some kernel, on some instruction set, at some length, for some numbers, says something
// else than its scalar twin. R9 of the table of promises: the final score to the last bit,
// sums of codes likewise, estimates within the proven bound, and a NaN or an infinity spoils no row
// but its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/bins.h"
#include "engine/index/bit_codes.h"
#include "engine/index/codes.h"
#include "engine/index/float_rows.h"
#include "engine/index/kernels.h"
#include "engine/index/padded_query.h"
#include "engine/index/score.h"
#include "tests/effort.h"

namespace cordon {
namespace {

constexpr size_t kDimensionMax = 1025;
// Of most cases: all remainders of several registers, and none takes long.
constexpr size_t kUsualDimensionMax = 160;
// More than a stream of rows, and than the rows fetched ahead.
constexpr size_t kStreamRowsMax = 40;

constexpr float kDenormal = 1e-40f;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

bool InRange(double norm) { return kNormMin <= norm && norm <= kNormMax; }

// How large the numbers of a vector are: from zero and denormals to those whose squares, as floats,
// overflow.
struct Scale {
  float factor;
  bool mixed;  // every number has its own exponent
};

Scale DrawScale(Random& random) {
  constexpr float kFactors[] = {1,     1,      1,     1e-3f, 1e3f,   1e-10f,
                                1e13f, 1e-20f, 1e25f, 1e38f, 1e-40f, 0};
  return {kFactors[random.Below(std::size(kFactors))], random.OneIn(6)};
}

float DrawNumber(Random& random, Scale scale) {
  const uint64_t bits = random.Next();
  const float unit = static_cast<float>(static_cast<int64_t>(bits) >> 40) * 0x1p-23f;  // [-1, 1)
  if (bits % 64 == 0) return bits % 128 == 0 ? kDenormal : 0;
  if (!scale.mixed) return unit * scale.factor;
  return std::ldexp(unit, static_cast<int>(bits / 64 % 41) - 20) * std::min(scale.factor, 1e30f);
}

void Fill(Random& random, float* vector, size_t dimension) {
  const Scale scale = DrawScale(random);
  for (size_t i = 0; i < dimension; ++i) vector[i] = DrawNumber(random, scale);
}

// A query and rows: apart or one after the other, equal to the query or nearly, and some of them
// spoiled by a NaN or an infinity.
struct Case {
  explicit Case(Random& random)
      : dimension(1 + random.Below(random.OneIn(4) ? kDimensionMax : kUsualDimensionMax)),
        query(1, dimension),
        memory(kStreamRowsMax, dimension),
        spoiled(kStreamRowsMax, false) {
    Fill(random, query.row(0), dimension);
    const size_t n = random.OneIn(8) ? 1 + random.Below(kStreamRowsMax) : 1 + random.Below(9);
    const bool apart = random.OneIn(2);
    for (size_t i = 0; i < n; ++i) {
      const size_t place = apart ? i * (kStreamRowsMax / n) : i;
      float* row = memory.row(place);
      rows.push_back(row);
      if (random.OneIn(8)) {
        std::copy(query.row(0), query.row(0) + dimension, row);
        row[random.Below(dimension)] *= 1.0000002f;
      } else {
        Fill(random, row, dimension);
      }
      if (!random.OneIn(12)) continue;
      spoiled[i] = true;
      row[random.Below(dimension)] = random.OneIn(2)   ? kNan
                                     : random.OneIn(2) ? kInfinity
                                                       : -kInfinity;
    }
  }

  const float* q() const { return query.row(0); }

  size_t dimension;
  FloatRows query;
  FloatRows memory;
  std::vector<const float*> rows;
  std::vector<bool> spoiled;
};

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

void CheckScores(const Case& c) {
  const size_t n = c.rows.size();
  const double query_norm = Norm(c.q(), c.dimension);
  for (const Metric metric : {Metric::kCosine, Metric::kInnerProduct, Metric::kL2}) {
    std::vector<NormedRow> rows;
    for (const float* row : c.rows) rows.push_back({row, Norm(row, c.dimension)});
    std::vector<double> scores(n);
    ScoreRows(metric, c.q(), query_norm, rows, c.dimension, scores.data());
    for (size_t i = 0; i < n; ++i) {
      if (c.spoiled[i]) {
        ASSERT_FALSE(std::isfinite(rows[i].norm)) << "a bad vector has a good norm: row " << i;
        continue;
      }
      const double twin = ScoreScalar(metric, c.q(), c.rows[i], c.dimension);
      ASSERT_TRUE(SameBits(scores[i], twin)) << scores[i] << " is not " << twin << ", row " << i;
      const double alone = Score(metric, c.q(), c.rows[i], c.dimension);
      ASSERT_TRUE(SameBits(alone, twin)) << alone << " is not " << twin << ", row " << i;
    }
  }
}

void CheckDots(const Case& c, const std::vector<float>& out, RoundingBound bound) {
  const double query_norm = Norm(c.q(), c.dimension);
  for (size_t i = 0; i < c.rows.size(); ++i) {
    if (c.spoiled[i]) {
      ASSERT_FALSE(std::isfinite(out[i])) << "row " << i;
      continue;
    }
    const double norm = Norm(c.rows[i], c.dimension);
    if (!InRange(query_norm) || !InRange(norm)) continue;
    const double score = ScoreScalar(Metric::kInnerProduct, c.q(), c.rows[i], c.dimension);
    ASSERT_LE(std::abs(double{out[i]} - score), bound.relative * query_norm * norm) << "row " << i;
  }
}

void CheckDistances(const Case& c, const std::vector<float>& out, RoundingBound bound) {
  const double query_norm = Norm(c.q(), c.dimension);
  for (size_t i = 0; i < c.rows.size(); ++i) {
    if (c.spoiled[i]) {
      ASSERT_FALSE(std::isfinite(out[i])) << "row " << i;
      continue;
    }
    if (!(query_norm <= kNormMax && Norm(c.rows[i], c.dimension) <= kNormMax)) continue;
    const double score = ScoreScalar(Metric::kL2, c.q(), c.rows[i], c.dimension);
    ASSERT_LE(std::abs(-double{out[i]} - score), bound.relative * double{out[i]} + bound.absolute)
        << "row " << i;
  }
}

void CheckEstimates(const Case& c) {
  const size_t stride = c.query.stride();
  const RoundingBound bound = KernelBound(stride);
  const RoundingBound scalar = ScalarBound(stride);
  std::vector<float> out(c.rows.size());
  DotRows(c.q(), c.rows, stride, out.data());
  ASSERT_NO_FATAL_FAILURE(CheckDots(c, out, bound)) << "kernel";
  DotRowsScalar(c.q(), c.rows, stride, out.data());
  ASSERT_NO_FATAL_FAILURE(CheckDots(c, out, scalar)) << "scalar twin";
  SquaredDistanceRows(c.q(), c.rows, stride, out.data());
  ASSERT_NO_FATAL_FAILURE(CheckDistances(c, out, bound)) << "kernel";
  SquaredDistanceRowsScalar(c.q(), c.rows, stride, out.data());
  ASSERT_NO_FATAL_FAILURE(CheckDistances(c, out, scalar)) << "scalar twin";
}

// The sums of many queries, the last of which is `codes`, are each query's own.
void CheckCodesOfMany(const QueryCodes& codes, const std::vector<const int8_t*>& rows,
                      size_t stride, Random& random) {
  constexpr size_t kQueriesMax = 10;
  const size_t n = 1 + random.Below(kQueriesMax);
  std::vector<std::vector<int16_t>> drawn(n - 1, std::vector<int16_t>(stride));
  std::vector<const int16_t*> queries;
  for (std::vector<int16_t>& query : drawn) {
    for (int16_t& code : query) {
      code = static_cast<int16_t>(static_cast<int>(random.Below(2 * kQueryCodeMax + 1)) -
                                  kQueryCodeMax);
    }
    queries.push_back(query.data());
  }
  queries.push_back(codes.codes());
  std::vector<std::vector<int32_t>> sums(n, std::vector<int32_t>(rows.size()));
  std::vector<int32_t*> out;
  for (std::vector<int32_t>& of_query : sums) out.push_back(of_query.data());
  DotCodesOfMany(queries, rows, stride, out);
  std::vector<int32_t> twin(rows.size());
  for (size_t q = 0; q < n; ++q) {
    DotCodesScalar(queries[q], rows, stride, twin.data());
    ASSERT_EQ(sums[q], twin) << "query " << q << " of " << n;
  }
}

// Codes, their sums and residuals are the scalar twins', and no dot product is further off than the
// bound, whatever finite numbers there are.
void CheckCodes(const Case& c, Random& random) {
  const size_t stride = c.query.stride();
  const double query_norm = Norm(c.q(), c.dimension);
  const PaddedQuery query(Metric::kInnerProduct, {c.q(), c.dimension}, query_norm);
  const QueryCodes codes(query);
  CodeRows memory(c.rows.size(), c.dimension), twin(1, c.dimension);
  std::vector<const int8_t*> rows;
  std::vector<size_t> row_of;
  std::vector<CodeScale> scales;
  for (size_t i = 0; i < c.rows.size(); ++i) {
    if (c.spoiled[i]) continue;
    scales.push_back(QuantiseRow(c.rows[i], stride, memory.row(i)));
    rows.push_back(memory.row(i));
    row_of.push_back(i);
    const CodeScale scalar = QuantiseRowScalar(c.rows[i], stride, twin.row(0));
    ASSERT_EQ(scales.back().scale, scalar.scale) << "row " << i;
    ASSERT_NEAR(scales.back().residual, scalar.residual, scalar.residual * 1e-6) << "row " << i;
    ASSERT_TRUE(std::equal(twin.row(0), twin.row(0) + stride, memory.row(i))) << "row " << i;
  }
  std::vector<int32_t> sums(rows.size()), scalar(rows.size());
  DotCodes(codes.codes(), rows, stride, sums.data());
  DotCodesScalar(codes.codes(), rows, stride, scalar.data());
  ASSERT_EQ(sums, scalar);
  ASSERT_NO_FATAL_FAILURE(CheckCodesOfMany(codes, rows, stride, random));
  for (size_t r = 0; r < rows.size(); ++r) {
    const float* row = c.rows[row_of[r]];
    const double score = ScoreScalar(Metric::kInnerProduct, c.q(), row, c.dimension);
    const double error =
        codes.of_residual() * double{scales[r].residual} + codes.of_norm() * Norm(row, c.dimension);
    ASSERT_LE(std::abs(codes.Dot(sums[r], scales[r]) - score), error) << "row " << row_of[r];
  }
}

// Rotations, tables, sums and upper ends are the scalar twins', to the last bit.
void CheckBits(const Case& c, Random& random) {
  if (c.dimension < 16) return;
  const Rotation rotation(c.dimension, random.Next());
  const size_t size = rotation.size();
  FloatRows rotated(c.rows.size() + 1, size), twin(1, size), mean(1, size);
  const auto rotate = [&](const float* vector, size_t i) {
    const float scale = static_cast<float>(std::min(1.0, 1 / Norm(vector, c.dimension)));
    rotation.Apply(vector, std::isfinite(scale) ? scale : 1, rotated.row(i));
    rotation.ApplyScalar(vector, std::isfinite(scale) ? scale : 1, twin.row(0));
    ASSERT_TRUE(std::equal(twin.row(0), twin.row(0) + size, rotated.row(i),
                           [](float a, float b) { return SameBits(a, b); }));
  };
  rotate(c.q(), c.rows.size());
  CodeBlocks blocks(c.rows.size(), size);
  std::vector<uint32_t> masks(blocks.blocks());
  for (size_t i = 0; i < c.rows.size(); ++i) {
    if (c.spoiled[i]) continue;
    ASSERT_NO_FATAL_FAILURE(rotate(c.rows[i], i));
    blocks.Put(i, static_cast<uint32_t>(i * 3), EstimateForm::kDot, rotated.row(i), mean.row(0),
               mean.row(0));
    ASSERT_EQ(blocks.id(i), i * 3);
    if (!random.OneIn(3)) masks[i / kBlockEntries] |= uint32_t{1} << i % kBlockEntries;
  }
  const QueryTables tables(EstimateForm::kDot, rotated.row(c.rows.size()), size, 2.0f);
  std::vector<float> all(blocks.blocks() * kBlockEntries), all_twin(all.size());
  EstimateBlocks(tables, blocks.block(0), blocks.blocks(), all.data());
  EstimateBlocksScalar(tables, blocks.block(0), blocks.blocks(), all_twin.data());
  for (size_t i = 0; i < all.size(); ++i) ASSERT_TRUE(SameBits(all[i], all_twin[i])) << i;
  const float floor = all[random.Below(all.size())];
  std::vector<Estimated> found(all.size()), found_twin(all.size());
  const BlockRange range{blocks.block(0), masks};
  const size_t n = ScanBlocks(tables, 0.25f, floor, range, nullptr, 0, found.data());
  ASSERT_EQ(n, ScanBlocksScalar(tables, 0.25f, floor, range, found_twin.data()));
  for (size_t i = 0; i < n; ++i) {
    ASSERT_TRUE(SameBits(found[i].upper, found_twin[i].upper));
    ASSERT_EQ(found[i].id, found_twin[i].id);
  }
}

// The lengths of a search: hundreds of keys, all near each other or few of them high.
void CheckBins(Random& random) {
  const size_t n = kBinUnit * (1 + random.Below(12));
  const Scale scale{std::min(DrawScale(random).factor, 1e30f), random.OneIn(6)};
  std::vector<float> keys(n);
  for (float& key : keys) key = DrawNumber(random, scale);
  std::vector<uint8_t> bins(n), twin(n);
  ToBins(keys.data(), n, bins.data());
  ToBinsScalar(keys.data(), n, twin.data());
  ASSERT_EQ(bins, twin);
  const auto least = static_cast<uint8_t>(random.Below(256));
  const auto most = static_cast<uint8_t>(least + random.Below(256 - least));
  ASSERT_EQ(CountBins(bins.data(), n, least), CountBinsScalar(bins.data(), n, least));
  std::vector<uint32_t> places(n), places_twin(n);
  const size_t found = FindBins(bins.data(), n, least, most, places.data());
  ASSERT_EQ(found, FindBinsScalar(bins.data(), n, least, most, places_twin.data()));
  ASSERT_TRUE(std::equal(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(found),
                         places_twin.begin()));
}

TEST(InstructionSetsTest, EachAgreesWithTheScalarTwinsWhateverTheNumbers) {
  Effort effort("R9", 100'000);
  Random random(effort.seed());
  const auto sets = InstructionSets();
  uint64_t rows = 0;
  while (effort.More()) {
    const std::string_view set = sets[effort.rounds() % sets.size()];
    ASSERT_TRUE(UseInstructionSet(set));
    const Case c(random);
    SCOPED_TRACE(testing::Message() << set << ", dimension " << c.dimension << ", " << c.rows.size()
                                    << " rows, round " << effort.rounds());
    CheckScores(c);
    CheckEstimates(c);
    CheckCodes(c, random);
    CheckBits(c, random);
    if (effort.rounds() / sets.size() % 8 == 0) CheckBins(random);  // with each set
    if (HasFatalFailure()) break;
    rows += c.rows.size();
  }
  ASSERT_TRUE(UseInstructionSet(""));
  effort.Report("instruction_sets={} vectors={} different={}", sets.size(), rows,
                HasFatalFailure() ? 1 : 0);
}

}  // namespace
}  // namespace cordon
