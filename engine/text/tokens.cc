#include "engine/text/tokens.h"

#include <array>

namespace cordon {
namespace {

enum class Class { kLetter, kDigit, kBlank, kLineFeed, kPunctuation, kBeyondAscii };

constexpr Class Classify(unsigned char c) {
  if (c >= 0x80) return Class::kBeyondAscii;
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Class::kLetter;
  if (c >= '0' && c <= '9') return Class::kDigit;
  if (c == '\n') return Class::kLineFeed;
  if (c == ' ' || c == '\t' || c == '\r') return Class::kBlank;
  return Class::kPunctuation;
}

// A look-up takes a fraction of the comparisons: each text that leaves is counted.
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

}  // namespace

size_t ApproximateTokens(std::string_view text) {
  size_t tokens = 0;
  for (size_t begin = 0; begin < text.size();) {
    const Class kind = ClassOf(text[begin]);
    size_t end = begin + 1;
    while (end < text.size() && ClassOf(text[end]) == kind) ++end;
    tokens += TokensOfRun(kind, end - begin);
    begin = end;
  }
  return tokens;
}

}  // namespace cordon
