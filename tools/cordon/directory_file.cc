#include "tools/cordon/directory_file.h"

#include <fmt/format.h>

#include <charconv>

#include "tools/cordon/access_json.h"
#include "tools/cordon/gzip.h"

namespace cordon {
namespace {

constexpr size_t kDirectoryLineBytesMax = 128 << 20;  // a group of a million members

Status OnLine(uint64_t line, std::string_view field, const Status& status) {
  return Status(status.code(), field, fmt::format("line {}: {}", line, status.message()));
}

}  // namespace

StatusOr<DirectoryFile> ReadDirectoryFile(const std::string& path) {
  ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, kDirectoryLineBytesMax));
  DirectoryFile file;
  JsonParser parser;
  Line line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(line));
    if (!more) return file;
    if (!line.status.ok()) return OnLine(line.number, line.status.field(), line.status);
    if (line.text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto value = parser.Parse(line.text);
    const Status status =
        value.ok() ? ReadPrincipal(*value, file.request.add_principals()) : value.status();
    if (!status.ok()) return OnLine(line.number, status.field(), status);
    file.lines.push_back(line.number);
  }
}

Status AtLine(const Status& status, const std::vector<uint64_t>& lines) {
  constexpr std::string_view kList = "principals[";
  std::string_view field = status.field();
  if (status.ok() || !field.starts_with(kList)) return status;
  field.remove_prefix(kList.size());
  size_t index = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), index);
  field.remove_prefix(static_cast<size_t>(end - field.data()));
  if (error != std::errc() || !field.starts_with(']') || index >= lines.size()) return status;
  field.remove_prefix(1);
  if (field.starts_with('.')) field.remove_prefix(1);
  return OnLine(lines[index], field, status);
}

}  // namespace cordon
