#include "engine/ingest/source_name.h"

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"

namespace cordon {

Status SourceCheck::operator()(std::string_view field, const std::string& source) {
  if (source.empty() || Planted(Bug::kSourceLooksAlike)) return OkStatus();
  RETURN_IF_ERROR(CheckPlainName(field, source, limits::kNameBytes));
  const auto& names = rules_.quarantined_sources;
  if (names.empty() || names.contains(source)) return OkStatus();
  if (!quarantined_) {
    quarantined_.emplace();
    for (const auto& name : names) quarantined_->Add(name);
  }
  if (!quarantined_->HasOneLike(source)) return OkStatus();
  return Invalid(field,
                 "looks like a source that is in quarantine, and is spelt otherwise; spell it as "
                 "before, or give the source another name");
}

Status CheckStoredSource(std::string_view field, std::string_view source) {
  if (source.empty()) return Invalid(field, "missing; give a value");
  return CheckText(field, source, limits::kNameBytes);
}

}  // namespace cordon
