#include "engine/text/blocks.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <utility>

namespace cordon {
namespace {

// Characters that underline titles. The backtick is left to fences.
constexpr std::string_view kUnderlines = "=-~^\"'*+#.:_";

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

size_t Indent(std::string_view line) {
  size_t columns = 0;
  for (char c : line) {
    if (c == ' ') {
      ++columns;
    } else if (c == '\t') {
      columns += 4 - columns % 4;
    } else {
      break;
    }
  }
  return columns;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\f\v";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The character of which `line` is a run of at least three, or 0.
char Rule(std::string_view line) {
  const size_t end = line.find_last_not_of(" \t");
  if (end == line.npos || end < 2 || kUnderlines.find(line[0]) == kUnderlines.npos) return 0;
  line = line.substr(0, end + 1);
  return line.find_first_not_of(line[0]) == line.npos ? line[0] : 0;
}

// Three or more backticks or tildes, as CommonMark 4.5 opens a fence; length 0 if `line` does not.
struct Fence {
  char mark = 0;
  size_t length = 0;
};

Fence OpenFence(std::string_view line) {
  if (Indent(line) > 3) return {};
  line = Trim(line);
  if (line.empty() || (line[0] != '`' && line[0] != '~')) return {};
  const size_t end = std::min(line.find_first_not_of(line[0]), line.size());
  if (end < 3) return {};
  if (line[0] == '`' && line.find('`', end) != line.npos) return {};
  return {line[0], end};
}

bool ClosesFence(std::string_view line, Fence fence) {
  if (Indent(line) > 3) return false;
  line = Trim(line);
  return line.size() >= fence.length && line.find_first_not_of(fence.mark) == line.npos;
}

// The level of an ATX heading and its text; level 0 if `line` is none (CommonMark 4.2).
std::pair<int, std::string_view> AtxHeading(std::string_view line) {
  if (Indent(line) > 3) return {};
  line = Trim(line);
  const size_t level = std::min(line.find_first_not_of('#'), line.size());
  if (level == 0 || level > 6) return {};
  if (level < line.size() && line[level] != ' ' && line[level] != '\t') return {};
  std::string_view title = Trim(line.substr(level));
  const size_t closing = title.find_last_not_of('#');
  if (closing == title.npos) {
    title = {};
  } else if (closing + 1 < title.size() && (title[closing] == ' ' || title[closing] == '\t')) {
    title = Trim(title.substr(0, closing));
  }
  if (title.size() > kHeadingBytes) return {};
  return {static_cast<int>(level), title};
}

// May `line` stand above (or between) lines of `rule`?
bool IsTitleAbove(std::string_view line, std::string_view rule) {
  const char mark = Rule(rule);
  if (mark == 0 || IsBlank(line) || Rule(line) != 0 || Indent(line) > 3 || IsListLine(line)) {
    return false;
  }
  const std::string_view title = Trim(line);
  if (title.size() > kHeadingBytes) return false;
  if (mark == '=' || mark == '-') return true;  // Markdown asks for no length
  const size_t length = Trim(rule).size();
  return length >= CodePoints(title) && (mark != '~' || length > 3);  // ~~~ opens a fence
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    while (!text.empty()) {
      const size_t end = text.find('\n');
      lines_.push_back(text.substr(0, end));
      text = end == text.npos ? std::string_view() : text.substr(end + 1);
    }
  }

  std::vector<Block> Parse() {
    while (next_ < lines_.size()) {
      if (IsBlank(Line(0))) {
        ++next_;
      } else if (!TakeFence() && !TakeHeading()) {
        TakeParagraph();
      }
    }
    if (any_atx_) {  // then the text is Markdown, where the underline itself says the level
      for (auto& [block, style] : underlined_) {
        blocks_[block].level = style == kPlainEquals ? 1 : style == kPlainDash ? 2 : 3;
      }
    }
    return std::move(blocks_);
  }

 private:
  static constexpr int kPlainEquals = '=';
  static constexpr int kPlainDash = '-';

  std::string_view Line(size_t offset) const {
    return next_ + offset < lines_.size() ? lines_[next_ + offset] : std::string_view();
  }

  void TakeLines(BlockKind kind, size_t count) {
    const char* begin = lines_[next_].data();
    const std::string_view last = lines_[next_ + count - 1];
    blocks_.push_back({kind, text_.substr(static_cast<size_t>(begin - text_.data()),
                                          static_cast<size_t>(last.data() + last.size() - begin))});
    next_ += count;
  }

  bool TakeFence() {
    const Fence fence = OpenFence(Line(0));
    if (fence.length == 0) return false;
    size_t count = 1;
    while (next_ + count < lines_.size() && !ClosesFence(Line(count), fence)) ++count;
    TakeLines(BlockKind::kCode, std::min(count + 1, lines_.size() - next_));
    return true;
  }

  bool TakeHeading() {
    if (const auto [level, title] = AtxHeading(Line(0)); level > 0) {
      any_atx_ = true;
      ++next_;
      if (!title.empty()) blocks_.push_back({BlockKind::kHeading, title, level});
      return true;
    }
    if (IsTitleAbove(Line(0), Line(1))) {
      PushUnderlined(Line(0), Rule(Line(1)));
      next_ += 2;
      return true;
    }
    const char over = Rule(Line(0));
    if (over != 0 && over == Rule(Line(2)) && IsTitleAbove(Line(1), Line(2))) {
      PushUnderlined(Line(1), over + 256);
      next_ += 3;
      return true;
    }
    return false;
  }

  // In reStructuredText a style of underlining gets its level where it is first met.
  void PushUnderlined(std::string_view title, int style) {
    auto found = std::find(styles_.begin(), styles_.end(), style);
    if (found == styles_.end()) found = styles_.insert(found, style);
    underlined_.emplace_back(blocks_.size(), style);
    blocks_.push_back(
        {BlockKind::kHeading, Trim(title), static_cast<int>(found - styles_.begin()) + 1});
  }

  void TakeParagraph() {
    size_t count = 1;
    bool code = Indent(Line(0)) > 3;
    while (!IsBlank(Line(count)) && OpenFence(Line(count)).length == 0 &&
           AtxHeading(Line(count)).first == 0) {
      code = code && Indent(Line(count)) > 3;
      ++count;
    }
    if (code) count = IndentedRun(count);
    TakeLines(code ? BlockKind::kCode : BlockKind::kParagraph, count);
  }

  // Blank lines do not end indented code; `count` of its lines are known.
  size_t IndentedRun(size_t count) const {
    for (size_t at = count; next_ + at < lines_.size(); ++at) {
      if (IsBlank(Line(at))) continue;
      if (Indent(Line(at)) < 4) break;
      count = at + 1;
    }
    return count;
  }

  const std::string_view text_;
  std::vector<std::string_view> lines_;
  size_t next_ = 0;
  std::vector<Block> blocks_;
  std::vector<int> styles_;                         // of underlining, outermost first
  std::vector<std::pair<size_t, int>> underlined_;  // block, style
  bool any_atx_ = false;
};

}  // namespace

bool IsBlank(std::string_view text) {
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    UChar32 c;
    U8_NEXT(reinterpret_cast<const uint8_t*>(text.data()), i, length, c);
    if (c < 0 || !u_isUWhiteSpace(c)) return false;
  }
  return true;
}

bool IsListLine(std::string_view line) {
  line = Trim(line);
  if (line.empty()) return false;
  if (line[0] == '|' || line[0] == '>') return true;
  const auto spaced = [&](size_t at) { return at == line.size() || line[at] == ' '; };
  if (line[0] == '-' || line[0] == '*' || line[0] == '+') return spaced(1);
  const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  return digits > 0 && digits < 10 && digits < line.size() &&
         (line[digits] == '.' || line[digits] == ')') && spaced(digits + 1);
}

std::vector<Block> ParseBlocks(std::string_view text) { return Parser(text).Parse(); }

}  // namespace cordon
