// Characters that a person does not see and a model reads: a way to put instructions into a text
// that whoever approved it never saw ("Trojan Source", Boucher and Anderson, 2021; tag characters).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cordon {

// How many code points of `text` (UTF-8) are hidden: control characters but tab and line ends,
// those that Unicode says to ignore where they are not supported (zero width, tags, variation
// selectors, fillers), bidirectional controls, and interlinear annotations. Not counted are joiners
// between two letters beyond ASCII and selectors of a text or emoji style after one, which scripts
// and emoji need. Bytes that are no UTF-8 count one each. Thread-safe.
size_t CountHiddenCharacters(std::string_view text);

// `text` without them.
std::string WithoutHiddenCharacters(std::string_view text);

}  // namespace cordon
