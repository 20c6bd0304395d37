#include "engine/lexical/segment.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace cordon {

uint32_t WeightOf(const TermCounts& terms) {
  const size_t bytes = terms.size() * sizeof(Posting) + terms.bytes();
  return static_cast<uint32_t>(
      std::max<size_t>(1, (bytes + kLexicalRowBytes - 1) / kLexicalRowBytes));
}

std::span<const uint32_t> LexicalRows::rows_of(uint32_t document) const {
  const auto below = [&](uint32_t row, uint32_t wanted) { return keys_[row].document < wanted; };
  const auto begin = std::lower_bound(by_number_.begin(), by_number_.end(), document, below);
  auto end = begin;
  while (end != by_number_.end() && keys_[*end].document == document) ++end;
  return {begin, end};
}

std::optional<TermPostings> LexicalRows::Find(std::string_view term, uint32_t hash) const {
  const auto found = slots_.Find(
      hash, [&](uint32_t place) { return terms_[place].hash == hash && text(place) == term; });
  if (!found) return std::nullopt;
  return postings(*found);
}

std::vector<uint16_t> LexicalRows::CutLengths() const {
  std::vector<uint16_t> lengths(size_t{UINT16_MAX} + 1);
  for (size_t row = 0; row < std::min(lengths_.size(), lengths.size()); ++row) {
    lengths[row] = static_cast<uint16_t>(std::min<uint32_t>(lengths_[row], UINT16_MAX));
  }
  return lengths;
}

size_t LexicalRows::bytes() const {
  return keys_.size() * (sizeof(Key) + 3 * sizeof(uint32_t)) + runs_.size() * sizeof(Run) +
         bounded_.size() * sizeof(Bounded) + terms_.size() * sizeof(Term) + slots_.bytes() +
         text_.size() + postings_.size() * sizeof(Posting);
}

LexicalSegment LexicalSegment::WithDead(Bitmap dead) const {
  CORDON_CHECK(dead.size() == rows_->size());
  LexicalSegment result(rows_);
  dead.ForEach([&](size_t row) {
    --result.live_;
    result.live_weight_ -= rows_->weight(static_cast<uint32_t>(row));
  });
  if (result.live_ != rows_->size()) result.dead_ = std::make_shared<const Bitmap>(std::move(dead));
  return result;
}

}  // namespace cordon
