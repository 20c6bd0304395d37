#include "engine/verify_journals.h"

#include <fmt/format.h>

#include "engine/crypto/key_file.h"

namespace cordon {
namespace {

// The same rule as a start's: what only the store has is added to the journal then.
Status FindLoss(const Database& database, uint32_t tenant, Verification* journal) {
  store::v1::HeadRecord head;
  RETURN_IF_ERROR(database.Get(Family::kHeads, HeadKey(tenant), &head).status());
  if (!journal->ok || journal->last_revision <= head.revision()) return OkStatus();
  journal->ok = false;
  journal->problem = fmt::format(
      "the store ends at revision {}, its journal at {}: acknowledged "
      "changes are lost; restore the store",
      head.revision(), journal->last_revision);
  return OkStatus();
}

}  // namespace

StatusOr<Verification> VerifyJournals(const DataPaths& paths, bool stopped) {
  if (!HoldsStore(paths)) {
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  paths.data_dir + " holds no store; name a server's data directory");
  }
  auto key = ReadKeyFile(paths.JournalKey());
  if (!key.ok()) return key.status().Within("journal_key");
  ASSIGN_OR_RETURN(const auto database,
                   Database::Open(paths.Store(), /*create=*/false, Database::Access::kReadOnly));
  ASSIGN_OR_RETURN(const auto tenants, LoadTenants(*database));
  Verification all;
  all.ok = true;
  for (const auto& tenant : tenants) {
    store::v1::AnchorRecord anchor;
    ASSIGN_OR_RETURN(const bool anchored,
                     database->Get(Family::kHeads, AnchorKey(tenant.id()), &anchor));
    Verification one = Verify(paths.JournalOf(tenant.name()), tenant.name(), *key,
                              anchored ? ToAnchor(anchor) : std::nullopt);
    if (stopped) RETURN_IF_ERROR(FindLoss(*database, tenant.id(), &one));
    all.records += one.records;
    if (!one.ok && all.ok) {
      all.ok = false;
      all.first_bad = one.first_bad;
      all.problem = "tenant " + tenant.name() + ": " + one.problem;
    }
  }
  return all;
}

}  // namespace cordon
