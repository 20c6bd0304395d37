#include "tools/cordon/html_charset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace cordon {
namespace {

// Code points of the bytes 0x80 to 0x9f in windows-1252; 0 for those without.
constexpr std::array<uint16_t, 32> kWindows1252 = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

void AppendUtf8(std::string& out, unsigned code_point) {
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xc0 | (code_point >> 6));
    out += static_cast<char>(0x80 | (code_point & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | (code_point >> 12));
    out += static_cast<char>(0x80 | ((code_point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code_point & 0x3f));
  }
}

// The value after `name`= in `text`, with or without quotation marks.
std::string_view ValueAfter(std::string_view text, std::string_view name) {
  const size_t at = LowerAscii(text).find(name);
  if (at == text.npos) return {};
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (!text.starts_with('=')) return {};
  text.remove_prefix(1);
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\"'"), text.size()));
  return text.substr(0, text.find_first_of(" \t\r\n\"';?"));
}

}  // namespace

std::string_view CharsetOfContentType(std::string_view content_type) {
  return ValueAfter(content_type, "charset");
}

std::string_view CharsetOfXmlDeclaration(std::string_view page) {
  if (!page.starts_with("<?xml")) return {};
  return ValueAfter(page.substr(0, page.find("?>")), "encoding");
}

StatusOr<Charset> AgreeOnCharset(const std::vector<std::string_view>& declared) {
  Charset agreed = Charset::kUtf8;
  for (size_t i = 0; i < declared.size(); ++i) {
    const std::string name = LowerAscii(declared[i]);
    Charset charset = Charset::kUtf8;
    if (name == "iso-8859-1" || name == "latin1") {
      charset = Charset::kLatin1;
    } else if (name != "utf-8" && name != "utf8" && name != "us-ascii" && name != "ascii") {
      return Invalid("text",
                     fmt::format("written in the charset {}; re-encode it in UTF-8", declared[i]));
    }
    if (i > 0 && charset != agreed) {
      return Invalid("text", "declares two charsets; keep the right one");
    }
    agreed = charset;
  }
  return agreed;
}

StatusOr<std::string> DecodeLatin1(std::string_view page) {
  std::string decoded;
  decoded.reserve(page.size() + page.size() / 16);
  for (size_t i = 0; i < page.size(); ++i) {
    const auto byte = static_cast<unsigned char>(page[i]);
    const bool moved = byte >= 0x80 && byte < 0xa0;
    const unsigned code_point = moved ? kWindows1252[byte - 0x80] : byte;
    if (moved && code_point == 0) {
      return Invalid("text",
                     fmt::format("byte {} is no ISO-8859-1 text; re-encode it in UTF-8", i));
    }
    AppendUtf8(decoded, code_point);
  }
  return decoded;
}

}  // namespace cordon
