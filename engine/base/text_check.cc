#include "engine/base/text_check.h"

#include <fmt/format.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

namespace cordon {
namespace {

// Without an early end: most text is, and the compiler takes many bytes at once.
bool IsAscii(std::string_view text) {
  unsigned all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

// Most names are: what holds for all of these is not asked of each.
bool IsPrintableAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

// Walks the code points; false at the first that is malformed or that `accept` turns down.
template <typename Accept>
bool EveryCodePoint(std::string_view text, Accept accept) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    UChar32 code_point;
    U8_NEXT(bytes, i, length, code_point);
    if (code_point < 0 || !accept(code_point)) return false;
  }
  return true;
}

bool IsUtf8(std::string_view text) {
  return IsAscii(text) || EveryCodePoint(text, [](UChar32) { return true; });
}

bool IsNfc(std::string_view text) {
  if (IsAscii(text)) return true;
  UErrorCode error = U_ZERO_ERROR;
  const auto* nfc = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) return false;
  const bool normal = nfc->isNormalizedUTF8(
      icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), error);
  return U_SUCCESS(error) && normal;
}

}  // namespace

Status CheckName(std::string_view field, std::string_view name, size_t bytes_max) {
  if (name.empty()) return Invalid(field, "missing; give a value");
  if (name.size() > bytes_max) {
    return Invalid(field, fmt::format("longer than {} bytes; shorten it", bytes_max));
  }
  if (IsPrintableAscii(name)) return OkStatus();
  if (!IsUtf8(name)) return Invalid(field, "not valid UTF-8; re-encode it");
  if (!EveryCodePoint(name, [](UChar32 c) { return u_charType(c) != U_CONTROL_CHAR; })) {
    return Invalid(field, "holds a control character; remove it");
  }
  if (!IsNfc(name)) return Invalid(field, "not in Unicode normalisation form C; normalise it");
  return OkStatus();
}

Status CheckPlainName(std::string_view field, std::string_view name, size_t bytes_max) {
  RETURN_IF_ERROR(CheckName(field, name, bytes_max));
  const auto is_seen = [](UChar32 c) {
    return !u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) &&
           !u_hasBinaryProperty(c, UCHAR_BIDI_CONTROL);
  };
  if (!EveryCodePoint(name, is_seen)) {
    return Invalid(field, "holds a character that is not seen; remove it");
  }
  UChar32 before = ' ';
  const auto stands_apart = [&](UChar32 c) {
    const bool alone = c == ' ' ? before != ' ' : u_isUWhiteSpace(c) == 0;
    before = c;
    return alone;
  };
  if (EveryCodePoint(name, stands_apart) && before != ' ') return OkStatus();
  return Invalid(field, "has white space at an end, or other than single spaces; remove it");
}

Status CheckText(std::string_view field, std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return Invalid(field, fmt::format("longer than {} bytes; split it", bytes_max));
  }
  if (!IsUtf8(text)) return Invalid(field, "not valid UTF-8; re-encode it");
  if (text.find('\0') != text.npos) return Invalid(field, "holds a NUL character; remove it");
  return OkStatus();
}

}  // namespace cordon
