#include "engine/verify_journals.h"

#include "engine/crypto/key_file.h"

namespace cordon {

StatusOr<Verification> VerifyJournals(const DataPaths& paths) {
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
    const Verification one = Verify(paths.JournalOf(tenant.name()), tenant.name(), *key,
                                    anchored ? ToAnchor(anchor) : std::nullopt);
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
