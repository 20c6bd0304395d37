#include "tools/cordon/glob.h"

#include <fmt/format.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <utility>

namespace cordon {
namespace {

constexpr size_t kPatternBytesMax = 4096;  // as the longest path of Linux
constexpr size_t kAlternativesMax = 256;   // {a,b} multiply; beyond it write several rules
constexpr char32_t kBadByte = 0x110000;  // beyond Unicode: a byte that is no UTF-8, plus its value

Status GlobError(std::string_view what) { return Invalid("glob", what); }

std::u32string Decode(std::string_view text) {
  std::u32string decoded;
  decoded.reserve(text.size());
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    const int32_t begin = i;
    UChar32 c;
    U8_NEXT(bytes, i, length, c);
    if (c < 0) {
      for (i = begin + 1; i < length && (bytes[i] & 0xc0) == 0x80;) ++i;
      for (int32_t bad = begin; bad < i; ++bad) decoded += kBadByte + bytes[bad];
    } else {
      decoded += static_cast<char32_t>(c);
    }
  }
  return decoded;
}

// The index of the first unescaped `wanted` outside […] at or after `at`; npos if there is none.
size_t FindOutsideClass(std::u32string_view pattern, char32_t wanted, size_t at) {
  bool in_class = false;
  for (; at < pattern.size(); ++at) {
    const char32_t c = pattern[at];
    if (c == U'\\') {
      ++at;
    } else if (in_class) {
      in_class = c != U']';
    } else if (c == wanted) {
      return at;
    } else if (c == U'[') {
      in_class = true;
    }
  }
  return pattern.npos;
}

// Every pattern that `pattern` stands for, its {…} replaced by each alternative.
StatusOr<std::vector<std::u32string>> Expand(std::u32string pattern) {
  std::vector<std::u32string> done;
  std::vector<std::u32string> open = {std::move(pattern)};
  while (!open.empty()) {
    const std::u32string next = std::move(open.back());
    open.pop_back();
    const size_t begin = FindOutsideClass(next, U'{', 0);
    if (begin == next.npos) {
      if (FindOutsideClass(next, U'}', 0) != next.npos) {
        return GlobError("has a '}' without '{'; write \\} for the character itself");
      }
      done.push_back(next);
    } else {
      const size_t end = FindOutsideClass(next, U'}', begin + 1);
      if (end == next.npos) return GlobError("has a '{' without '}'; close it, or write \\{");
      if (FindOutsideClass(next, U'{', begin + 1) < end) {
        return GlobError("has a '{' within '{…}'; write several rules");
      }
      for (size_t at = begin + 1; at <= end;) {
        const size_t comma = std::min(FindOutsideClass(next, U',', at), end);
        open.push_back(next.substr(0, begin) + next.substr(at, comma - at) + next.substr(end + 1));
        at = comma + 1;
      }
    }
    if (open.size() + done.size() > kAlternativesMax) {
      return GlobError(
          fmt::format("stands for more than {} patterns; write several rules", kAlternativesMax));
    }
  }
  return done;
}

}  // namespace

bool Glob::Token::Takes(char32_t c) const {
  if (kind == Kind::kLiteral) return c == literal;
  if (c == U'/') return false;
  if (kind != Kind::kClass) return true;
  const bool listed = std::any_of(ranges.begin(), ranges.end(), [c](const Range& range) {
    return range.first <= c && c <= range.last;
  });
  return listed != negated;
}

StatusOr<Glob> Glob::Parse(std::string_view pattern) {
  if (pattern.empty()) return GlobError("missing; give a pattern such as hr/**");
  if (pattern.size() > kPatternBytesMax) {
    return GlobError(fmt::format("longer than {} bytes; shorten it", kPatternBytesMax));
  }
  if (pattern.find('\0') != pattern.npos) return GlobError("holds a NUL character; remove it");
  const std::u32string decoded = Decode(pattern);
  if (std::any_of(decoded.begin(), decoded.end(), [](char32_t c) { return c >= kBadByte; })) {
    return GlobError("not valid UTF-8; re-encode it");
  }
  ASSIGN_OR_RETURN(const std::vector<std::u32string> expanded, Expand(decoded));
  Glob glob;
  for (const std::u32string& alternative : expanded) {
    ASSIGN_OR_RETURN(Tokens tokens, Compile(alternative));
    glob.alternatives_.push_back(std::move(tokens));
  }
  return glob;
}

