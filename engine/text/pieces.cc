// BytePairs::Cut: the pieces of cl100k_base, which its authors write as one expression:
//
//   '(?i:[sdmt]|ll|ve|re) | [^\r\n\p{L}\p{N}]?+\p{L}++ | \p{N}{1,3}+ |  ?[^\s\p{L}\p{N}]++[\r\n]*+
//   | \s++$ | \s*[\r\n] | \s+(?!\S) | \s
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "engine/text/byte_pairs.h"

namespace cordon {
namespace {

enum class Kind { kLetter, kNumber, kLineEnd, kBlank, kOther };

Kind KindOf(UChar32 c) {
  if (c == '\n' || c == '\r') return Kind::kLineEnd;
  if (c < 0) return Kind::kOther;  // a byte that is no UTF-8
  const uint32_t mask = U_GET_GC_MASK(c);
  if ((mask & U_GC_L_MASK) != 0) return Kind::kLetter;
  if ((mask & U_GC_N_MASK) != 0) return Kind::kNumber;
  return u_isUWhiteSpace(c) ? Kind::kBlank : Kind::kOther;
}

// A code point of the text and where it ends.
struct Point {
  UChar32 c = -1;
  Kind kind = Kind::kOther;
  size_t end = 0;
};

class Cutter {
 public:
  explicit Cutter(std::string_view text) : text_(text) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
    const auto size = static_cast<int32_t>(text.size());
    for (int32_t i = 0; i < size;) {
      Point point;
      U8_NEXT(bytes, i, size, point.c);
      point.kind = KindOf(point.c);
      point.end = static_cast<size_t>(i);
      points_.push_back(point);
    }
  }

  std::vector<std::string_view> All() const {
    std::vector<std::string_view> pieces;
    size_t begin = 0;
    for (size_t at = 0; at < points_.size();) {
      at = Next(at);
      const size_t end = points_[at - 1].end;
      pieces.push_back(text_.substr(begin, end - begin));
      begin = end;
    }
    return pieces;
  }

 private:
  bool Is(size_t at, Kind kind) const { return at < points_.size() && points_[at].kind == kind; }
  bool IsBlank(size_t at) const { return Is(at, Kind::kBlank) || Is(at, Kind::kLineEnd); }
  // The ASCII letter at a place in lower case, or 0.
  char Letter(size_t at) const {
    if (at >= points_.size() || points_[at].c < 0 || points_[at].c > 0x7f) return 0;
    return static_cast<char>(points_[at].c | 0x20);
  }
  size_t After(size_t at, Kind kind) const {
    while (Is(at, kind)) ++at;
    return at;
  }

  // Where the piece that begins at `at` ends.
  size_t Next(size_t at) const {
    if (const size_t end = Contraction(at); end > at) return end;
    if (Is(at, Kind::kLetter)) return After(at, Kind::kLetter);
    const bool before_word = !Is(at, Kind::kLineEnd) && !Is(at, Kind::kNumber);
    if (before_word && Is(at + 1, Kind::kLetter)) return After(at + 1, Kind::kLetter);
    if (Is(at, Kind::kNumber)) return std::min(After(at, Kind::kNumber), at + 3);
    const size_t other = at + (points_[at].c == ' ' && Is(at + 1, Kind::kOther) ? 1 : 0);
    if (Is(other, Kind::kOther)) return After(After(other, Kind::kOther), Kind::kLineEnd);
    return Blanks(at);
  }

  size_t Contraction(size_t at) const {
    if (points_[at].c != '\'') return at;
    const char first = Letter(at + 1), second = Letter(at + 2);
    if (first == 's' || first == 'd' || first == 'm' || first == 't') return at + 2;
    const bool two = (first == 'l' && second == 'l') || (first == 'v' && second == 'e') ||
                     (first == 'r' && second == 'e');
    return two ? at + 3 : at;
  }

  size_t Blanks(size_t at) const {
    size_t end = at, after_line_end = at;
    for (; IsBlank(end); ++end) {
      if (Is(end, Kind::kLineEnd)) after_line_end = end + 1;
    }
    if (end == points_.size()) return end;
    if (after_line_end > at) return after_line_end;
    return end - at > 1 ? end - 1 : end;  // the last one belongs to what follows
  }

  const std::string_view text_;
  std::vector<Point> points_;
};

}  // namespace

std::vector<std::string_view> BytePairs::Cut(std::string_view text) { return Cutter(text).All(); }

}  // namespace cordon
