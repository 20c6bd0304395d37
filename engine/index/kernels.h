// SIMD kernels that estimate scores, and the proof of how far off an estimate can be.
//
// Kernels only propose: they say which rows may be among the best, Score() decides. So their
// rounding may differ between instruction sets without changing any answer, as long as the bound
// below holds.
//
// The bound (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §3.1), u = 2^-24:
// a float sum of products in which no product passes through more than h roundings is off by at
// most γ(h) Σ|q_i x_i| ≤ γ(h) ‖q‖‖x‖, γ(h) = hu / (1 - hu), whatever the order and with or without
// fused operations. A sum of squared differences has three more roundings, and since its terms are
// positive, it is off by at most γ(h + 3) times itself. h is the longest chain of one lane of one
// accumulator, plus the additions that join accumulators and lanes.
//   Underflow adds at most 2^-126 for each element, also where denormals are flushed to zero
// (2^-150 where they are not). With both norms in [1e-10, 1e15] this is below u ‖q‖‖x‖, and
// nothing overflows, since no partial sum exceeds ‖q‖‖x‖ (1 + γ) or (‖q‖ + ‖x‖)² (1 + γ).
//   The double arithmetic around a kernel and that of Score() itself are off by less than u
// in total (4096 / 8 additions of 2^-53 each). kSlack covers these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cordon {

// Outside of these norms estimates may overflow or underflow: score such rows by Score().
inline constexpr double kNormMin = 1e-10;
inline constexpr double kNormMax = 1e15;

// Estimates for rows, in this order: out[i] = q · rows[i] or ‖q - rows[i]‖². The query and every
// row have `stride` floats, a multiple of kRowUnitFloats, are aligned to 64 bytes and padded with
// zeros. `out` has room for rows.size() floats. One call is one dispatch: pass all rows at once.
// Thread-safe.
void DotRows(const float* query, std::span<const float* const> rows, size_t stride, float* out);
void SquaredDistanceRows(const float* query, std::span<const float* const> rows, size_t stride,
                         float* out);

// The scalar twins: the same contract in plain C++, the oracle of the tests.
void DotRowsScalar(const float* query, std::span<const float* const> rows, size_t stride,
                   float* out);
void SquaredDistanceRowsScalar(const float* query, std::span<const float* const> rows,
                               size_t stride, float* out);

// The bound of the kernels now in use: |estimate - Score()| ≤ error, for
//   dot               error = relative * ‖q‖ * ‖x‖, both norms in [kNormMin, kNormMax]
//   squared distance  error = relative * estimate + absolute, both norms ≤ kNormMax
// norms rounded to float included.
struct RoundingBound {
  double relative;
  double absolute;
};
RoundingBound KernelBound(size_t stride);
// The same for the scalar twins.
RoundingBound ScalarBound(size_t stride);

// The instruction set in use: "AVX3", "AVX2", "SSE4", "NEON", … (Highway's names).
std::string_view InstructionSet();

// The instruction sets that are compiled in and that this processor has, the best first.
std::vector<std::string_view> InstructionSets();

// Uses this one of InstructionSets() from now on, or the best if empty; false if there is none of
// that name. For tests and benches: no kernel may run meanwhile.
bool UseInstructionSet(std::string_view name);

}  // namespace cordon
