// Vectors in whole numbers, a quarter of their floats' bytes: what a scan reads of every row. And
// the proof of how far off a dot product of codes can be.
//
// A row x is coded as x̂ = scale · code with |code| ≤ 127, scale = max|x_i| / 127 in float; a query
// q as q̂ likewise with |code| ≤ 4,096. What coding loses is stored beside a row, its residual
// r(x) = ‖x - x̂‖; for a query r(q) ≥ ‖q - q̂‖ is 0.501 scale(q) √dimension, from rounding
// (codes.cc).
//
// The bound. q·x - q̂·x̂ = q·(x - x̂) + (q - q̂)·x̂, and ‖x̂‖ ≤ ‖x‖ + r(x), so by Cauchy, Schwarz:
//   |q·x - q̂·x̂| ≤ ‖q‖ r(x) + r(q) (‖x‖ + r(x)) = (‖q‖ + r(q)) r(x) + r(q) ‖x‖.
// q̂·x̂ = scale(q) scale(x) Σ code(q) code(x), and the sum is exact on every instruction set:
// 4,096 dimensions · 4,096 · 127 < 2^31. The residuals are rounded up. In double nothing here over-
// or underflows, whatever finite floats there are: not their squares, nor the products of norms.
//   What is left is the rounding of doubles: that of Score(), of the norms (512 additions of 2^-53
// each, and a few operations) and of the arithmetic with them, together below 2^-41 ‖q‖‖x‖ (of a
// squared distance 2^-41 (‖q‖² + ‖x‖²)). kCodeSlack covers it.
//   Where a scale would be no normal float, the codes and the scale are zero: r(x) = ‖x‖, and the
// bound says nothing but what Cauchy and Schwarz do.
//
// L2 goes by norms, ‖q - x‖² = ‖q‖² + ‖x‖² - 2 q·x: twice the error of the dot product, so rows far
// from zero and near each other are told apart only by their floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/limits.h"
#include "engine/index/float_rows.h"
#include "engine/index/padded_query.h"

namespace cordon {

inline constexpr int kRowCodeMax = 127;
inline constexpr int kQueryCodeMax = 4096;
static_assert(RowStride(limits::kDimensionMax) * kRowCodeMax * kQueryCodeMax <= INT32_MAX);

inline constexpr double kCodeSlack = 0x1p-40;

// How the codes of a row are to be read.
struct CodeScale {
  float scale;
  float residual;
};

// Writes the codes of a row. `row` has `stride` finite floats, a multiple of kRowUnitFloats, padded
// with zeros; so is `codes` then. Pure; thread-safe.
CodeScale QuantiseRow(const float* row, size_t stride, int8_t* codes);

// A query in codes. 8 KiB: of the stack.
class QueryCodes {
 public:
  explicit QueryCodes(const PaddedQuery& query);

  const int16_t* codes() const { return codes_; }

  // q̂·x̂, given the sum of the products of codes.
  double Dot(int32_t sum, CodeScale row) const {
    return scale_ * double{row.scale} * static_cast<double>(sum);
  }
  // |Dot() - q·x| ≤ of_residual() · residual(x) + of_norm() · ‖x‖, the slack included.
  double of_residual() const { return of_residual_; }
  double of_norm() const { return of_norm_; }

 private:
  double scale_;
  double of_residual_;
  double of_norm_;
  alignas(64) int16_t codes_[RowStride(limits::kDimensionMax)];
};

// out[i] = Σ query[j] · rows[i][j], exactly. All have `stride` numbers, a multiple of
// kRowUnitFloats, within the limits above. Rows that follow each other in memory are read at its
// speed. One call is one dispatch: pass some hundred rows. Thread-safe.
void DotCodes(const int16_t* query, std::span<const int8_t* const> rows, size_t stride,
              int32_t* out);

// out[q][i] = Σ queries[q][j] · rows[i][j], exactly: what DotCodes() is of each query. The rows
// come from memory once for all queries. Thread-safe.
void DotCodesOfMany(std::span<const int16_t* const> queries, std::span<const int8_t* const> rows,
                    size_t stride, std::span<int32_t* const> out);

// The scalar twins: the same to the last bit (the residual up to its rounding), in plain C++.
CodeScale QuantiseRowScalar(const float* row, size_t stride, int8_t* codes);
void DotCodesScalar(const int16_t* query, std::span<const int8_t* const> rows, size_t stride,
                    int32_t* out);

}  // namespace cordon
