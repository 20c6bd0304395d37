#include "engine/index/bit_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/base/check.h"

namespace cordon {
namespace {

constexpr int kTableMax = 63;           // of an entry of a table
constexpr float kErrorFactor = 0.603f;  // √(1 - 2/π)

// A byte of a block's codes holds four dimensions of one row and, in its upper half, the next four.
// Its rows lie such that even bytes are the first half of the rows: a scan adds even and odd bytes
// apart.
constexpr size_t PlaceOf(size_t row) {
  return row < kBlockEntries / 2 ? 2 * row : 2 * (row - kBlockEntries / 2) + 1;
}

struct Place {
  size_t block;
  size_t row;
};
Place PlaceOfEntry(size_t entry) { return {entry / kBlockEntries, entry % kBlockEntries}; }

struct Factors {
  float a;
  float f;
};

// What codes a residual beside its signs.
Factors FactorsOf(EstimateForm form, const float* x, const float* c, const float* g, size_t size) {
  double square = 0, sum = 0, along = 0;
  for (size_t i = 0; i < size; ++i) {
    const float r = x[i] - c[i];
    square += double{r} * double{r};
    sum += std::abs(r);
    along += (form == EstimateForm::kDot ? g[i] : c[i] - g[i]) * r;
  }
  const double f = sum > 0 ? square / sum : 0;
  if (form == EstimateForm::kDot) return {static_cast<float>(along), static_cast<float>(f)};
  return {static_cast<float>(-(square + 2 * along)), static_cast<float>(2 * f)};
}

}  // namespace

CodeBlocks::CodeBlocks(size_t entries, size_t size)
    : entries_(entries), size_(size), memory_(AllocateRows(blocks() * block_bytes())) {
  CORDON_CHECK(size % 16 == 0 && size <= limits::kDimensionMax);
}

uint32_t CodeBlocks::id(size_t entry) const {
  const auto [b, row] = PlaceOfEntry(entry);
  uint32_t id;
  std::memcpy(&id, block(b) + CodeBytes(size_) + (2 * kBlockEntries + row) * sizeof(float),
              sizeof(id));
  return id;
}

std::optional<size_t> CodeBlocks::Find(size_t begin, size_t end, uint32_t id) const {
  for (size_t entry = begin; entry < end;) {
    const size_t first = entry / kBlockEntries * kBlockEntries;
    uint32_t ids[kBlockEntries];
    std::memcpy(ids,
                block(entry / kBlockEntries) + CodeBytes(size_) + 2 * kBlockEntries * sizeof(float),
                sizeof(ids));
    for (; entry < std::min(end, first + kBlockEntries); ++entry) {
      if (ids[entry - first] == id) return entry;
    }
  }
  return std::nullopt;
}

void CodeBlocks::Put(size_t entry, uint32_t id, EstimateForm form, const float* x, const float* c,
                     const float* g) {
  CORDON_CHECK(entry < entries_);
  const auto [b, row] = PlaceOfEntry(entry);
  uint8_t* const block = bytes() + b * block_bytes();
  for (size_t i = 0; i < size_; i += 8) {
    unsigned bits = 0;
    for (size_t j = 0; j < 8; ++j) bits |= static_cast<unsigned>(x[i + j] >= c[i + j]) << j;
    block[i / 8 * kBlockEntries + PlaceOf(row)] = static_cast<uint8_t>(bits);
  }
  const Factors factors = FactorsOf(form, x, c, g, size_);
  uint8_t* const after = block + CodeBytes(size_) + row * sizeof(float);
  std::memcpy(after, &factors.a, sizeof(float));
  std::memcpy(after + kBlockEntries * sizeof(float), &factors.f, sizeof(float));
  std::memcpy(after + 2 * kBlockEntries * sizeof(float), &id, sizeof(id));
}

void CodeBlocks::Copy(size_t entry, uint32_t id, const CodeBlocks& from, size_t from_entry) {
  CORDON_CHECK(entry < entries_ && from_entry < from.entries_ && size_ == from.size_);
  const auto [b, row] = PlaceOfEntry(entry);
  const auto [from_b, from_row] = PlaceOfEntry(from_entry);
  uint8_t* const block = bytes() + b * block_bytes();
  const uint8_t* const source = from.block(from_b);
  for (size_t i = 0; i < size_ / 8; ++i) {
    block[i * kBlockEntries + PlaceOf(row)] = source[i * kBlockEntries + PlaceOf(from_row)];
  }
  for (size_t column = 0; column < 2; ++column) {
    const size_t at = CodeBytes(size_) + column * kBlockEntries * sizeof(float);
    std::memcpy(block + at + row * sizeof(float), source + at + from_row * sizeof(float),
                sizeof(float));
  }
  std::memcpy(block + CodeBytes(size_) + (2 * kBlockEntries + row) * sizeof(float), &id,
              sizeof(id));
}

void CodeBlocks::Take(size_t entry, uint8_t* code) const {
  CORDON_CHECK(entry < entries_);
  const auto [b, row] = PlaceOfEntry(entry);
  for (size_t i = 0; i < size_ / 8; ++i) code[i] = block(b)[i * kBlockEntries + PlaceOf(row)];
  const uint8_t* const after = block(b) + CodeBytes(size_) + row * sizeof(float);
  std::memcpy(code + size_ / 8, after, sizeof(float));
  std::memcpy(code + size_ / 8 + sizeof(float), after + kBlockEntries * sizeof(float),
              sizeof(float));
}

void CodeBlocks::PutTaken(size_t entry, uint32_t id, const uint8_t* code) {
  CORDON_CHECK(entry < entries_);
  const auto [b, row] = PlaceOfEntry(entry);
  uint8_t* const block = bytes() + b * block_bytes();
  for (size_t i = 0; i < size_ / 8; ++i) block[i * kBlockEntries + PlaceOf(row)] = code[i];
  uint8_t* const after = block + CodeBytes(size_) + row * sizeof(float);
  std::memcpy(after, code + size_ / 8, sizeof(float));
  std::memcpy(after + kBlockEntries * sizeof(float), code + size_ / 8 + sizeof(float),
              sizeof(float));
  std::memcpy(after + 2 * kBlockEntries * sizeof(float), &id, sizeof(id));
}

QueryTables::QueryTables(EstimateForm /*form*/, const float* u, size_t size, float deviations)
    : size_(size) {
  CORDON_CHECK(size % 16 == 0 && size <= limits::kDimensionMax);
  float halves[limits::kDimensionMax / 4];  // half of the width of each group's sums
  float widest = 0, lows = 0, square = 0;
  for (size_t g = 0; g < size / 4; ++g) {
    const float* const x = u + 4 * g;
    halves[g] = (std::abs(x[0]) + std::abs(x[1])) + (std::abs(x[2]) + std::abs(x[3]));
    widest = std::max(widest, halves[g]);
    lows -= halves[g];
    square += (x[0] * x[0] + x[1] * x[1]) + (x[2] * x[2] + x[3] * x[3]);
  }
  norm_ = std::sqrt(square);
  scale_ = 2 * widest / kTableMax;
  offset_ = lows + deviations * kErrorFactor * norm_;
  if (!(scale_ >= std::numeric_limits<float>::min())) scale_ = 0;
  const float inverse = scale_ > 0 ? 1 / scale_ : 0;
  for (size_t g = 0; g < size / 4; ++g) {
    const float* const x = u + 4 * g;
    // Sums of two dimensions, then of both pairs; in loops that the compiler makes vectors of.
    const float half = halves[g];
    const float low[4] = {half - x[0] - x[1], half + x[0] - x[1], half - x[0] + x[1],
                          half + x[0] + x[1]};
    const float high[4] = {-x[2] - x[3], x[2] - x[3], -x[2] + x[3], x[2] + x[3]};
    int32_t entries[16];
    for (size_t j = 0; j < 4; ++j) {
      for (size_t i = 0; i < 4; ++i) {
        entries[4 * j + i] = static_cast<int32_t>((low[i] + high[j]) * inverse + 0.5f);
      }
    }
    // Rounding may lead a little below zero, which is cut to it, but not above kTableMax.
    for (size_t i = 0; i < 16; ++i) tables_[16 * g + i] = static_cast<uint8_t>(entries[i]);
  }
}

namespace {

void SumsScalar(const QueryTables& query, const uint8_t* block, uint32_t* sums) {
  for (size_t row = 0; row < kBlockEntries; ++row) {
    uint32_t sum = 0;
    for (size_t i = 0; i < query.size() / 8; ++i) {
      const uint8_t code = block[i * kBlockEntries + PlaceOf(row)];
      sum += query.tables()[i * 32 + code % 16];
      sum += query.tables()[i * 32 + 16 + code / 16];
    }
    sums[row] = sum;
  }
}

float UpperScalar(const QueryTables& query, const uint8_t* block, size_t row, uint32_t sum,
                  float list_term) {
  float a, f;
  const uint8_t* const after = block + CodeBlocks::CodeBytes(query.size()) + row * sizeof(float);
  std::memcpy(&a, after, sizeof(a));
  std::memcpy(&f, after + kBlockEntries * sizeof(float), sizeof(f));
  const float s = query.scale() * static_cast<float>(sum) + query.offset();
  return (list_term + a) + f * s;
}

}  // namespace

size_t ScanBlocksScalar(const QueryTables& query, float list_term, float floor, BlockRange range,
                        Estimated* out) {
  size_t n = 0;
  for (size_t b = 0; b < range.masks.size(); ++b) {
    const uint8_t* const block = range.first + b * CodeBlocks::BlockBytes(query.size());
    uint32_t sums[kBlockEntries];
    SumsScalar(query, block, sums);
    for (size_t row = 0; row < kBlockEntries; ++row) {
      if ((range.masks[b] >> row & 1) == 0) continue;
      const float upper = UpperScalar(query, block, row, sums[row], list_term);
      if (!(upper >= floor)) continue;
      uint32_t id;
      std::memcpy(
          &id,
          block + CodeBlocks::CodeBytes(query.size()) + (2 * kBlockEntries + row) * sizeof(float),
          sizeof(id));
      out[n++] = {upper, id};
    }
  }
  return n;
}

void EstimateBlocksScalar(const QueryTables& query, const uint8_t* first, size_t blocks,
                          float* out) {
  for (size_t b = 0; b < blocks; ++b) {
    const uint8_t* const block = first + b * CodeBlocks::BlockBytes(query.size());
    uint32_t sums[kBlockEntries];
    SumsScalar(query, block, sums);
    for (size_t row = 0; row < kBlockEntries; ++row) {
      out[b * kBlockEntries + row] = UpperScalar(query, block, row, sums[row], 0);
    }
  }
}

}  // namespace cordon
