#include "tools/cordon/directory_file.h"

#include "tools/cordon/access_json.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/line_field.h"

namespace cordon {
namespace {

constexpr size_t kDirectoryLineBytesMax = 128 << 20;  // a group of a million members

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

}  // namespace cordon
