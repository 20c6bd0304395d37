// How many tokens of a language model a text takes, without that model's vocabulary.
#pragma once

#include <cstddef>
#include <string_view>

namespace cordon {

// An approximation of the number of byte-pair-encoding tokens in `text` (any bytes); not any one
// model's count. Made for budgets: common English, code and CJK text come out near to or above
// what current vocabularies of 100,000 to 200,000 entries need; other languages in Latin letters,
// compounds and base64 come out below (docs/benchmarks.md#tokens has figures). A run of ASCII
// letters counts one for each 8 begun, of digits one for each 3, a punctuation mark one, a line
// feed one, other blanks none unless several stand together (then one); beyond ASCII two bytes of a
// code point count one. Never less for a longer text: ApproximateTokens(a + b) ≥
// ApproximateTokens(a). Linear; thread-safe.
size_t ApproximateTokens(std::string_view text);

}  // namespace cordon
