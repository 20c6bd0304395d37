// Bytes as text: hexadecimal and base64url.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Lower-case hexadecimal, two digits a byte.
std::string HexEncode(std::string_view bytes);

// The bytes of `text`, in either case. INVALID_ARGUMENT for an odd length or another character;
// the message does not repeat the text, which may be a secret.
StatusOr<std::string> HexDecode(std::string_view text);

// RFC 4648 §5 without padding.
std::string Base64UrlEncode(std::string_view bytes);

// The bytes of `text`. INVALID_ARGUMENT for padding, another character, a length that no bytes
// have, or bits beyond the last byte that are not zero: every value has exactly one text.
StatusOr<std::string> Base64UrlDecode(std::string_view text);

}  // namespace cordon
