// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/index/bit_scan.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <bit>

#include "engine/index/bit_codes.h"

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

size_t ScanBlocks(const QueryTables& query, float list_term, float floor, BlockRange range,
                  const uint8_t*, size_t, Estimated* out) {
  return ScanBlocksScalar(query, list_term, floor, range, out);
}

void EstimateBlocks(const QueryTables& query, const uint8_t* first, size_t blocks, float* out) {
  EstimateBlocksScalar(query, first, blocks, out);
}

#else

namespace hn = hwy::HWY_NAMESPACE;

// A register of codes at most: 16 or 32 rows.
using Bytes = hn::CappedTag<uint8_t, kBlockEntries>;
using Wide = hn::Repartition<uint16_t, Bytes>;
// Sums become floats eight at a time, or four.
using Floats = hn::CappedTag<float, 8>;

// Lines of what is scanned next that are fetched with each step over a block.
constexpr size_t kLine = 64;

struct Ahead {
  const uint8_t* next;
  const uint8_t* end;

  HWY_INLINE void Fetch() {
    if (next >= end) return;
    __builtin_prefetch(next, 0, 2);
    next += kLine;
  }
};

// The sums of one block, by row.
HWY_INLINE void Sums(const uint8_t* HWY_RESTRICT tables, const uint8_t* HWY_RESTRICT block,
                     size_t size, uint16_t* HWY_RESTRICT sums, Ahead& ahead) {
  const Bytes d;
  const Wide wide;
  const size_t lanes = hn::Lanes(d);
  const auto low = hn::Set(d, uint8_t{0x0f});
  const auto even = hn::Set(wide, uint16_t{0xff});
  for (size_t part = 0; part < kBlockEntries; part += lanes) {
    auto sum_even = hn::Zero(wide), sum_odd = sum_even;
    const uint8_t* table = tables;
    const uint8_t* codes = block + part;
    for (size_t i = 0; i < size / 16; ++i, codes += 2 * kBlockEntries, table += 64) {
      const auto code0 = hn::Load(d, codes), code1 = hn::Load(d, codes + kBlockEntries);
      const auto high0 = hn::And(hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(wide, code0))), low);
      const auto high1 = hn::And(hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(wide, code1))), low);
      const auto s0 = hn::Add(hn::TableLookupBytes(hn::LoadDup128(d, table), hn::And(code0, low)),
                              hn::TableLookupBytes(hn::LoadDup128(d, table + 16), high0));
      const auto s1 =
          hn::Add(hn::TableLookupBytes(hn::LoadDup128(d, table + 32), hn::And(code1, low)),
                  hn::TableLookupBytes(hn::LoadDup128(d, table + 48), high1));
      const auto sum = hn::BitCast(wide, hn::Add(s0, s1));  // at most 4 · 63
      sum_even = hn::Add(sum_even, hn::And(sum, even));
      sum_odd = hn::Add(sum_odd, hn::ShiftRight<8>(sum));
      if (part == 0) ahead.Fetch();
    }
    hn::Store(sum_even, wide, sums + part / 2);
    hn::Store(sum_odd, wide, sums + part / 2 + kBlockEntries / 2);
  }
}

// The upper ends of a block's rows; a set bit for each that is at least `floor`.
HWY_INLINE uint32_t Uppers(const QueryTables& query, const uint8_t* after, const uint16_t* sums,
                           float list_term, float floor, float* uppers) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> ints;
  const hn::Rebind<uint16_t, Floats> wide;
  const size_t lanes = hn::Lanes(d);
  const auto scale = hn::Set(d, query.scale()), offset = hn::Set(d, query.offset());
  const auto term = hn::Set(d, list_term), least = hn::Set(d, floor);
  const float* const a = reinterpret_cast<const float*>(after);
  uint32_t selected = 0;
  for (size_t row = 0; row < kBlockEntries; row += lanes) {
    const auto sum = hn::ConvertTo(d, hn::PromoteTo(ints, hn::Load(wide, sums + row)));
    const auto s = hn::Add(hn::Mul(scale, sum), offset);
    const auto upper = hn::Add(hn::Add(term, hn::Load(d, a + row)),
                               hn::Mul(hn::Load(d, a + kBlockEntries + row), s));
    hn::StoreU(upper, d, uppers + row);
    uint8_t bits[8] = {};
    hn::StoreMaskBits(d, hn::Ge(upper, least), bits);
    selected |= static_cast<uint32_t>(bits[0]) << row;
  }
  return selected;
}

size_t ScanBlocks(const QueryTables& query, float list_term, float floor, BlockRange range,
                  const uint8_t* ahead, size_t ahead_bytes, Estimated* out) {
  const size_t block_bytes = CodeBlocks::BlockBytes(query.size());
  const size_t code_bytes = CodeBlocks::CodeBytes(query.size());
  Ahead fetched{ahead, ahead + ahead_bytes};
  alignas(64) uint16_t sums[kBlockEntries];
  alignas(64) float uppers[kBlockEntries];
  size_t n = 0;
  for (size_t b = 0; b < range.masks.size(); ++b) {
    if (range.masks[b] == 0) continue;
    const uint8_t* const block = range.first + b * block_bytes;
    Sums(query.tables(), block, query.size(), sums, fetched);
    uint32_t selected =
        range.masks[b] & Uppers(query, block + code_bytes, sums, list_term, floor, uppers);
    const uint32_t* const ids =
        reinterpret_cast<const uint32_t*>(block + code_bytes + 2 * kBlockEntries * sizeof(float));
    for (; selected != 0; selected &= selected - 1) {
      const auto row = static_cast<size_t>(std::countr_zero(selected));
      out[n++] = {uppers[row], ids[row]};
    }
  }
  return n;
}

void EstimateBlocks(const QueryTables& query, const uint8_t* first, size_t blocks, float* out) {
  const size_t block_bytes = CodeBlocks::BlockBytes(query.size());
  alignas(64) uint16_t sums[kBlockEntries];
  Ahead nothing{nullptr, nullptr};
  for (size_t b = 0; b < blocks; ++b) {
    const uint8_t* const block = first + b * block_bytes;
    Sums(query.tables(), block, query.size(), sums, nothing);
    Uppers(query, block + CodeBlocks::CodeBytes(query.size()), sums, 0, 0, out + b * kBlockEntries);
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {

HWY_EXPORT(ScanBlocks);
HWY_EXPORT(EstimateBlocks);

size_t ScanBlocks(const QueryTables& query, float list_term, float floor, BlockRange range,
                  const uint8_t* ahead, size_t ahead_bytes, Estimated* out) {
  return HWY_DYNAMIC_DISPATCH(ScanBlocks)(query, list_term, floor, range, ahead, ahead_bytes, out);
}

void EstimateBlocks(const QueryTables& query, const uint8_t* first, size_t blocks, float* out) {
  HWY_DYNAMIC_DISPATCH(EstimateBlocks)(query, first, blocks, out);
}

}  // namespace cordon
#endif  // HWY_ONCE
