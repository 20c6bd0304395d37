#include "tools/cordon/access_file.h"

#include "tools/cordon/access_json.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/line_field.h"

namespace cordon {
namespace {

constexpr size_t kAccessLineBytesMax = 16 << 20;  // a message

Status ReadChange(JsonValue value, v1::AccessChange* change) {
  return ReadObject(
      value, {StringField("id", change->mutable_document()),
              {"acl", [&](JsonValue acl) { return ReadAcl(acl, change->mutable_acl()); }},
              {"label", [&](JsonValue v) { return ReadLabel(v, change->mutable_label()); }}});
}

}  // namespace

StatusOr<AccessFile> ReadAccessFile(const std::string& path) {
  ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, kAccessLineBytesMax));
  AccessFile file;
  JsonParser parser;
  Line line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(line));
    if (!more) return file;
    if (!line.status.ok()) return OnLine(line.number, line.status.field(), line.status);
    if (line.text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto value = parser.Parse(line.text);
    const Status status =
        value.ok() ? ReadChange(*value, file.request.add_changes()) : value.status();
    if (!status.ok()) return OnLine(line.number, status.field(), status);
    file.lines.push_back(line.number);
  }
}

}  // namespace cordon
