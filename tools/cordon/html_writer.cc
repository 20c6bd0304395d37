#include "tools/cordon/html_writer.h"

#include <algorithm>

namespace cordon {
namespace {

constexpr std::string_view kNoBreakSpace = "\xc2\xa0";

bool IsHtmlSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The longest run of backticks: a fence must be longer.
size_t LongestFence(std::string_view text) {
  size_t longest = 0;
  for (size_t at = text.find('`'); at != text.npos; at = text.find('`', at)) {
    const size_t end = std::min(text.find_first_not_of('`', at), text.size());
    longest = std::max(longest, end - at);
    at = end;
  }
  return longest;
}

// `text` without blank lines at its ends.
std::string_view WithoutBlankEnds(std::string_view text) {
  while (!text.empty() && IsHtmlSpace(text.back())) text.remove_suffix(1);
  const size_t first = text.find_first_not_of(" \t\r\n\v\f");
  if (first == text.npos) return {};
  const size_t line = text.rfind('\n', first);
  return line == text.npos ? text : text.substr(line + 1);
}

}  // namespace

void HtmlWriter::Break(int strength) {
  if (heading_ > 0 || pre_ > 0) {
    space_ = true;
    return;
  }
  if (!fresh_) break_ = std::max(break_, strength);
}

void HtmlWriter::BlockBreak() { Break(2); }

void HtmlWriter::EndLine() {
  if (heading_ == 0 && pre_ == 0) {  // an item or row that stayed empty leaves nothing
    fresh_ = false;
    mark_.clear();
  }
  Break(1);
}

void HtmlWriter::LineBreak() {
  if (pre_ > 0) {
    pre_text_ += '\n';
  } else {
    Break(1);
  }
}

void HtmlWriter::StartDefinition() {
  if (heading_ > 0 || pre_ > 0) return;
  break_ = out_.empty() ? 0 : 1;
  fresh_ = true;
}

void HtmlWriter::StartText(char first, bool is_fence) {
  if (break_ > 0) {
    if (!out_.empty()) out_.append(static_cast<size_t>(break_), '\n');
    inline_ = false;
  }
  out_ += mark_;
  // What looks like markup but is text is escaped as Markdown does.
  if (!inline_ && mark_.empty() && (first == '#' || is_fence)) out_ += '\\';
  if (space_ && inline_ && mark_.empty()) out_ += ' ';
  break_ = 0;
  fresh_ = false;
  space_ = false;
  inline_ = true;
  mark_.clear();
}

void HtmlWriter::Text(std::string_view text) {
  if (pre_ > 0) {
    pre_text_ += text;
  } else {
    AppendCollapsed(text);
  }
}

void HtmlWriter::AppendCollapsed(std::string_view text) {
  while (!text.empty()) {
    if (IsHtmlSpace(text[0])) {
      space_ = true;
      text.remove_prefix(1);
      continue;
    }
    if (text.starts_with(kNoBreakSpace)) {
      space_ = true;
      text.remove_prefix(kNoBreakSpace.size());
      continue;
    }
    size_t end = 1;
    while (end < text.size() && !IsHtmlSpace(text[end]) && text[end] != kNoBreakSpace[0]) ++end;
    const std::string_view word = text.substr(0, end);
    if (heading_ > 0) {
      if (space_ && !heading_text_.empty()) heading_text_ += ' ';
      space_ = false;
      heading_text_ += word;
    } else {
      const bool is_fence = word.starts_with("```") || word.starts_with("~~~");
      if (break_ > 0 || space_ || !inline_ || !mark_.empty()) StartText(word[0], is_fence);
      out_ += word;
    }
    text.remove_prefix(end);
  }
}

void HtmlWriter::StartHeading(int level) {
  if (pre_ > 0 || heading_ > 0) return;
  fresh_ = false;
  Break(2);
  heading_ = level;
  heading_text_.clear();
  space_ = false;
}

void HtmlWriter::EndHeading() {
  if (heading_ == 0) return;
  const int level = heading_;
  heading_ = 0;
  space_ = false;
  if (heading_text_.empty()) return;
  mark_.clear();
  StartText(' ', false);
  if (first_heading_.empty()) {
    first_heading_ = heading_text_;
    first_heading_at_ = out_.size();
    first_heading_level_ = level;
  }
  if (level == 1 && first_h1_.empty()) first_h1_ = heading_text_;
  out_.append(static_cast<size_t>(level), '#');
  out_ += ' ';
  out_ += heading_text_;
  Break(2);
}

void HtmlWriter::StartPre() {
  if (heading_ > 0) return;
  if (pre_++ == 0) pre_text_.clear();
}

void HtmlWriter::EndPre() {
  if (pre_ == 0 || --pre_ > 0) return;
  const std::string_view text = WithoutBlankEnds(pre_text_);
  if (text.empty()) return;
  fresh_ = false;
  mark_.clear();
  Break(2);
  StartText(' ', false);
  const std::string fence(std::max<size_t>(3, LongestFence(text) + 1), '`');
  out_ += fence;
  out_ += '\n';
  out_ += text;
  out_ += '\n';
  out_ += fence;
  Break(2);
}

void HtmlWriter::StartList(bool ordered) {
  Break(lists_.empty() ? 2 : 1);
  lists_.push_back({ordered, 0});
}

void HtmlWriter::EndList() {
  if (!lists_.empty()) lists_.pop_back();
  fresh_ = false;
  Break(lists_.empty() ? 2 : 1);
}

void HtmlWriter::StartItem() {
  if (heading_ > 0 || pre_ > 0) return;
  fresh_ = false;
  Break(1);
  fresh_ = true;
  mark_ = lists_.size() > 1 ? "  " : "";  // four blanks would be code
  if (!lists_.empty() && lists_.back().ordered) {
    mark_ += std::to_string(++lists_.back().items) + ". ";
  } else {
    mark_ += "- ";
  }
}

void HtmlWriter::StartRow() {
  fresh_ = false;
  mark_.clear();
  Break(1);
  cells_ = 0;
}

void HtmlWriter::StartCell() {
  if (heading_ > 0 || pre_ > 0) return;
  if (cells_++ > 0) mark_ += " | ";
  fresh_ = true;
}

void HtmlWriter::EndCell() {
  if (heading_ > 0 || pre_ > 0) return;
  // The next cell goes on in the same line.
  if (!fresh_) break_ = 0;
  fresh_ = true;
  space_ = false;
}

std::string HtmlWriter::Finish(std::string_view title) {
  if (out_.empty() || !first_h1_.empty() || title.empty()) return std::move(out_);
  if (first_heading_ == title) {
    out_.erase(first_heading_at_, static_cast<size_t>(first_heading_level_ - 1));
    return std::move(out_);
  }
  return "# " + std::string(title) + "\n\n" + out_;
}

}  // namespace cordon
