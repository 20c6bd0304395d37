// Text → chunks: pieces that are small enough to be found and cited, and can be understood alone.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cordon {

// No chunk is longer. About 220 tokens: one thought; a prompt takes many, and the embedding of a
// longer text says less about each of its parts.
inline constexpr size_t kChunkTargetBytes = 1000;

// The path of headings may take two fifths of a chunk; beyond it the outermost are left out.
inline constexpr size_t kHeadingPathBytes = 400;

// Cuts `text` (valid UTF-8, any markup or none) into chunks of 1 to kChunkTargetBytes bytes.
//
// - A chunk begins with its path of headings as the first line, "Title › Section", if it has one.
//   Headings are Markdown's and reStructuredText's; see blocks.h.
// - Neighbouring paragraphs of one section share a chunk while they fit. Small sections below one
//   outermost heading are joined, each below a line with its path. What does not fit one chunk is
//   cut at ends of sentences (Unicode UAX #29; code: of lines), then where a line may break (UAX
//   #14), then between code points; never inside one.
// - No text is lost: without white space and the markup of headings, the chunks hold the text in
//   order. A heading without text of its own becomes a chunk by itself.
// - At most limits::kChunksPerDocument chunks come from limits::kDocumentTextBytes of text: one
// with
//   more headings than that is cut as if they were paragraphs.
//
// Empty or blank text gives no chunks. A pure function; thread-safe.
std::vector<std::string> ChunkText(std::string_view text);

}  // namespace cordon
