// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/codes.cc"
#include "engine/index/codes.h"

#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <cmath>
#include <limits>

#include "engine/base/check.h"

#ifndef CORDON_CODES_SCALE
#define CORDON_CODES_SCALE
namespace cordon {
namespace {

// The scale of codes up to `code_max`; 0 if it would be no normal float (the row may be zero).
inline float ScaleOf(float max, int code_max) {
  const float scale = max / static_cast<float>(code_max);
  return scale >= std::numeric_limits<float>::min() ? scale : 0;
}

// What a float is multiplied with for its code. Finite: 1 / (the least normal float) is.
inline float InverseOf(float scale) { return scale == 0 ? 0 : 1 / scale; }

// Rounded up, and more than what adding squares in double can lose (4,096 additions of 2^-53).
inline float RoundedUp(double norm) {
  const float up = static_cast<float>(norm * (1 + 0x1p-40));
  return double{up} >= norm * (1 + 0x1p-40)
             ? up
             : std::nextafter(up, std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace cordon
#endif  // CORDON_CODES_SCALE

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Never more than a row's unit of padding; four doubles, as in score.cc.
using Floats = hn::CappedTag<float, kRowUnitFloats>;
using Doubles = hn::CappedTag<double, 4>;

HWY_INLINE float MaxAbs(const float* x, size_t stride) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  auto max = hn::Zero(d);
  for (size_t i = 0; i < stride; i += lanes) max = hn::Max(max, hn::Abs(hn::LoadU(d, x + i)));
  return hn::GetLane(hn::MaxOfLanes(d, max));
}

CodeScale ToRowCodes(const float* x, size_t stride, int8_t* codes) {
  const Doubles d;
  const hn::Rebind<float, Doubles> of_floats;
  const hn::Rebind<int8_t, Doubles> of_codes;
  const size_t lanes = hn::Lanes(d);
  const float scale = ScaleOf(MaxAbs(x, stride), kRowCodeMax);
  const auto inverse = hn::Set(of_floats, InverseOf(scale));
  const auto scales = hn::Set(d, double{scale});
  // Adds the square of what is lost, exact but for the rounding of the square and of the sum.
  const auto step = [&](size_t i, auto sum) HWY_ATTR {
    const auto floats = hn::LoadU(of_floats, x + i);
    const auto code = hn::NearestInt(hn::Mul(floats, inverse));
    hn::StoreU(hn::DemoteTo(of_codes, code), of_codes, codes + i);
    const auto lost = hn::Sub(hn::PromoteTo(d, floats), hn::Mul(scales, hn::PromoteTo(d, code)));
    return hn::MulAdd(lost, lost, sum);
  };
  auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  static_assert(kRowUnitFloats % (4 * 4) == 0);  // of four registers of up to four doubles
  for (size_t i = 0; i < stride; i += 4 * lanes) {
    sum0 = step(i, sum0);
    sum1 = step(i + lanes, sum1);
    sum2 = step(i + 2 * lanes, sum2);
    sum3 = step(i + 3 * lanes, sum3);
  }
  const auto sum = hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
  return {scale, RoundedUp(std::sqrt(hn::GetLane(hn::SumOfLanes(d, sum))))};
}

// Once for each search, so without the loss, which is bounded well enough.
float ToQueryCodes(const float* x, size_t stride, int16_t* codes) {
  const Floats d;
  const hn::Rebind<int16_t, Floats> of_codes;
  const size_t lanes = hn::Lanes(d);
  const float scale = ScaleOf(MaxAbs(x, stride), kQueryCodeMax);
  const auto inverse = hn::Set(d, InverseOf(scale));
  for (size_t i = 0; i < stride; i += lanes) {
    const auto code = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), inverse));
    hn::StoreU(hn::DemoteTo(of_codes, code), of_codes, codes + i);
  }
  return scale;
}

// Sixteen products at a time, the unit of padding, in pairs that are added as 32-bit numbers; twice
// as many where a register holds them and a row still has them.
using Wide = hn::CappedTag<int16_t, kRowUnitFloats>;
using Wider = hn::CappedTag<int16_t, 2 * kRowUnitFloats>;
using Sums = hn::RepartitionToWide<Wide>;

