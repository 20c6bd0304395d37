// One bit a dimension, and the estimate of a score from it (RaBitQ: Gao, Long, SIGMOD 2024; read in
// the manner of FastScan: André, Kermarrec, Le Scouarnec, VLDB 2015).
//
// All vectors here are rotated (rotation.h), so D numbers. A row x in the list of centroid c is
// coded by the signs s of its residual r = x - c. With u = q - g, where g is the mean of all
// centroids and q the query,
//   ⟨u, r⟩ ≈ F · S,  S = Σ u_i s_i,  F = ‖r‖² / ‖r‖₁
// is unbiased over the rotation, and its error is normal with deviation ≈ F · 0.603 · ‖u‖, since
// ‖r‖₁ concentrates at √(2D/π) ‖r‖. So a score is, with a constant A of query and list, and a of
// the row,
//   kDot       ⟨q, x⟩     = ⟨q, c⟩   + ⟨g, r⟩                  +     ⟨u, r⟩
//   kDistance  -‖q - x‖²  = -‖q - c‖² - (‖r‖² + 2⟨c - g, r⟩)   + 2 · ⟨u, r⟩
// One table of the query thus serves all lists.
//
// S is read from tables: four dimensions have 16 sums, rounded to six bits of one scale, so that
// four of them add up in a byte, and those of 4,096 dimensions in 16 bits. Sums are whole numbers,
// and no operation on floats is fused: every instruction set gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/index/float_rows.h"
#include "engine/index/rotation.h"

namespace cordon {

enum class EstimateForm : uint8_t { kDot, kDistance };

// The rows of one block, which are scanned together.
inline constexpr size_t kBlockEntries = 32;

// Entries in blocks of kBlockEntries. A block is one record, contiguous: the codes, then a, F and
// the id of each entry. Built once, then immutable.
class CodeBlocks {
 public:
  CodeBlocks() = default;
  // `size` is that of rotated vectors.
  CodeBlocks(size_t entries, size_t size);

  size_t entries() const { return entries_; }
  size_t blocks() const { return (entries_ + kBlockEntries - 1) / kBlockEntries; }
  size_t size() const { return size_; }
  size_t block_bytes() const { return BlockBytes(size_); }
  const uint8_t* block(size_t i) const { return bytes() + i * block_bytes(); }
  uint32_t id(size_t entry) const;
  // Which of the entries [begin, end) has this id; the first one.
  std::optional<size_t> Find(size_t begin, size_t end, uint32_t id) const;

  // Codes row `x` with regard to the centroid `c` and the mean `g`. As each entry has bytes of its
  // own, different ones may be put, or copied, by several threads at once.
  void Put(size_t entry, uint32_t id, EstimateForm form, const float* x, const float* c,
           const float* g);
  // Copies an entry of other blocks of the same size; the id may be another.
  void Copy(size_t entry, uint32_t id, const CodeBlocks& from, size_t from_entry);

  // The code of an entry by itself, as files have it (segment_file.h): a byte for eight dimensions
  // each, a, F. EntryBytes(size()) bytes.
  void Take(size_t entry, uint8_t* code) const;
  void PutTaken(size_t entry, uint32_t id, const uint8_t* code);
  static constexpr size_t EntryBytes(size_t size) { return size / 8 + 2 * sizeof(float); }

  static constexpr size_t CodeBytes(size_t size) { return size / 8 * kBlockEntries; }
  static constexpr size_t BlockBytes(size_t size) {
    return CodeBytes(size) + kBlockEntries * (2 * sizeof(float) + sizeof(uint32_t));
  }

 private:
  const uint8_t* bytes() const { return static_cast<const uint8_t*>(memory_.get()); }
  uint8_t* bytes() { return static_cast<uint8_t*>(memory_.get()); }

  size_t entries_ = 0;
  size_t size_ = 0;
  std::unique_ptr<void, FreeRows> memory_;
};

// A query as tables. 16 KiB: of the stack, or kept by its thread.
class QueryTables {
 public:
  // `u` has `size` numbers, aligned to 64 bytes. `deviations`: how many deviations of the error an
  // upper end lies above the estimate.
  QueryTables(EstimateForm form, const float* u, size_t size, float deviations);

  const uint8_t* tables() const { return tables_; }
  size_t size() const { return size_; }
  // upper = A + a + F · (scale · sum + offset); F includes the form's factor.
  float scale() const { return scale_; }
  float offset() const { return offset_; }
  // ‖u‖.
  float norm() const { return norm_; }

 private:
  size_t size_;
  float scale_;
  float offset_;
  float norm_;
  alignas(64) uint8_t tables_[limits::kDimensionMax / 4 * 16];  // not cleared
};

// The blocks [first, first + masks.size()) of a list, and which entries of each count. Blocks
// without any are passed over.
struct BlockRange {
  const uint8_t* first;
  std::span<const uint32_t> masks;
};

// Entries that may be good enough.
struct Estimated {
  float upper;
  uint32_t id;
};

// Writes the entries of `range` whose upper end is at least `floor` to `out`, which has room for
// all that count, in order; returns their number. `ahead`, `ahead_bytes`: memory that is fetched on
// the way. Thread-safe.
size_t ScanBlocks(const QueryTables& query, float list_term, float floor, BlockRange range,
                  const uint8_t* ahead, size_t ahead_bytes, Estimated* out);
// The upper ends of all entries of the first `blocks` blocks, 32 each.
void EstimateBlocks(const QueryTables& query, const uint8_t* first, size_t blocks, float* out);

// The scalar twins: the same bits.
size_t ScanBlocksScalar(const QueryTables& query, float list_term, float floor, BlockRange range,
                        Estimated* out);
void EstimateBlocksScalar(const QueryTables& query, const uint8_t* first, size_t blocks,
                          float* out);

}  // namespace cordon
