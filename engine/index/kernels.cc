// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/kernels.cc"
#include "engine/index/kernels.h"

#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "engine/index/float_rows.h"

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Never more lanes than a row's unit of padding, also where registers are longer (SVE).
using Floats = hn::CappedTag<float, kRowUnitFloats>;
using Vector = hn::Vec<Floats>;

// Independent sums hide the latency of a fused multiply-add (4 cycles): of one row, and of each row
// where several are summed side by side.
constexpr size_t kSums = 4;
constexpr size_t kSumsEach = 2;

// The hardware's prefetcher follows a stream of rows that lie one after the other, but is late at
// each 4 KiB page: fetching one row ahead as well gives 0.9 of the bandwidth of memory instead of
// 0.75. Rows that are apart are read side by side, so that it follows each of them, and fetched
// farther ahead: 0.7 to 0.8 instead of 0.5 to 0.6, where one at a time is bounded by the lines that
// L1 can wait for. (Zen 4, rows of 3 KiB, fetched into L2; into L1 is worse everywhere.)
constexpr size_t kStreamAheadFloats = 768;
constexpr size_t kAheadFloats = 6144;
constexpr size_t kSideBySide = 4;

// So many rows make a stream.
constexpr size_t kStreamRows = 16;

HWY_INLINE void FetchToL2(const float* p) { __builtin_prefetch(p, 0, 2); }

struct DotTerm {
  HWY_INLINE Vector operator()(Vector q, Vector x, Vector sum) const {
    return hn::MulAdd(q, x, sum);
  }
};

struct SquaredDistanceTerm {
  HWY_INLINE Vector operator()(Vector q, Vector x, Vector sum) const {
    const Vector difference = hn::Sub(q, x);
    return hn::MulAdd(difference, difference, sum);
  }
};

// The sum of the terms of one row; fetches the row `next` on the way.
template <typename Term>
HWY_INLINE float SumRow(const float* HWY_RESTRICT q, const float* HWY_RESTRICT x, const float* next,
                        size_t stride, Term term) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  Vector sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  size_t i = 0;
  for (; i + kSums * lanes <= stride; i += kSums * lanes) {
    for (size_t line = 0; line < kSums * lanes; line += kRowUnitFloats) FetchToL2(next + i + line);
    sum0 = term(hn::Load(d, q + i), hn::Load(d, x + i), sum0);
    sum1 = term(hn::Load(d, q + i + lanes), hn::Load(d, x + i + lanes), sum1);
    sum2 = term(hn::Load(d, q + i + 2 * lanes), hn::Load(d, x + i + 2 * lanes), sum2);
    sum3 = term(hn::Load(d, q + i + 3 * lanes), hn::Load(d, x + i + 3 * lanes), sum3);
  }
  for (; i < stride; i += lanes) {
    FetchToL2(next + i);
    sum0 = term(hn::Load(d, q + i), hn::Load(d, x + i), sum0);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

// The sums of kSideBySide rows; fetches the rows `next` on the way.
template <typename Term>
HWY_INLINE void SumSideBySide(const float* HWY_RESTRICT q, const float* const* rows,
                              const float* const* next, size_t stride, float* out, Term term) {
  static_assert(kSideBySide == 4 && kSumsEach == 2);
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const float *x0 = rows[0], *x1 = rows[1], *x2 = rows[2], *x3 = rows[3];
  Vector sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  Vector odd0 = sum0, odd1 = sum0, odd2 = sum0, odd3 = sum0;
  // A row is a whole number of units, but not always of pairs of registers.
  size_t i = 0;
  for (; i + 2 * lanes <= stride; i += 2 * lanes) {
    for (size_t line = 0; line < 2 * lanes; line += kRowUnitFloats) {
      for (size_t r = 0; r < kSideBySide; ++r) FetchToL2(next[r] + i + line);
    }
    const Vector even = hn::Load(d, q + i), odd = hn::Load(d, q + i + lanes);
    sum0 = term(even, hn::Load(d, x0 + i), sum0);
    odd0 = term(odd, hn::Load(d, x0 + i + lanes), odd0);
    sum1 = term(even, hn::Load(d, x1 + i), sum1);
    odd1 = term(odd, hn::Load(d, x1 + i + lanes), odd1);
    sum2 = term(even, hn::Load(d, x2 + i), sum2);
    odd2 = term(odd, hn::Load(d, x2 + i + lanes), odd2);
    sum3 = term(even, hn::Load(d, x3 + i), sum3);
    odd3 = term(odd, hn::Load(d, x3 + i + lanes), odd3);
  }
  for (; i < stride; i += lanes) {
    const Vector last = hn::Load(d, q + i);
    sum0 = term(last, hn::Load(d, x0 + i), sum0);
    sum1 = term(last, hn::Load(d, x1 + i), sum1);
    sum2 = term(last, hn::Load(d, x2 + i), sum2);
    sum3 = term(last, hn::Load(d, x3 + i), sum3);
  }
  out[0] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, odd0)));
  out[1] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum1, odd1)));
  out[2] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum2, odd2)));
  out[3] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum3, odd3)));
}

