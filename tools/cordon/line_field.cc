#include "tools/cordon/line_field.h"

#include <fmt/format.h>

#include <charconv>

namespace cordon {

Status OnLine(uint64_t line, std::string_view field, const Status& status) {
  return Status(status.code(), field, fmt::format("line {}: {}", line, status.message()));
}

Status AtLine(const Status& status, std::string_view list, const std::vector<uint64_t>& lines) {
  std::string_view field = status.field();
  if (status.ok() || !field.starts_with(list)) return status;
  field.remove_prefix(list.size());
  if (!field.starts_with('[')) return status;
  field.remove_prefix(1);
  size_t index = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), index);
  field.remove_prefix(static_cast<size_t>(end - field.data()));
  if (error != std::errc() || !field.starts_with(']') || index >= lines.size()) return status;
  field.remove_prefix(1);
  if (field.starts_with('.')) field.remove_prefix(1);
  return OnLine(lines[index], field, status);
}

}  // namespace cordon
