// A file of a directory → the title and text of a document.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

struct ExtractedDocument {
  // The page's title, the first heading of Markdown or reStructuredText, else the file's name
  // without its endings; never empty.
  std::string title;
  // Valid UTF-8, not blank, at most limits::kDocumentTextBytes.
  std::string text;
};

// What a file is, by the end of its name; case does not count.
enum class FileFormat { kText, kHtml };

// The format of `name`: .txt, .md, .rst, .html or .htm, each also with .gz or .zst; nothing for
// others.
std::optional<FileFormat> FormatOf(std::string_view name);

// Reads the regular file `path`, unpacked if packed. Refuses with field `file` what cannot be read
// whole or has no known format, with field `text` what is no UTF-8, too long or blank, with field
// `title` one that is too long. Thread-safe.
StatusOr<ExtractedDocument> ExtractFile(const std::string& path);

}  // namespace cordon
