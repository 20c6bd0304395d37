// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/ranks.cc"
#include "engine/index/ranks.h"

#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, 4>;

void CountAbove(const double* numbers, size_t n, double* above) {
  const Doubles d;
  const size_t lanes = hn::Lanes(d);
  const auto one = hn::Set(d, 1.0);
  static_assert(kRanksMax % (4 * 4) == 0);  // of four registers of up to four doubles
  for (size_t i = 0; i < n; i += 4 * lanes) {
    const double* const p = numbers + i;
    const auto x0 = hn::LoadU(d, p), x1 = hn::LoadU(d, p + lanes);
    const auto x2 = hn::LoadU(d, p + 2 * lanes), x3 = hn::LoadU(d, p + 3 * lanes);
    auto count0 = hn::Zero(d), count1 = count0, count2 = count0, count3 = count0;
    for (size_t j = 0; j < n; ++j) {
      const auto other = hn::Set(d, numbers[j]);
      count0 = hn::Add(count0, hn::IfThenElseZero(hn::Lt(x0, other), one));
      count1 = hn::Add(count1, hn::IfThenElseZero(hn::Lt(x1, other), one));
      count2 = hn::Add(count2, hn::IfThenElseZero(hn::Lt(x2, other), one));
      count3 = hn::Add(count3, hn::IfThenElseZero(hn::Lt(x3, other), one));
    }
    hn::StoreU(count0, d, above + i);
    hn::StoreU(count1, d, above + i + lanes);
    hn::StoreU(count2, d, above + i + 2 * lanes);
    hn::StoreU(count3, d, above + i + 3 * lanes);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {

HWY_EXPORT(CountAbove);

void CountAbove(const double* numbers, size_t n, double* above) {
  HWY_DYNAMIC_DISPATCH(CountAbove)(numbers, n, above);
}

}  // namespace cordon
#endif  // HWY_ONCE
