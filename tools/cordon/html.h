// HTML → readable text with Markdown headings, so that the server's chunker sees the structure.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

struct HtmlText {
  // <title>, else the first <h1>; white space collapsed; may be empty.
  std::string title;
  // Headings are Markdown ATX lines (the title as level 1 if there is no <h1>), blocks stand apart
  // by blank lines, list items begin with "- " or "1. ", rows of a table are lines of cells joined
  // by " | ", <pre> is fenced. Valid UTF-8. Navigation, scripts, styles and forms are left out.
  std::string text;
};

// Reads a page of HTML or XHTML. The charset it declares must be UTF-8, US-ASCII or ISO-8859-1
// (read as windows-1252, as the WHATWG Encoding Standard asks); none declared is UTF-8. Refuses
// field `text`: another charset, invalid bytes, elements nested deeper or costlier than honest
// pages are. Links, comments and attributes are not kept. Thread-safe.
StatusOr<HtmlText> ReadHtml(std::string_view page);

}  // namespace cordon