// The processor's prefetcher follows a stream of rows that lie one after the other, but is late at
// each 4 KiB page and at each row that is apart: so many bytes are fetched ahead, into L2. One row
// at a time: two or more side by side get half of the bandwidth of memory, and from the cache they
// gain nothing.
constexpr size_t kAheadBytes = 4096;

// The sum of one row; fetches the row `next` on the way.
HWY_INLINE int32_t SumRow(const int16_t* HWY_RESTRICT q, const int8_t* HWY_RESTRICT x,
                          const int8_t* next, size_t stride) {
  constexpr size_t kFetched = 64;  // a line of the cache
  const Wider wider;
  const hn::RepartitionToWide<Wider> sums;
  const size_t lanes = hn::Lanes(wider);
  const auto widened = [x](auto d, size_t at) HWY_ATTR {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<int8_t, decltype(d)>(), x + at));
  };
  // Two chains of additions; the second of each stays zero on x86.
  auto even0 = hn::Zero(sums), even1 = even0, odd0 = even0, odd1 = even0;
  size_t i = 0;
  for (; i + kFetched <= stride; i += kFetched) {
    __builtin_prefetch(next + i, 0, 2);
    for (size_t j = i; j < i + kFetched; j += 2 * lanes) {
      const size_t odd = j + lanes;
      even0 = hn::ReorderWidenMulAccumulate(sums, hn::LoadU(wider, q + j), widened(wider, j), even0,
                                            even1);
      odd0 = hn::ReorderWidenMulAccumulate(sums, hn::LoadU(wider, q + odd), widened(wider, odd),
                                           odd0, odd1);
    }
  }
  const auto both = hn::Add(hn::Add(even0, even1), hn::Add(odd0, odd1));
  const int32_t sum = hn::GetLane(hn::SumOfLanes(sums, both));
  if (i == stride) return sum;
  const Wide wide;
  auto rest0 = hn::Zero(Sums()), rest1 = rest0;
  for (; i < stride; i += hn::Lanes(wide)) {
    rest0 = hn::ReorderWidenMulAccumulate(Sums(), hn::LoadU(wide, q + i), widened(wide, i), rest0,
                                          rest1);
  }
  return sum + hn::GetLane(hn::SumOfLanes(Sums(), hn::Add(rest0, rest1)));
}

void DotCodes(const int16_t* query, const int8_t* const* rows, size_t n, size_t stride,
              int32_t* out) {
  const size_t ahead = HWY_MAX(size_t{1}, kAheadBytes / stride);
  for (size_t i = 0; i < n; ++i) {
    out[i] = SumRow(query, rows[i], rows[HWY_MIN(i + ahead, n - 1)], stride);
  }
}

constexpr size_t kTogether = 4;  // queries for which a row is widened once

// The sums of one row with kTogether queries: out[q][i].
HWY_INLINE void SumRowTogether(const int16_t* const* queries, const int8_t* HWY_RESTRICT x,
                               const int8_t* next, size_t stride, int32_t* const* out, size_t i) {
  const Wide d;
  const hn::Rebind<int8_t, Wide> narrow;
  const Sums sums;
  const size_t lanes = hn::Lanes(d);
  const int16_t* const qa = queries[0];
  const int16_t* const qb = queries[1];
  const int16_t* const qc = queries[2];
  const int16_t* const qd = queries[3];
  auto a0 = hn::Zero(sums), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  const auto add = [&](size_t j) HWY_ATTR {
    const auto wide = hn::PromoteTo(d, hn::LoadU(narrow, x + j));
    a0 = hn::ReorderWidenMulAccumulate(sums, hn::LoadU(d, qa + j), wide, a0, a1);
    b0 = hn::ReorderWidenMulAccumulate(sums, hn::LoadU(d, qb + j), wide, b0, b1);
    c0 = hn::ReorderWidenMulAccumulate(sums, hn::LoadU(d, qc + j), wide, c0, c1);
    d0 = hn::ReorderWidenMulAccumulate(sums, hn::LoadU(d, qd + j), wide, d0, d1);
  };
  size_t j = 0;
  for (; j + 4 * kRowUnitFloats <= stride; j += 4 * kRowUnitFloats) {
    __builtin_prefetch(next + j, 0, 2);
    for (size_t k = 0; k < 4 * kRowUnitFloats; k += lanes) add(j + k);
  }
  for (; j < stride; j += lanes) add(j);
  out[0][i] = hn::GetLane(hn::SumOfLanes(sums, hn::Add(a0, a1)));
  out[1][i] = hn::GetLane(hn::SumOfLanes(sums, hn::Add(b0, b1)));
  out[2][i] = hn::GetLane(hn::SumOfLanes(sums, hn::Add(c0, c1)));
  out[3][i] = hn::GetLane(hn::SumOfLanes(sums, hn::Add(d0, d1)));
}

