// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/score.cc"
#include "engine/index/score.h"

#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#ifndef CORDON_SCORE_LANES
#define CORDON_SCORE_LANES
namespace cordon {
namespace {

constexpr size_t kLanes = 8;

// Rows of one kernel call, at most: with twelve sums the multiply-adds are the limit, not their
// latency, and AVX2 has no more registers.
constexpr size_t kRowsAtOnce = 6;

// Adds the lanes in the order that score.h promises.
inline double JoinLanes(const double* lane) {
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

// Products of floats as doubles are exact.
struct Product {
  double operator()(float q, float x) const { return double{q} * double{x}; }
};

struct SquaredDifference {
  double operator()(float q, float x) const {
    const double difference = double{q} - double{x};
    return difference * difference;
  }
};

// The definition, written down.
template <typename Term>
double SumScalar(const float* q, const float* x, size_t dimension, Term term) {
  double lane[kLanes] = {};
  for (size_t i = 0; i < dimension; ++i) lane[i % kLanes] += term(q[i], x[i]);
  return JoinLanes(lane);
}

}  // namespace
}  // namespace cordon
#endif  // CORDON_SCORE_LANES

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Four lanes even where there are eight: converting to eight at once takes more than twice as long
// (Zen 4: 62 ns for a row of 768 instead of 41).
using Doubles = hn::CappedTag<double, kLanes / 2>;
using Floats = hn::Rebind<float, Doubles>;
using Vector = hn::Vec<Doubles>;

HWY_INLINE Vector LoadDoubles(const float* p) {
  return hn::PromoteTo(Doubles(), hn::LoadU(Floats(), p));
}

// Vector terms, each beside the scalar one of the last elements.
struct AddProduct : Product {
  HWY_INLINE Vector Add(Vector q, Vector x, Vector sum) const { return hn::MulAdd(q, x, sum); }
};

// The product of a vector with itself, which is converted once. Not fused: the sums of one vector
// wait for each other, and an addition alone takes less time.
struct AddSquare : Product {
  HWY_INLINE Vector Add(Vector /*q*/, Vector x, Vector sum) const {
    return hn::Add(sum, hn::Mul(x, x));
  }
};

struct AddSquaredDifference : SquaredDifference {
  HWY_INLINE Vector Add(Vector q, Vector x, Vector sum) const {
    const Vector difference = hn::Sub(q, x);
    return hn::Add(sum, hn::Mul(difference, difference));
  }
};

// The sums of kRows rows. The eight lanes of a row are kVectors registers, each a chain of
// additions; up to twelve independent chains hide their latency.
template <size_t kVectors, size_t kRows, typename Term>
HWY_INLINE void SumSome(const float* q, const float* const* rows, size_t dimension, double* out,
                        Term term) {
  constexpr size_t kChains = kVectors * kRows;
  static_assert(kChains % 2 == 0 && kChains <= 12);
  const Doubles d;
  constexpr size_t kStep = kLanes / kVectors;
  // Chain c is the register c % kVectors of row c / kVectors.
  const auto row = [&](size_t c) { return rows[c / kVectors % kRows] + c % kVectors * kStep; };
  const auto of_query = [&](size_t c) { return q + c % kVectors * kStep; };
  const float *x0 = row(0), *x1 = row(1), *x2 = row(2), *x3 = row(3), *x4 = row(4), *x5 = row(5);
  const float *x6 = row(6), *x7 = row(7), *x8 = row(8), *x9 = row(9), *x10 = row(10);
  const float* x11 = row(11);
  Vector sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0, sum4 = sum0, sum5 = sum0;
  Vector sum6 = sum0, sum7 = sum0, sum8 = sum0, sum9 = sum0, sum10 = sum0, sum11 = sum0;
  size_t i = 0;
  for (; i + kLanes <= dimension; i += kLanes) {
    const auto add = [&](size_t c, const float* x, Vector sum) HWY_ATTR {
      return term.Add(LoadDoubles(of_query(c) + i), LoadDoubles(x + i), sum);
    };
    sum0 = add(0, x0, sum0);
    sum1 = add(1, x1, sum1);
    if constexpr (kChains > 2) sum2 = add(2, x2, sum2), sum3 = add(3, x3, sum3);
    if constexpr (kChains > 4) sum4 = add(4, x4, sum4), sum5 = add(5, x5, sum5);
    if constexpr (kChains > 6) sum6 = add(6, x6, sum6), sum7 = add(7, x7, sum7);
    if constexpr (kChains > 8) sum8 = add(8, x8, sum8), sum9 = add(9, x9, sum9);
    if constexpr (kChains > 10) sum10 = add(10, x10, sum10), sum11 = add(11, x11, sum11);
  }
  double lane[12 * kStep];
  const auto store = [&](size_t c, Vector sum) HWY_ATTR { hn::StoreU(sum, d, lane + c * kStep); };
  store(0, sum0), store(1, sum1);
  if constexpr (kChains > 2) store(2, sum2), store(3, sum3);
  if constexpr (kChains > 4) store(4, sum4), store(5, sum5);
  if constexpr (kChains > 6) store(6, sum6), store(7, sum7);
  if constexpr (kChains > 8) store(8, sum8), store(9, sum9);
  if constexpr (kChains > 10) store(10, sum10), store(11, sum11);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t l = 0; i + l < dimension; ++l) {
      lane[r * kLanes + l] += term(q[i + l], rows[r][i + l]);
    }
    out[r] = JoinLanes(lane + r * kLanes);
  }
}

