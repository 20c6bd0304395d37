// Cuts a text into headings, paragraphs and code, without caring which markup it was written in.
//
// Understood are Markdown (ATX and setext headings, fences, indented code; CommonMark 0.30) and
// reStructuredText (underlined and overlined titles, indented literal blocks). Text that is neither
// comes out as paragraphs. Linear in the length of the text, whatever it holds.
#pragma once

#include <string_view>
#include <vector>

namespace cordon {

// A longer line is no heading but text: a path of headings must leave room for the chunk itself.
inline constexpr size_t kHeadingBytes = 200;

enum class BlockKind { kHeading, kParagraph, kCode };

// One block. `text` points into the parsed text: a heading's without its markup, a paragraph's or
// code's with all its lines but no blank ones at either end.
struct Block {
  BlockKind kind = BlockKind::kParagraph;
  std::string_view text;
  // 1 is outermost; only of a heading.
  int level = 0;
};

// The blocks of `text` in order; together they hold every character that is neither markup of a
// heading nor a blank line. Lines end with '\n' only. Bytes that are no UTF-8 are kept as they are.
std::vector<Block> ParseBlocks(std::string_view text);

// True if `text` is empty or all white space (Unicode White_Space).
bool IsBlank(std::string_view text);

// True if `line` begins like a list item, a quotation or a row of a table, in up to any
// indentation.
bool IsListLine(std::string_view line);

}  // namespace cordon