// So many bytes of rows stay in any L2 while one query after the other reads them.
constexpr size_t kPartBytes = 128 << 10;

void DotCodesOfMany(const int16_t* const* queries, size_t count, const int8_t* const* rows,
                    size_t n, size_t stride, int32_t* const* out) {
  const size_t ahead = HWY_MAX(size_t{1}, kAheadBytes / stride);
  const size_t part = HWY_MAX(size_t{1}, kPartBytes / stride);
  for (size_t begin = 0; begin < n; begin += part) {
    const size_t end = HWY_MIN(n, begin + part);
    size_t q = 0;
    for (; q + kTogether <= count; q += kTogether) {
      for (size_t i = begin; i < end; ++i) {
        const int8_t* const next = rows[HWY_MIN(i + ahead, end - 1)];
        SumRowTogether(queries + q, rows[i], next, stride, out + q, i);
      }
    }
    for (; q < count; ++q) DotCodes(queries[q], rows + begin, end - begin, stride, out[q] + begin);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {
namespace {

// What an element of a query loses at most, in scales: half of one, and the rounding of the product
// with the inverse, 4,096 · 2^-23.
constexpr double kQueryLoss = 0.501;

HWY_EXPORT(ToRowCodes);
HWY_EXPORT(ToQueryCodes);
HWY_EXPORT(DotCodes);
HWY_EXPORT(DotCodesOfMany);

}  // namespace

CodeScale QuantiseRow(const float* row, size_t stride, int8_t* codes) {
  return HWY_DYNAMIC_DISPATCH(ToRowCodes)(row, stride, codes);
}

QueryCodes::QueryCodes(const PaddedQuery& query) {
  scale_ = double{HWY_DYNAMIC_DISPATCH(ToQueryCodes)(query.vector(), query.stride(), codes_)};
  const double residual =
      scale_ == 0 ? query.norm() * (1 + kCodeSlack)
                  : kQueryLoss * scale_ * std::sqrt(static_cast<double>(query.stride()));
  of_residual_ = query.norm() + residual;
  of_norm_ = residual + kCodeSlack * query.norm();
}

void DotCodes(const int16_t* query, std::span<const int8_t* const> rows, size_t stride,
              int32_t* out) {
  HWY_DYNAMIC_DISPATCH(DotCodes)(query, rows.data(), rows.size(), stride, out);
}

void DotCodesOfMany(std::span<const int16_t* const> queries, std::span<const int8_t* const> rows,
                    size_t stride, std::span<int32_t* const> out) {
  CORDON_CHECK(out.size() == queries.size());
  if (queries.size() == 1) return DotCodes(queries[0], rows, stride, out[0]);
  HWY_DYNAMIC_DISPATCH(DotCodesOfMany)
  (queries.data(), queries.size(), rows.data(), rows.size(), stride, out.data());
}

CodeScale QuantiseRowScalar(const float* row, size_t stride, int8_t* codes) {
  float max = 0;
  for (size_t i = 0; i < stride; ++i) max = std::max(max, std::abs(row[i]));
  const float scale = ScaleOf(max, kRowCodeMax);
  double sum = 0;
  for (size_t i = 0; i < stride; ++i) {
    const float code = std::nearbyint(row[i] * InverseOf(scale));
    codes[i] = static_cast<int8_t>(code);
    const double lost = double{row[i]} - double{scale} * double{code};
    sum += lost * lost;
  }
  return {scale, RoundedUp(std::sqrt(sum))};
}

void DotCodesScalar(const int16_t* query, std::span<const int8_t* const> rows, size_t stride,
                    int32_t* out) {
  for (size_t i = 0; i < rows.size(); ++i) {
    int32_t sum = 0;
    for (size_t j = 0; j < stride; ++j) sum += int32_t{query[j]} * int32_t{rows[i][j]};
    out[i] = sum;
  }
}

}  // namespace cordon
#endif  // HWY_ONCE
