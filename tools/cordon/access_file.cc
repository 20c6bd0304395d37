#include "tools/cordon/access_file.h"

#include "tools/cordon/access_json.h"
#include "tools/cordon/json_lines.h"

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
  AccessFile file;
  ASSIGN_OR_RETURN(file.lines, ReadJsonLines(path, kAccessLineBytesMax, [&](JsonValue value) {
                     return ReadChange(value, file.request.add_changes());
                   }));
  return file;
}

}  // namespace cordon
