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

// Independent sums hide the latency of a fused multiply-add (4 cycles).
constexpr size_t kSums = 4;

// Rows that follow each other are left to the hardware's prefetcher, which reaches the bandwidth of
// memory; asking as well costs a quarter of it. Rows that are apart are fetched this far ahead of
// their use, into L2: 24 KiB cover the latency, and L1 has fewer buffers for what is under way
// (measured on Zen 4, rows of 3 KiB apart: 9 GB/s without, 10 into L1, 15 into L2, of 27).
constexpr size_t kAheadFloats = 6144;

// Rows that are looked at together to tell the two cases apart.
constexpr size_t kBatchRows = 16;

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
template <bool kFetch, typename Term>
HWY_INLINE float SumRow(const float* HWY_RESTRICT q, const float* HWY_RESTRICT x, const float* next,
                        size_t stride, Term term) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  Vector sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  size_t i = 0;
  for (; i + kSums * lanes <= stride; i += kSums * lanes) {
    for (size_t line = 0; kFetch && line < kSums * lanes; line += kRowUnitFloats) {
      FetchToL2(next + i + line);
    }
    sum0 = term(hn::Load(d, q + i), hn::Load(d, x + i), sum0);
    sum1 = term(hn::Load(d, q + i + lanes), hn::Load(d, x + i + lanes), sum1);
    sum2 = term(hn::Load(d, q + i + 2 * lanes), hn::Load(d, x + i + 2 * lanes), sum2);
    sum3 = term(hn::Load(d, q + i + 3 * lanes), hn::Load(d, x + i + 3 * lanes), sum3);
  }
  for (; i < stride; i += lanes) {
    if (kFetch) FetchToL2(next + i);
    sum0 = term(hn::Load(d, q + i), hn::Load(d, x + i), sum0);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

// True if the rows [begin, end) lie one after the other.
HWY_INLINE bool Adjacent(const float* const* rows, size_t begin, size_t end, size_t stride) {
  const auto address = [&](size_t i) { return reinterpret_cast<uintptr_t>(rows[i]); };
  return address(end - 1) - address(begin) == (end - 1 - begin) * stride * sizeof(float);
}

template <typename Term>
HWY_INLINE void SumRows(const float* query, const float* const* rows, size_t n, size_t stride,
                        float* out, Term term) {
  const size_t ahead = 1 + kAheadFloats / stride;
  for (size_t begin = 0; begin < n; begin += kBatchRows) {
    const size_t end = HWY_MIN(begin + kBatchRows, n);
    if (Adjacent(rows, begin, HWY_MIN(end + ahead, n), stride)) {
      for (size_t i = begin; i < end; ++i) {
        out[i] = SumRow<false>(query, rows[i], nullptr, stride, term);
      }
      continue;
    }
    for (size_t i = begin; i < end; ++i) {
      const float* next = rows[HWY_MIN(i + ahead, n - 1)];
      out[i] = SumRow<true>(query, rows[i], next, stride, term);
    }
  }
}

void DotRows(const float* query, const float* const* rows, size_t n, size_t stride, float* out) {
  SumRows(query, rows, n, stride, out, DotTerm());
}

void SquaredDistanceRows(const float* query, const float* const* rows, size_t n, size_t stride,
                         float* out) {
  SumRows(query, rows, n, stride, out, SquaredDistanceTerm());
}

// The longest chain of roundings in SumRow: the product, the chain of sum0 (with up to kSums - 1
// vectors of the tail), the joining of the sums, and of the lanes (at most one addition each).
size_t Depth(size_t stride) {
  const size_t lanes = hn::Lanes(Floats());
  return 1 + stride / (kSums * lanes) + (kSums - 1) + 2 + lanes;
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
