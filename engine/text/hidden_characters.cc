#include "engine/text/hidden_characters.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

namespace cordon {
namespace {

// Whether the byte is of what most texts are made of. Without a branch: see below.
constexpr bool IsPlainByte(unsigned char c) {
  const bool printed = static_cast<unsigned char>(c - 0x20) < 0x7f - 0x20;
  return printed | (c == '\n') | (c == '\r') | (c == '\t');
}

// Each text that leaves passes here: the compiler turns a block without a way out of it into vector
// instructions, which a loop that ends at the first other byte is not.
bool IsPlain(std::string_view text) {
  constexpr size_t kBlock = 64;
  for (; text.size() >= kBlock; text.remove_prefix(kBlock)) {
    unsigned char others = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      others |= static_cast<unsigned char>(!IsPlainByte(static_cast<unsigned char>(text[i])));
    }
    if (others != 0) return false;
  }
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsPlainByte(static_cast<unsigned char>(c)); });
}

bool IsHidden(UChar32 c) {
  if (c < 0) return true;
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return u_charType(c) == U_CONTROL_CHAR || u_hasBinaryProperty(c, UCHAR_BIDI_CONTROL) ||
         u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || (c >= 0xfff9 && c <= 0xfffb);
}

// Something that is seen and may need a joiner or a selector.
bool IsVisibleBeyondAscii(UChar32 c) { return c >= 0x80 && !IsHidden(c); }

bool IsNeeded(UChar32 before, UChar32 c, UChar32 after) {
  const bool joiner = c == 0x200c || c == 0x200d;
  const bool style = c == 0xfe0e || c == 0xfe0f;
  // An emoji may have a style and then a joiner.
  const bool follows = IsVisibleBeyondAscii(before) || (joiner && before == 0xfe0f);
  return follows && (style || (joiner && IsVisibleBeyondAscii(after)));
}

// Calls visit(bytes, hidden) for each code point.
template <typename Visit>
void ForEachCodePoint(std::string_view text, Visit visit) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int32_t>(text.size());
  UChar32 before = -1;
  for (int32_t i = 0; i < size;) {
    const int32_t begin = i;
    UChar32 c = 0;
    U8_NEXT(bytes, i, size, c);
    bool hidden = IsHidden(c);
    if (hidden && c >= 0x80 && i < size) {
      UChar32 after = 0;
      int32_t next = i;
      U8_NEXT(bytes, next, size, after);
      hidden = !IsNeeded(before, c, after);
    } else if (hidden && c >= 0x80) {
      hidden = !IsNeeded(before, c, -1);
    }
    visit(text.substr(static_cast<size_t>(begin), static_cast<size_t>(i - begin)), hidden);
    before = c;
  }
}

}  // namespace

size_t CountHiddenCharacters(std::string_view text) {
  if (IsPlain(text)) return 0;
  size_t count = 0;
  ForEachCodePoint(text, [&](std::string_view, bool hidden) { count += hidden ? 1 : 0; });
  return count;
}

std::string WithoutHiddenCharacters(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string kept;
  kept.reserve(text.size());
  ForEachCodePoint(text, [&](std::string_view bytes, bool hidden) {
    if (!hidden) kept += bytes;
  });
  return kept;
}

}  // namespace cordon
