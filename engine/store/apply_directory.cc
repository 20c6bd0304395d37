#include <fmt/format.h>

#include "engine/store/apply_steps.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

Status ApplyRecord(const v1::Principal& record, Directory* directory, Applied* applied) {
  RETURN_IF_ERROR(CheckPrincipal(record));
  PolicyState& policy = applied->next.policy;
  const std::string key = NamedKey(applied->next.id, record.name());
  const PrincipalId id = policy.principals->Intern(record.name());
  if (record.remove()) {
    directory->Set(id, nullptr);
    applied->batch.Delete(Family::kDirectory, key);
    return OkStatus();
  }
  auto updated = std::make_shared<DirectoryRecord>();
  if (record.sets_members()) {
    updated->members = EntriesOf(record.members(), policy.principals.get());
  } else {
    updated->clearance = *FromProto(record.clearance());
    RETURN_IF_ERROR(policy.rules->scheme.CheckClearance(*updated->clearance).Within("clearance"));
  }
  directory->Set(id, std::move(updated));
  applied->batch.Put(Family::kDirectory, key, record);
  return OkStatus();
}

}  // namespace

Status ApplyDirectoryRecords(const v1::ApplyDirectoryRequest& request, Applied* applied) {
  Directory directory = *applied->next.policy.directory;
  for (int i = 0; i < request.principals_size(); ++i) {
    RETURN_IF_ERROR(ApplyRecord(request.principals(i), &directory, applied)
                        .Within(fmt::format("principals[{}]", i)));
  }
  applied->parts = static_cast<uint32_t>(request.principals_size());
  applied->next.policy.directory = std::make_shared<const Directory>(std::move(directory));
  return OkStatus();
}

}  // namespace cordon
