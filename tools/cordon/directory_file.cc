#include "tools/cordon/directory_file.h"

#include "tools/cordon/access_json.h"
#include "tools/cordon/json_lines.h"

namespace cordon {
namespace {

constexpr size_t kDirectoryLineBytesMax = 128 << 20;  // a group of a million members

}  // namespace

StatusOr<DirectoryFile> ReadDirectoryFile(const std::string& path) {
  DirectoryFile file;
  ASSIGN_OR_RETURN(file.lines, ReadJsonLines(path, kDirectoryLineBytesMax, [&](JsonValue value) {
                     return ReadPrincipal(value, file.request.add_principals());
                   }));
  return file;
}

}  // namespace cordon
