#include "tools/cordon/json_lines.h"

#include "tools/cordon/gzip.h"
#include "tools/cordon/line_field.h"

namespace cordon {

StatusOr<std::vector<uint64_t>> ReadJsonLines(const std::string& path, size_t line_bytes_max,
                                              const std::function<Status(JsonValue)>& read) {
  ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(path, line_bytes_max));
  std::vector<uint64_t> lines;
  JsonParser parser;
  Line line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(line));
    if (!more) return lines;
    if (!line.status.ok()) return OnLine(line.number, line.status.field(), line.status);
    if (line.IsEmpty()) continue;
    const auto value = parser.Parse(line.text);
    const Status status = value.ok() ? read(*value) : value.status();
    if (!status.ok()) return OnLine(line.number, status.field(), status);
    lines.push_back(line.number);
  }
}

}  // namespace cordon
