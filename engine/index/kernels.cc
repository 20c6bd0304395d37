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

// Independent sums of one row hide the latency of a fused multiply-add (4 cycles).
constexpr size_t kSums = 4;

// Rows that are read at once: they share the loads of the query, and where they are not in the
// cache, the processor's prefetcher follows each of them.
constexpr size_t kSideBySide = 8;

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

// The sum of the terms of one row.
template <typename Term>
HWY_INLINE float SumRow(const float* HWY_RESTRICT q, const float* HWY_RESTRICT x, size_t stride,
                        Term term) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  Vector sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  size_t i = 0;
  for (; i + kSums * lanes <= stride; i += kSums * lanes) {
    sum0 = term(hn::Load(d, q + i), hn::Load(d, x + i), sum0);
    sum1 = term(hn::Load(d, q + i + lanes), hn::Load(d, x + i + lanes), sum1);
    sum2 = term(hn::Load(d, q + i + 2 * lanes), hn::Load(d, x + i + 2 * lanes), sum2);
    sum3 = term(hn::Load(d, q + i + 3 * lanes), hn::Load(d, x + i + 3 * lanes), sum3);
  }
  for (; i < stride; i += lanes) sum0 = term(hn::Load(d, q + i), hn::Load(d, x + i), sum0);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

// The sums of kSideBySide rows, a register each.
template <typename Term>
HWY_INLINE void SumSideBySide(const float* HWY_RESTRICT q, const float* const* rows, size_t stride,
                              float* out, Term term) {
  static_assert(kSideBySide == 8);
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const float *x0 = rows[0], *x1 = rows[1], *x2 = rows[2], *x3 = rows[3];
  const float *x4 = rows[4], *x5 = rows[5], *x6 = rows[6], *x7 = rows[7];
  Vector sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  Vector sum4 = sum0, sum5 = sum0, sum6 = sum0, sum7 = sum0;
  for (size_t i = 0; i < stride; i += lanes) {
    const Vector part = hn::Load(d, q + i);
    sum0 = term(part, hn::Load(d, x0 + i), sum0);
    sum1 = term(part, hn::Load(d, x1 + i), sum1);
    sum2 = term(part, hn::Load(d, x2 + i), sum2);
    sum3 = term(part, hn::Load(d, x3 + i), sum3);
    sum4 = term(part, hn::Load(d, x4 + i), sum4);
    sum5 = term(part, hn::Load(d, x5 + i), sum5);
    sum6 = term(part, hn::Load(d, x6 + i), sum6);
    sum7 = term(part, hn::Load(d, x7 + i), sum7);
  }
  out[0] = hn::GetLane(hn::SumOfLanes(d, sum0));
  out[1] = hn::GetLane(hn::SumOfLanes(d, sum1));
  out[2] = hn::GetLane(hn::SumOfLanes(d, sum2));
  out[3] = hn::GetLane(hn::SumOfLanes(d, sum3));
  out[4] = hn::GetLane(hn::SumOfLanes(d, sum4));
  out[5] = hn::GetLane(hn::SumOfLanes(d, sum5));
  out[6] = hn::GetLane(hn::SumOfLanes(d, sum6));
  out[7] = hn::GetLane(hn::SumOfLanes(d, sum7));
}

template <typename Term>
HWY_INLINE void SumRows(const float* query, const float* const* rows, size_t n, size_t stride,
                        float* out, Term term) {
  size_t i = 0;
  for (; i + kSideBySide <= n; i += kSideBySide) {
    SumSideBySide(query, rows + i, stride, out + i, term);
  }
  for (; i < n; ++i) out[i] = SumRow(query, rows[i], stride, term);
}

void DotRows(const float* query, const float* const* rows, size_t n, size_t stride, float* out) {
  SumRows(query, rows, n, stride, out, DotTerm());
}

void SquaredDistanceRows(const float* query, const float* const* rows, size_t n, size_t stride,
                         float* out) {
  SumRows(query, rows, n, stride, out, SquaredDistanceTerm());
}

// The longest chain of roundings in either sum: the product, the chain of a register that adds all
// of a row, the joining of kSums registers, and of the lanes (at most one addition each).
size_t Depth(size_t stride) {
  const size_t lanes = hn::Lanes(Floats());
  static_assert(kSums == 4);
  return 1 + stride / lanes + 2 + lanes;
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
