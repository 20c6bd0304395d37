// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/bins.cc"
#include "engine/index/bins.h"

#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <bit>

#ifndef CORDON_BINS_SCALE
#define CORDON_BINS_SCALE
namespace cordon {
namespace {

// 0 where the quotient might be infinite.
inline float ScaleOfBins(float least, float most) {
  const float range = most - least;
  return range > 0x1p-100f ? 255.0f / range : 0;
}

}  // namespace
}  // namespace cordon
#endif  // CORDON_BINS_SCALE

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

void ToBins(const float* keys, size_t n, uint8_t* bins) { ToBinsScalar(keys, n, bins); }

size_t CountBins(const uint8_t* bins, size_t n, uint8_t least) {
  return CountBinsScalar(bins, n, least);
}

size_t FindBins(const uint8_t* bins, size_t n, uint8_t least, uint8_t most, uint32_t* out) {
  return FindBinsScalar(bins, n, least, most, out);
}

#else

namespace hn = hwy::HWY_NAMESPACE;

using Bytes = hn::CappedTag<uint8_t, kBinUnit>;
using Floats = hn::CappedTag<float, 8>;

void ToBins(const float* keys, size_t n, uint8_t* bins) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> ints;
  const hn::Rebind<uint8_t, Floats> of_bins;
  const size_t lanes = hn::Lanes(d);
  auto low = hn::LoadU(d, keys), high = low;
  for (size_t i = 0; i < n; i += lanes) {
    const auto key = hn::LoadU(d, keys + i);
    low = hn::Min(low, key);
    high = hn::Max(high, key);
  }
  const float least = hn::GetLane(hn::MinOfLanes(d, low));
  const float most = hn::GetLane(hn::MaxOfLanes(d, high));
  const auto from = hn::Set(d, least), scale = hn::Set(d, ScaleOfBins(least, most));
  for (size_t i = 0; i < n; i += lanes) {
    const auto step = hn::Mul(hn::Sub(hn::LoadU(d, keys + i), from), scale);
    hn::StoreU(hn::DemoteTo(of_bins, hn::ConvertTo(ints, step)), of_bins, bins + i);
  }
}

// A bit for each of the kBinUnit bins from `least` to `most`.
HWY_INLINE uint32_t InRange(const uint8_t* bins, uint8_t least, uint8_t most) {
  const Bytes d;
  const size_t lanes = hn::Lanes(d);
  const auto low = hn::Set(d, least), high = hn::Set(d, most);
  uint32_t found = 0;
  for (size_t i = 0; i < kBinUnit; i += lanes) {
    const auto bin = hn::LoadU(d, bins + i);
    uint8_t bits[8] = {};
    hn::StoreMaskBits(d, hn::Eq(hn::Min(hn::Max(bin, low), high), bin), bits);
    for (size_t j = 0; j < lanes / 8; ++j) found |= static_cast<uint32_t>(bits[j]) << (i + 8 * j);
  }
  return found;
}

size_t CountBins(const uint8_t* bins, size_t n, uint8_t least) {
  size_t count = 0;
  for (size_t i = 0; i < n; i += kBinUnit) {
    count += static_cast<size_t>(std::popcount(InRange(bins + i, least, 255)));
  }
  return count;
}

size_t FindBins(const uint8_t* bins, size_t n, uint8_t least, uint8_t most, uint32_t* out) {
  size_t count = 0;
  for (size_t i = 0; i < n; i += kBinUnit) {
    for (uint32_t found = InRange(bins + i, least, most); found != 0; found &= found - 1) {
      out[count++] = static_cast<uint32_t>(i) + static_cast<uint32_t>(std::countr_zero(found));
    }
  }
  return count;
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {
namespace {

HWY_EXPORT(ToBins);
HWY_EXPORT(CountBins);
HWY_EXPORT(FindBins);

}  // namespace

void ToBins(const float* keys, size_t n, uint8_t* bins) {
  HWY_DYNAMIC_DISPATCH(ToBins)(keys, n, bins);
}

size_t CountBins(const uint8_t* bins, size_t n, uint8_t least) {
  return HWY_DYNAMIC_DISPATCH(CountBins)(bins, n, least);
}

size_t FindBins(const uint8_t* bins, size_t n, uint8_t least, uint8_t most, uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(FindBins)(bins, n, least, most, out);
}

void ToBinsScalar(const float* keys, size_t n, uint8_t* bins) {
  const auto [least, most] = std::minmax_element(keys, keys + n);
  const float scale = ScaleOfBins(*least, *most);
  for (size_t i = 0; i < n; ++i) {
    bins[i] = static_cast<uint8_t>(static_cast<int32_t>((keys[i] - *least) * scale));
  }
}

size_t CountBinsScalar(const uint8_t* bins, size_t n, uint8_t least) {
  return static_cast<size_t>(
      std::count_if(bins, bins + n, [&](uint8_t bin) { return bin >= least; }));
}

size_t FindBinsScalar(const uint8_t* bins, size_t n, uint8_t least, uint8_t most, uint32_t* out) {
  size_t count = 0;
  for (size_t i = 0; i < n; ++i) {
    if (least <= bins[i] && bins[i] <= most) out[count++] = static_cast<uint32_t>(i);
  }
  return count;
}

}  // namespace cordon
#endif  // HWY_ONCE