StatusOr<Glob::Tokens> Glob::Compile(std::u32string_view pattern) {
  if (pattern.starts_with(U'/') || pattern.starts_with(U"./") || pattern.starts_with(U"../")) {
    return GlobError(
        "is matched against paths relative to the directory; leave out what is before");
  }
  Tokens tokens;
  for (size_t at = 0; at < pattern.size();) {
    const char32_t c = pattern[at];
    if (pattern.substr(at).starts_with(U"**")) {
      const bool begins = at == 0 || pattern[at - 1] == U'/';
      const std::u32string_view after = pattern.substr(at + 2);
      if (!begins || (!after.empty() && after[0] != U'/')) {
        return GlobError("has ** next to other characters; make it a whole segment, as in a/**/b");
      }
      tokens.push_back({after.empty() ? Kind::kRest : Kind::kSegments, 0, false, {}});
      at += after.empty() ? 2 : 3;
    } else if (c == U'*' || c == U'?') {
      tokens.push_back({c == U'*' ? Kind::kStar : Kind::kAny, 0, false, {}});
      ++at;
    } else if (c == U'[') {
      ASSIGN_OR_RETURN(Token token, TakeClass(pattern, at));
      tokens.push_back(std::move(token));
    } else {
      if (c == U'\\' && ++at == pattern.size()) {
        return GlobError("ends with a '\\'; write \\\\ for the character itself");
      }
      tokens.push_back({Kind::kLiteral, pattern[at++], false, {}});
    }
  }
  return tokens;
}

StatusOr<Glob::Token> Glob::TakeClass(std::u32string_view pattern, size_t& at) {
  Token token{Kind::kClass, 0, false, {}};
  ++at;
  if (at < pattern.size() && (pattern[at] == U'!' || pattern[at] == U'^')) {
    token.negated = true;
    ++at;
  }
  while (at < pattern.size() && pattern[at] != U']') {
    const auto take = [&] {
      if (pattern[at] == U'\\' && at + 1 < pattern.size()) ++at;
      return pattern[at++];
    };
    Range range;
    range.first = range.last = take();
    if (at + 1 < pattern.size() && pattern[at] == U'-' && pattern[at + 1] != U']') {
      ++at;
      range.last = take();
    }
    if (range.last < range.first) return GlobError("has a range in […] that ends before it begins");
    token.ranges.push_back(range);
  }
  if (at == pattern.size()) return GlobError("has a '[' without ']'; close it, or write \\[");
  if (token.ranges.empty()) return GlobError("has an empty []; name the characters");
  ++at;
  return token;
}

bool Glob::Matches(std::string_view path) const {
  const std::u32string decoded = Decode(path);
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const Tokens& tokens) { return Matches(tokens, decoded); });
}

// Runs all ways to match side by side, so that no pattern makes it go back and forth.
bool Glob::Matches(const Tokens& tokens, std::u32string_view path) {
  const size_t end = tokens.size();
  std::vector<char> now(end + 1);
  // Tokens that may match nothing are passed over; at(i) means "before token i".
  const auto pass = [&](std::vector<char>& at) {
    for (size_t i = 0; i < end; ++i) {
      if (at[i] && tokens[i].kind == Kind::kStar) at[i + 1] = 1;
    }
  };
  // `**/` may match no segment, or end after any '/': only there is the next token at hand.
  const auto pass_segments = [&](std::vector<char>& at) {
    for (size_t i = 0; i < end; ++i) {
      if (at[i] && (tokens[i].kind == Kind::kStar || tokens[i].kind == Kind::kSegments)) {
        at[i + 1] = 1;
      }
    }
  };
  now[0] = 1;
  pass_segments(now);
  for (char32_t c : path) {
    std::vector<char> next(end + 1);
    for (size_t i = 0; i < end; ++i) {
      if (!now[i]) continue;
      const Token& token = tokens[i];
      switch (token.kind) {
        case Kind::kRest:
          next[i] = next[end] = 1;
          break;
        case Kind::kSegments:
          next[i] = 1;
          break;
        case Kind::kStar:
          if (token.Takes(c)) next[i] = 1;
          break;
        default:
          if (token.Takes(c)) next[i + 1] = 1;
      }
    }
    if (c == U'/') {
      pass_segments(next);
    } else {
      pass(next);
    }
    now = std::move(next);
  }
  return now[end] != 0;
}

}  // namespace cordon
