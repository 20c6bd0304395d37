// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/rotated_sums.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include "engine/index/geometry.h"

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Sixteen sums, the unit of a rotated vector: as two registers of eight or four of four, joined in
// one order.
constexpr size_t kLanes = 16;
using Floats = hn::CappedTag<float, 8>;
using Vector = hn::Vec<Floats>;

struct Product {
  HWY_INLINE Vector operator()(Vector a, Vector b) const { return hn::Mul(a, b); }
};
struct SquaredDifference {
  HWY_INLINE Vector operator()(Vector a, Vector b) const {
    const Vector difference = hn::Sub(a, b);
    return hn::Mul(difference, difference);
  }
};

template <typename Term>
HWY_INLINE float Sum(const float* a, const float* b, size_t size, Term term) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  alignas(64) float sums[kLanes];
  if (lanes == 8) {
    Vector sum0 = hn::Zero(d), sum1 = sum0;
    for (size_t i = 0; i < size; i += kLanes) {
      sum0 = hn::Add(sum0, term(hn::LoadU(d, a + i), hn::LoadU(d, b + i)));
      sum1 = hn::Add(sum1, term(hn::LoadU(d, a + i + 8), hn::LoadU(d, b + i + 8)));
    }
    hn::Store(sum0, d, sums);
    hn::Store(sum1, d, sums + 8);
  } else {
    for (size_t part = 0; part < kLanes; part += lanes) {
      Vector sum = hn::Zero(d);
      for (size_t i = part; i < size; i += kLanes) {
        sum = hn::Add(sum, term(hn::LoadU(d, a + i), hn::LoadU(d, b + i)));
      }
      hn::Store(sum, d, sums + part);
    }
  }
  for (size_t step = kLanes / 2; step > 0; step /= 2) {
    for (size_t i = 0; i < step; ++i) sums[i] += sums[i + step];
  }
  return sums[0];
}

float RotatedDot(const float* a, const float* b, size_t size) { return Sum(a, b, size, Product()); }

float RotatedDistance(const float* a, const float* b, size_t size) {
  return Sum(a, b, size, SquaredDifference());
}

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {

HWY_EXPORT(RotatedDot);
HWY_EXPORT(RotatedDistance);

float RotatedDot(const float* a, const float* b, size_t size) {
  return HWY_DYNAMIC_DISPATCH(RotatedDot)(a, b, size);
}

float RotatedDistance(const float* a, const float* b, size_t size) {
  return HWY_DYNAMIC_DISPATCH(RotatedDistance)(a, b, size);
}

}  // namespace cordon
#endif  // HWY_ONCE
