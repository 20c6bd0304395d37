// Highway compiles the first part of this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/text/tokens.cc"
#include "engine/text/tokens.h"

#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <array>
#include <bit>
#include <cstdint>

#ifndef CORDON_TOKENS_ONCE
#define CORDON_TOKENS_ONCE
namespace cordon {
namespace {

// Each text that leaves is counted, and a branch for each word costs more than all the rest: 64
// bytes are looked at together, a bit for each.
constexpr size_t kBlock = 64;

struct Block {
  uint64_t letters = 0, digits = 0, blanks = 0, beyond_ascii = 0;
  uint64_t others = 0;  // line feeds and punctuation: each is a run and a token
};

enum class Class { kLetter, kDigit, kBlank, kLineFeed, kPunctuation, kBeyondAscii };

constexpr Class Classify(unsigned char c) {
  if (c >= 0x80) return Class::kBeyondAscii;
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Class::kLetter;
  if (c >= '0' && c <= '9') return Class::kDigit;
  if (c == '\n') return Class::kLineFeed;
  if (c == ' ' || c == '\t' || c == '\r') return Class::kBlank;
  return Class::kPunctuation;
}

constexpr auto kClasses = [] {
  std::array<Class, 256> classes{};
  for (size_t c = 0; c < classes.size(); ++c) classes[c] = Classify(static_cast<unsigned char>(c));
  return classes;
}();

Class ClassOf(char c) { return kClasses[static_cast<unsigned char>(c)]; }

// Tokens of a run of `length` bytes that are all of `kind`.
size_t TokensOfRun(Class kind, size_t length) {
  switch (kind) {
    case Class::kLetter:
      return (length + 7) / 8;
    case Class::kDigit:
      return (length + 2) / 3;
    case Class::kBlank:
      return length > 1 ? 1 : 0;  // one blank belongs to the word after it
    case Class::kBeyondAscii:
      return (length + 1) / 2;
    case Class::kLineFeed:
    case Class::kPunctuation:
      return length;
  }
  return length;
}

size_t TokensOfRunAt(std::string_view text, size_t begin, size_t* end) {
  const Class kind = ClassOf(text[begin]);
  *end = begin + 1;
  while (*end < text.size() && ClassOf(text[*end]) == kind) ++*end;
  return TokensOfRun(kind, *end - begin);
}

}  // namespace
}  // namespace cordon
#endif

HWY_BEFORE_NAMESPACE();
namespace cordon {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE Block BlockAt(const char* bytes) {
  const hn::CappedTag<int8_t, kBlock> d;
  const auto within = [&](auto v, char first, char last) HWY_ATTR {
    return hn::And(hn::Gt(v, hn::Set(d, static_cast<int8_t>(first - 1))),
                   hn::Lt(v, hn::Set(d, static_cast<int8_t>(last + 1))));
  };
  Block block;
  for (size_t i = 0; i < kBlock; i += hn::Lanes(d)) {
    const auto put = [&](auto mask, uint64_t* bits) HWY_ATTR {
      uint64_t lanes = 0;
      hn::StoreMaskBits(d, mask, reinterpret_cast<uint8_t*>(&lanes));  // the first, little-endian
      *bits |= lanes << i;
    };
    const auto v = hn::LoadU(d, reinterpret_cast<const int8_t*>(bytes) + i);
    const auto is = [&](char c) HWY_ATTR { return hn::Eq(v, hn::Set(d, static_cast<int8_t>(c))); };
    put(within(hn::Or(v, hn::Set(d, int8_t{0x20})), 'a', 'z'), &block.letters);
    put(within(v, '0', '9'), &block.digits);
    put(hn::Lt(v, hn::Zero(d)), &block.beyond_ascii);
    put(hn::Or(hn::Or(is(' '), is('\t')), is('\r')), &block.blanks);
  }
  block.others = ~(block.letters | block.digits | block.blanks | block.beyond_ascii);
  return block;
}

HWY_INLINE uint64_t Starts(uint64_t runs) { return runs & ~(runs << 1); }

// One token for each `period` bytes begun of each run.
template <int period>
HWY_INLINE size_t TokensOfRuns(uint64_t runs) {
  uint64_t behind = runs;  // what has `period` bytes of its run before it
  for (int i = 1; i <= period; ++i) behind &= runs << i;
  size_t tokens = 0;
  for (uint64_t at = Starts(runs); at != 0; at = (at << period) & behind) {
    tokens += static_cast<size_t>(std::popcount(at));
  }
  return tokens;
}

HWY_INLINE size_t TokensOf(const Block& block) {
  const uint64_t second_blanks = (Starts(block.blanks) << 1) & block.blanks;
  return TokensOfRuns<8>(block.letters) + TokensOfRuns<3>(block.digits) +
         TokensOfRuns<2>(block.beyond_ascii) +
         static_cast<size_t>(std::popcount(second_blanks) + std::popcount(block.others));
}

// Where the last run begins.
HWY_INLINE size_t LastRun(const Block& block) {
  const uint64_t starts = Starts(block.letters) | Starts(block.digits) | Starts(block.blanks) |
                          Starts(block.beyond_ascii) | block.others;
  return kBlock - 1 - static_cast<size_t>(std::countl_zero(starts));
}

HWY_INLINE Block FirstOf(const Block& block, size_t bytes) {
  const uint64_t kept = (uint64_t{1} << bytes) - 1;
  return {block.letters & kept, block.digits & kept, block.blanks & kept, block.beyond_ascii & kept,
          block.others & kept};
}

size_t CountTokens(std::string_view text) {
  size_t tokens = 0;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;  // of what is counted
    if (text.size() - begin >= kBlock) {
      const Block block = BlockAt(text.data() + begin);
      end += LastRun(block);  // it may go on behind the block
      tokens += TokensOf(FirstOf(block, end - begin));
    }
    if (end == begin) tokens += TokensOfRunAt(text, begin, &end);
    begin = end;
  }
  return tokens;
}

}  // namespace HWY_NAMESPACE
}  // namespace cordon
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cordon {

HWY_EXPORT(CountTokens);

size_t ApproximateTokens(std::string_view text) { return HWY_DYNAMIC_DISPATCH(CountTokens)(text); }

}  // namespace cordon
#endif
