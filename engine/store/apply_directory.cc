#include <fmt/format.h>

#include "engine/base/planted.h"
#include "engine/store/apply_steps.h"
#include "engine/store/codec.h"
#include "engine/store/directory_change.h"

namespace cordon {
namespace {

// Whether `record` may replace `stored`, which may be null: only its source changes a record, and
// only by what it says later.
Status CheckOrder(const DirectoryChange& change, const v1::Principal& record,
                  const DirectoryRecord* stored) {
  if (stored != nullptr && !stored->source.empty() && stored->source != record.source()) {
    return BelongsTo(stored->source);
  }
  if (record.source().empty() || Planted(Bug::kStaleAccepted)) return OkStatus();
  uint64_t reached = change.source(record.source()).snapshot;
  if (stored != nullptr && !stored->source.empty()) reached = std::max(reached, stored->sequence);
  if (record.sequence() > reached) return OkStatus();
  return Status(StatusCode::kAborted, "sequence",
                fmt::format("{}: {} comes late, '{}' has reached {}; read what it says now",
                            record.name(), record.sequence(), record.source(), reached));
}

Status ApplyRecord(const v1::Principal& record, std::string path, DirectoryChange* change) {
  RETURN_IF_ERROR(CheckPrincipal(record));
  const PrincipalId id = change->IdOf(record.name());
  RETURN_IF_ERROR(CheckOrder(*change, record, change->directory().FindStored(id)));
  if (!record.source().empty()) {
    change->Reached(record.source(), record.sequence(), /*snapshot=*/false);
  } else if (record.remove()) {
    change->Drop(id);
    return OkStatus();
  }
  ASSIGN_OR_RETURN(auto judged, change->Judge(record));
  change->Set(id, std::move(judged), record, std::move(path));
  return OkStatus();
}

}  // namespace

Status ApplyDirectoryRecords(const v1::ApplyDirectoryRequest& request, Applied* applied) {
  DirectoryChange change(applied);
  for (int i = 0; i < request.principals_size(); ++i) {
    const std::string path = fmt::format("principals[{}]", i);
    RETURN_IF_ERROR(ApplyRecord(request.principals(i), path, &change).Within(path));
  }
  applied->parts = static_cast<uint32_t>(request.principals_size());
  return change.Finish();
}

}  // namespace cordon
