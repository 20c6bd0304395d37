// In which charset a page of HTML says it is written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// The charsets that can be read. US-ASCII is UTF-8.
enum class Charset { kUtf8, kLatin1 };

// The charset in a content type such as "text/html; charset=UTF-8"; empty if it names none.
std::string_view CharsetOfContentType(std::string_view content_type);

// The encoding in <?xml … encoding="…"?> at the start of `page`; empty if there is none.
std::string_view CharsetOfXmlDeclaration(std::string_view page);

// The charset that all the `declared` names mean; UTF-8 if there are none. Refuses field `text` if
// they disagree or name another charset.
StatusOr<Charset> AgreeOnCharset(const std::vector<std::string_view>& declared);

// Windows-1252, which is what ISO-8859-1 means in HTML (WHATWG Encoding Standard), as UTF-8.
// Refuses field `text` if it holds one of the five bytes that mean nothing.
StatusOr<std::string> DecodeLatin1(std::string_view page);

}  // namespace cordon
