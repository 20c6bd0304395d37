// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/rotation.cc"
#include "engine/index/rotation.h"

#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/base/check.h"
#include "engine/base/random.h"

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A whole number of registers in the least span, 16.
using Floats = hn::CappedTag<float, 8>;
using Vector = hn::Vec<Floats>;

// The butterflies (a, b) → (a + b, a - b) of elements that are `step` apart.
HWY_INLINE void Butterflies(float* x, size_t n, size_t step) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  for (size_t begin = 0; begin < n; begin += 2 * step) {
    for (size_t i = begin; i < begin + step; i += lanes) {
      const Vector a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + step);
      hn::StoreU(hn::Add(a, b), d, x + i);
      hn::StoreU(hn::Sub(a, b), d, x + i + step);
    }
  }
}

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE void Hadamard(float* x, size_t n) {
  for (size_t step = n / 2; step >= 4; step /= 2) Butterflies(x, n, step);
  Butterflies(x, n, 1);
  Butterflies(x, n, 2);
  const float scale = 1 / std::sqrt(static_cast<float>(n));
  for (size_t i = 0; i < n; ++i) x[i] *= scale;
}

#else

// The butterflies within groups of four, neighbours first, and the scale.
HWY_INLINE void SmallButterflies(float* x, size_t n, float scale) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto scales = hn::Set(d, scale);
  alignas(64) static constexpr float kOne[8] = {1, -1, 1, -1, 1, -1, 1, -1};
  alignas(64) static constexpr float kTwo[8] = {1, 1, -1, -1, 1, 1, -1, -1};
  const auto one = hn::Load(d, kOne), two = hn::Load(d, kTwo);
  for (size_t i = 0; i < n; i += lanes) {
    Vector v = hn::LoadU(d, x + i);
    v = hn::Add(hn::Shuffle2301(v), hn::Mul(v, one));
    v = hn::Add(hn::Shuffle1032(v), hn::Mul(v, two));
    hn::StoreU(hn::Mul(v, scales), d, x + i);
  }
}

HWY_INLINE void Hadamard(float* x, size_t n) {
  for (size_t step = n / 2; step >= 8; step /= 2) Butterflies(x, n, step);
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  if (lanes <= 4) {
    Butterflies(x, n, 4);
  } else {
    alignas(64) static constexpr float kFour[8] = {1, 1, 1, 1, -1, -1, -1, -1};
    const auto four = hn::Load(d, kFour);
    for (size_t i = 0; i < n; i += lanes) {
      const Vector v = hn::LoadU(d, x + i);
      hn::StoreU(hn::Add(hn::ConcatLowerUpper(d, v, v), hn::Mul(v, four)), d, x + i);
    }
  }
  SmallButterflies(x, n, 1 / std::sqrt(static_cast<float>(n)));
}

#endif

void Rotate(const float* signs, size_t rounds, size_t size, size_t span, float* x) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const float half = std::sqrt(0.5f);
  const auto halves = hn::Set(d, half);
  for (size_t round = 0; round < rounds; ++round) {
    const float* sign = signs + round * size;
    for (size_t i = 0; i < size; i += lanes) {
      hn::StoreU(hn::Mul(hn::LoadU(d, x + i), hn::LoadU(d, sign + i)), d, x + i);
    }
    Hadamard(round % 2 == 0 ? x : x + size - span, span);
    if (span == size) continue;
    for (size_t i = 0; i < size / 2; i += lanes) {
      const Vector a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + size / 2);
      hn::StoreU(hn::Mul(hn::Add(a, b), halves), d, x + i);
      hn::StoreU(hn::Mul(hn::Sub(a, b), halves), d, x + i + size / 2);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {
namespace {

HWY_EXPORT(Rotate);

// Two where one transform spans all.
size_t Rounds(size_t size, size_t span) { return size == span ? 2 : 4; }

void HadamardScalar(float* x, size_t n) {
  for (size_t step = n / 2; step >= 1; step /= 2) {
    // Within groups of four the order is the kernel's: neighbours first.
    const size_t actual = step == 2 ? 1 : step == 1 ? 2 : step;
    for (size_t begin = 0; begin < n; begin += 2 * actual) {
      for (size_t i = begin; i < begin + actual; ++i) {
        const float a = x[i], b = x[i + actual];
        x[i] = a + b;
        x[i + actual] = a - b;
      }
    }
  }
  const float scale = 1 / std::sqrt(static_cast<float>(n));
  for (size_t i = 0; i < n; ++i) x[i] *= scale;
}

}  // namespace

Rotation::Rotation(size_t dimension, uint64_t seed)
    : dimension_(dimension),
      size_(RotatedSize(dimension)),
      seed_(seed),
      span_(std::bit_floor(size_)),
      signs_(Rounds(size_, span_) * size_) {
  CORDON_CHECK(dimension >= 16);
  Random random(seed);
  for (float& sign : signs_) sign = random.OneIn(2) ? 1.0f : -1.0f;
}

void Rotation::Apply(const float* vector, float scale, float* out) const {
  for (size_t i = 0; i < dimension_; ++i) out[i] = vector[i] * scale;
  std::fill(out + dimension_, out + size_, 0.0f);
  HWY_DYNAMIC_DISPATCH(Rotate)(signs_.data(), Rounds(size_, span_), size_, span_, out);
}

void Rotation::ApplyScalar(const float* vector, float scale, float* out) const {
  for (size_t i = 0; i < dimension_; ++i) out[i] = vector[i] * scale;
  std::fill(out + dimension_, out + size_, 0.0f);
  const float half = std::sqrt(0.5f);
  for (size_t round = 0; round < Rounds(size_, span_); ++round) {
    for (size_t i = 0; i < size_; ++i) out[i] *= signs_[round * size_ + i];
    HadamardScalar(round % 2 == 0 ? out : out + size_ - span_, span_);
    if (span_ == size_) continue;
    for (size_t i = 0; i < size_ / 2; ++i) {
      const float a = out[i], b = out[i + size_ / 2];
      out[i] = (a + b) * half;
      out[i + size_ / 2] = (a - b) * half;
    }
  }
}

}  // namespace cordon
#endif  // HWY_ONCE
