// Where a text may be cut, by the Unicode rules that ICU implements.
#pragma once

#include <string_view>
#include <vector>

namespace cordon {

// From coarse to fine.
enum class Grain { kSentence, kLine, kLineBreak, kCodePoint };

// The end offsets of the pieces of `text` (UTF-8, below 2 GiB), ascending, the last one being its
// length. kSentence: UAX #29, where a single line feed counts as a space unless an item of a list
// follows; kLine: line feeds; kLineBreak: opportunities of UAX #14. Thread-safe.
std::vector<size_t> FindBreaks(std::string_view text, Grain grain);

// The largest offset ≤ `at` that does not lie inside a code point of `text`.
size_t CodePointBoundary(std::string_view text, size_t at);

}  // namespace cordon