// True if the rows [begin, end) lie one after the other.
HWY_INLINE bool Adjacent(const float* const* rows, size_t begin, size_t end, size_t stride) {
  const auto address = [&](size_t i) { return reinterpret_cast<uintptr_t>(rows[i]); };
  return address(end - 1) - address(begin) == (end - 1 - begin) * stride * sizeof(float);
}

template <typename Term>
HWY_INLINE void SumRows(const float* query, const float* const* rows, size_t n, size_t stride,
                        float* out, Term term) {
  const size_t stream_ahead = HWY_MAX(size_t{1}, kStreamAheadFloats / stride);
  const size_t ahead = HWY_MAX(kSideBySide, kAheadFloats / stride);
  for (size_t i = 0; i < n;) {
    const size_t end = HWY_MIN(i + kStreamRows, n);
    if (end - i < kSideBySide || Adjacent(rows, i, end, stride)) {
      for (; i < end; ++i) {
        out[i] = SumRow(query, rows[i], rows[HWY_MIN(i + stream_ahead, n - 1)], stride, term);
      }
      continue;
    }
    const float* next[kSideBySide];
    for (size_t r = 0; r < kSideBySide; ++r) next[r] = rows[HWY_MIN(i + r + ahead, n - 1)];
    SumSideBySide(query, rows + i, next, stride, out + i, term);
    i += kSideBySide;
  }
}

void DotRows(const float* query, const float* const* rows, size_t n, size_t stride, float* out) {
  SumRows(query, rows, n, stride, out, DotTerm());
}

void SquaredDistanceRows(const float* query, const float* const* rows, size_t n, size_t stride,
                         float* out) {
  SumRows(query, rows, n, stride, out, SquaredDistanceTerm());
}

// The longest chain of roundings in either sum: the product, the chain of the first register (with
// up to kSums - 1 vectors of the tail), the joining of the registers, and of the lanes (at most one
// addition each).
size_t Depth(size_t stride) {
  const size_t lanes = hn::Lanes(Floats());
  return 1 + stride / (kSumsEach * lanes) + (kSums - 1) + 2 + lanes;
}

int64_t Target() { return HWY_TARGET; }

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {
namespace {

HWY_EXPORT(DotRows);
HWY_EXPORT(SquaredDistanceRows);
HWY_EXPORT(Depth);
HWY_EXPORT(Target);

constexpr double kUnitRoundoff = 0x1p-24;

// Roundings that kernels.h accounts for beside the depth: 3 of a squared difference, underflow,
// the norms as floats (2), the double arithmetic, and one to spare.
constexpr size_t kSlack = 8;

RoundingBound BoundOfDepth(size_t depth, size_t stride) {
  const double hu = static_cast<double>(depth + kSlack) * kUnitRoundoff;
  // 1 - 2hu, not 1 - hu: a distance's bound is relative to the estimate, not to the true value.
  return {hu / (1 - 2 * hu), static_cast<double>(stride) * 0x1p-126};
}

template <typename Term>
void ScalarRows(const float* query, std::span<const float* const> rows, size_t stride, float* out,
                Term term) {
  for (size_t i = 0; i < rows.size(); ++i) {
    float sum = 0;
    for (size_t j = 0; j < stride; ++j) sum += term(query[j], rows[i][j]);
    out[i] = sum;
  }
}

}  // namespace

void DotRows(const float* query, std::span<const float* const> rows, size_t stride, float* out) {
  HWY_DYNAMIC_DISPATCH(DotRows)(query, rows.data(), rows.size(), stride, out);
}

void SquaredDistanceRows(const float* query, std::span<const float* const> rows, size_t stride,
                         float* out) {
  HWY_DYNAMIC_DISPATCH(SquaredDistanceRows)(query, rows.data(), rows.size(), stride, out);
}

void DotRowsScalar(const float* query, std::span<const float* const> rows, size_t stride,
                   float* out) {
  ScalarRows(query, rows, stride, out, [](float q, float x) { return q * x; });
}

void SquaredDistanceRowsScalar(const float* query, std::span<const float* const> rows,
                               size_t stride, float* out) {
  ScalarRows(query, rows, stride, out, [](float q, float x) { return (q - x) * (q - x); });
}

RoundingBound KernelBound(size_t stride) {
  return BoundOfDepth(HWY_DYNAMIC_DISPATCH(Depth)(stride), stride);
}

RoundingBound ScalarBound(size_t stride) { return BoundOfDepth(stride, stride); }

std::string_view InstructionSet() { return hwy::TargetName(HWY_DYNAMIC_DISPATCH(Target)()); }

std::vector<std::string_view> InstructionSets() {
  std::vector<std::string_view> names;
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    names.push_back(hwy::TargetName(target));
  }
  return names;
}

bool UseInstructionSet(std::string_view name) {
  hwy::SetSupportedTargetsForTest(0);
  int64_t chosen = 0;
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (name == hwy::TargetName(target)) chosen = target;
  }
  if (chosen == 0 && !name.empty()) return false;
  hwy::SetSupportedTargetsForTest(chosen);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return true;
}

}  // namespace cordon
#endif  // HWY_ONCE