// The sums of 1 ≤ n ≤ kRowsAtOnce rows; `rows` and `out` have room for kRowsAtOnce.
template <typename Term>
HWY_INLINE void Sum(const float* q, const float* const* rows, size_t n, size_t dimension,
                    double* out, Term term) {
  const size_t lanes = hn::Lanes(Doubles());
  if (lanes == 4) {
    if (n == 1) return SumSome<2, 1>(q, rows, dimension, out, term);
    if (n == 2) return SumSome<2, 2>(q, rows, dimension, out, term);
    if (n <= 4) return SumSome<2, 4>(q, rows, dimension, out, term);
    if (n == 5) return SumSome<2, 5>(q, rows, dimension, out, term);
    SumSome<2, 6>(q, rows, dimension, out, term);
  } else if (lanes == 2) {
    if (n == 1) return SumSome<4, 1>(q, rows, dimension, out, term);
    for (size_t r = 0; r < n; r += 2) SumSome<4, 2>(q, rows + r, dimension, out + r, term);
  } else {
    for (size_t r = 0; r < n; ++r) out[r] = SumScalar(q, rows[r], dimension, term);
  }
}

void Dots(const float* q, const float* const* rows, size_t n, size_t dimension, double* out) {
  Sum(q, rows, n, dimension, out, AddProduct());
}

double Square(const float* x, size_t dimension) {
  const float* const rows[kRowsAtOnce] = {x, x, x, x, x, x};
  double squares[kRowsAtOnce];
  Sum(x, rows, 1, dimension, squares, AddSquare());
  return squares[0];
}

void SquaredDistances(const float* q, const float* const* rows, size_t n, size_t dimension,
                      double* out) {
  Sum(q, rows, n, dimension, out, AddSquaredDifference());
}

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {
namespace {

HWY_EXPORT(Dots);
HWY_EXPORT(Square);
HWY_EXPORT(SquaredDistances);

// The score of a row whose sum is known. Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
double OfSum(Metric metric, double sum, double query_norm, double row_norm) {
  switch (metric) {
    case Metric::kCosine:
      return query_norm == 0 || row_norm == 0 ? 0 : sum / (query_norm * row_norm) + 0.0;
    case Metric::kInnerProduct:
      return sum + 0.0;
    case Metric::kL2:
      return 0.0 - sum;
  }
  return 0;
}

}  // namespace

double Norm(const float* vector, size_t dimension) {
  return std::sqrt(HWY_DYNAMIC_DISPATCH(Square)(vector, dimension));
}

double Score(Metric metric, const float* query, const float* row, size_t dimension) {
  const bool cosine = metric == Metric::kCosine;
  const NormedRow normed = {row, cosine ? Norm(row, dimension) : 0};
  double score;
  ScoreRows(metric, query, cosine ? Norm(query, dimension) : 0, {&normed, 1}, dimension, &score);
  return score;
}

void ScoreRows(Metric metric, const float* query, double query_norm,
               std::span<const NormedRow> rows, size_t dimension, double* out) {
  const auto sums =
      metric == Metric::kL2 ? HWY_DYNAMIC_DISPATCH(SquaredDistances) : HWY_DYNAMIC_DISPATCH(Dots);
  // Calls of equal size: one for a single row would take as long as one for four.
  size_t calls = (rows.size() + kRowsAtOnce - 1) / kRowsAtOnce;
  for (size_t begin = 0, n; begin < rows.size(); begin += n, --calls) {
    n = (rows.size() - begin + calls - 1) / calls;
    const float* vectors[kRowsAtOnce];
    for (size_t r = 0; r < kRowsAtOnce; ++r) vectors[r] = rows[begin + std::min(r, n - 1)].vector;
    double sum[kRowsAtOnce];
    sums(query, vectors, n, dimension, sum);
    for (size_t r = 0; r < n; ++r) {
      out[begin + r] = OfSum(metric, sum[r], query_norm, rows[begin + r].norm);
    }
  }
}

double ScoreScalar(Metric metric, const float* query, const float* row, size_t dimension) {
  const auto sum = [&](const float* a, const float* b) {
    return metric == Metric::kL2 ? SumScalar(a, b, dimension, SquaredDifference())
                                 : SumScalar(a, b, dimension, Product());
  };
  if (metric != Metric::kCosine) return OfSum(metric, sum(query, row), 0, 0);
  return OfSum(metric, sum(query, row), std::sqrt(sum(query, query)), std::sqrt(sum(row, row)));
}

}  // namespace cordon
#endif  // HWY_ONCE
