#include "tools/cordon/extract.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/html.h"

namespace cordon {
namespace {

std::string_view NameOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view WithoutEnding(std::string_view name, std::string_view ending) {
  const bool ends =
      name.size() > ending.size() && Lower(name.substr(name.size() - ending.size())) == ending;
  return ends ? name.substr(0, name.size() - ending.size()) : name;
}

std::string_view WithoutPacking(std::string_view name) {
  const std::string_view plain = WithoutEnding(name, ".gz");
  return plain != name ? plain : WithoutEnding(name, ".zst");
}

std::string_view Stem(std::string_view name) {
  name = WithoutPacking(name);
  return name.substr(0, name.rfind('.'));
}

std::string_view TrimLine(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r\f\v";
  const size_t begin = line.find_first_not_of(kSpace);
  if (begin == line.npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

std::string_view TakeLine(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = TrimLine(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

bool IsRule(std::string_view line) {
  return line.size() > 2 &&
         (line[0] == '=' || line[0] == '-' || line[0] == '*' || line[0] == '#') &&
         line.find_first_not_of(line[0]) == line.npos;
}

// The heading with which `text` begins, in Markdown or reStructuredText; empty if there is none.
std::string_view LeadingHeading(std::string_view text) {
  std::string_view line;
  while (line.empty() && !text.empty()) line = TakeLine(text);
  if (IsRule(line)) line = TakeLine(text);           // a title between two rules
  if (line.size() > limits::kTitleBytes) return {};  // a paragraph, not a title
  const size_t marks = std::min(line.find_first_not_of('#'), line.size());
  if (marks > 0 && line.substr(marks).starts_with(' ')) return TrimLine(line.substr(marks));
  return IsRule(TakeLine(text)) ? line : std::string_view();
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

std::optional<FileFormat> FormatOf(std::string_view name) {
  const std::string lower = Lower(WithoutPacking(NameOf(name)));
  for (std::string_view ending : {".txt", ".md", ".rst"}) {
    if (lower.size() > ending.size() && lower.ends_with(ending)) return FileFormat::kText;
  }
  for (std::string_view ending : {".html", ".htm"}) {
    if (lower.size() > ending.size() && lower.ends_with(ending)) return FileFormat::kHtml;
  }
  return std::nullopt;
}

StatusOr<ExtractedDocument> ExtractFile(const std::string& path) {
  const std::optional<FileFormat> format = FormatOf(path);
  if (!format.has_value()) {
    return Invalid("file", fmt::format("{}: unknown format; give .txt, .md, .rst, .html or .htm, "
                                       "plain or with .gz or .zst",
                                       path));
  }
  ASSIGN_OR_RETURN(std::string bytes, ReadFileUnpacked(path, limits::kDocumentTextBytes));
  ExtractedDocument document;
  if (format == FileFormat::kHtml) {
    ASSIGN_OR_RETURN(HtmlText html, ReadHtml(bytes));
    document.title = std::move(html.title);
    document.text = std::move(html.text);
  } else {
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.erase(0, 3);
    document.title = LeadingHeading(bytes);
    document.text = std::move(bytes);
  }
  if (document.title.empty()) document.title = Stem(NameOf(path));
  RETURN_IF_ERROR(CheckText("text", document.text, limits::kDocumentTextBytes));
  RETURN_IF_ERROR(CheckText("title", document.title, limits::kTitleBytes));
  if (std::all_of(document.text.begin(), document.text.end(), IsSpace)) {
    return Invalid("text", "the file holds no text; fill it or take it out");
  }
  return document;
}

}  // namespace cordon
