// Patterns for relative paths, as rules for directories use them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// A compiled pattern. Immutable; thread-safe.
//
//   *        any characters but '/', also none        ?        one character but '/'
//   [abc]    one of these, [a-z] a range, [!abc] none of these; never '/'
//   {a,b}    one of these alternatives, which may hold anything but another '{'
//   **       a whole segment: any number of segments, also none ("a/**/b" matches a/b; "**/x" x);
//            at the end at least one ("a/**" matches a/x and a/b/c, not a)
//   \x       the character x itself
//
// A pattern matches the whole path, by code points, in time O(pattern × path).
class Glob {
 public:
  // Refuses field `glob` for a pattern that is empty, absolute, too long or not well formed.
  static StatusOr<Glob> Parse(std::string_view pattern);

  // `path` is relative with '/' between segments. Bytes that are no UTF-8 match only '*', '**', '?'
  // and [!…].
  bool Matches(std::string_view path) const;

 private:
  enum class Kind { kLiteral, kAny, kStar, kClass, kSegments, kRest };
  struct Range {
    char32_t first;
    char32_t last;
  };
  struct Token {
    Kind kind;
    char32_t literal = 0;
    bool negated = false;
    std::vector<Range> ranges;

    bool Takes(char32_t c) const;
  };
  using Tokens = std::vector<Token>;

  static StatusOr<Tokens> Compile(std::u32string_view pattern);
  static StatusOr<Token> TakeClass(std::u32string_view pattern, size_t& at);
  static bool Matches(const Tokens& tokens, std::u32string_view path);

  std::vector<Tokens> alternatives_;
};

}  // namespace cordon
