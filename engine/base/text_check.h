// What may be a name: valid UTF-8 in NFC without control characters, within a length.
#pragma once

#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Refuses `field` unless `name` is 1 to `bytes_max` bytes of valid UTF-8 in Unicode normalisation
// form C (UAX #15) without control characters (General_Category Cc).
Status CheckName(std::string_view field, std::string_view name, size_t bytes_max);

// Refuses `field` unless CheckName() accepts `name` and it can be told from others by looking at
// it: no white space at its ends or other than single spaces, and no characters that are not seen
// (those that Unicode says to ignore where they are not supported, bidirectional controls).
Status CheckPlainName(std::string_view field, std::string_view name, size_t bytes_max);

// Refuses `field` unless `text` is at most `bytes_max` bytes of valid UTF-8 without NUL. Empty text
// passes.
Status CheckText(std::string_view field, std::string_view text, size_t bytes_max);

}  // namespace cordon
