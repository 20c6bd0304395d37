// Backups as calls: the first tenant's admin makes and lists them.
#include "engine/base/stop.h"
#include "engine/inspect/inspect.h"
#include "engine/store/codec.h"

namespace cordon {

Status CheckMayBackUp(const ReadContext& context) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  if (context.tenant->name == kFirstTenant) return OkStatus();
  return Denied("tenant", "only an admin of the first tenant may; a backup holds all of them");
}

namespace {

v1::Backup ToProto(const BackupInfo& info) {
  v1::Backup backup;
  backup.set_id(info.id);
  *backup.mutable_time() = ToProtoTime(info.time_us);
  backup.set_bytes(info.bytes);
  backup.set_revision(info.revision);
  if (info.whole) backup.set_whole(*info.whole);
  return backup;
}

}  // namespace

void CreateBackup(const ReadContext& context, const v1::CreateBackupRequest& request,
                  const MakeBackupOf& make, Answer<v1::CreateBackupResponse> done) {
  const auto work = [&](journal::v1::Record* record) -> StatusOr<v1::CreateBackupResponse> {
    RETURN_IF_ERROR(CheckMayBackUp(context));
    // It may have waited for others; nobody wants one by now, and it would cost an older one.
    RETURN_IF_ERROR(CheckGoesOn(context.stop));
    ASSIGN_OR_RETURN(const BackupInfo info, make(request.keep()));
    record->set_revision(info.revision);
    v1::CreateBackupResponse response;
    *response.mutable_backup() = ToProto(info);
    return response;
  };
  Journaled(context, "CreateBackup", work, Named<v1::CreateBackupResponse>, std::move(done));
}

void ListBackups(const ReadContext& context, const v1::ListBackupsRequest& request,
                 const BackupsOf& list, Answer<v1::ListBackupsResponse> done) {
  const auto work = [&](journal::v1::Record*) -> StatusOr<v1::ListBackupsResponse> {
    RETURN_IF_ERROR(CheckMayBackUp(context));
    RETURN_IF_ERROR(CheckGoesOn(context.stop));
    ASSIGN_OR_RETURN(const auto backups, list(request.verify()));
    v1::ListBackupsResponse response;
    for (const auto& info : backups) *response.add_backups() = ToProto(info);
    return response;
  };
  Journaled(context, "ListBackups", work, Named<v1::ListBackupsResponse>, std::move(done));
}

}  // namespace cordon
