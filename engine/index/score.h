// The one definition of a score. Whatever finds a row (SIMD kernel, quantised code, plan), its
// score is what Score() says, so that an answer is the same bytes on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cordon {

// How similar two vectors are; higher scores are better in each.
enum class Metric : uint8_t { kCosine, kInnerProduct, kL2 };

// The score of `row` for `query`, each `dimension` finite floats; no alignment is needed.
//   kCosine        dot / (sqrt(qq) * sqrt(xx)), 0 if either vector is zero
//   kInnerProduct  dot
//   kL2            minus the sum of squared differences
// Every sum is in double over eight lanes: lane i adds the elements i, i + 8, i + 16, … in this
// order, and the lanes are added as ((0+1)+(2+3))+((4+5)+(6+7)). Floats as doubles neither overflow
// nor underflow here. Never -0. The build passes -ffp-contract=off, so no fused operation changes
// a rounding; a product of two floats is exact in double, so one fused by hand changes none. Every
// instruction set gives the same bits. Pure; thread-safe.
double Score(Metric metric, const float* query, const float* row, size_t dimension);

// The Euclidean norm by the same sum: sqrt(dot of `vector` with itself). Finite iff the vector is.
double Norm(const float* vector, size_t dimension);

// A row whose Norm() is known.
struct NormedRow {
  const float* vector;
  double norm;
};

// out[i] = Score(metric, query, rows[i]), given Norm(query): several rows at once, which is faster.
void ScoreRows(Metric metric, const float* query, double query_norm,
               std::span<const NormedRow> rows, size_t dimension, double* out);

// The scalar twin of Score(): the definition in plain C++, the oracle of the tests.
double ScoreScalar(Metric metric, const float* query, const float* row, size_t dimension);

}  // namespace cordon
