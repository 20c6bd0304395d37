// Reads a tenant back from the store at start.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/store/interner.h"
#include "engine/store/state.h"

namespace cordon {

// A tenant as stored: its state, and where its journal stood.
struct LoadedTenant {
  TenantState state;
  std::optional<store::v1::AnchorRecord> anchor;
};

// The names and numbers of all tenants, by number.
StatusOr<std::vector<store::v1::TenantRecord>> LoadTenants(const Database& database);

// Everything but documents and their counts; fills `interner`.
StatusOr<LoadedTenant> LoadTenant(const Database& database, const store::v1::TenantRecord& tenant,
                                  Interner* interner);

// The rows of revisions later than `after`, for a journal that is behind the store.
StatusOr<std::vector<std::pair<uint64_t, store::v1::RevisionRecord>>> RevisionsAfter(
    const Database& database, uint32_t tenant, uint64_t after);

}  // namespace cordon
