// Reads a tenant back from the store at start.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store/interner.h"
#include "engine/store/state.h"

namespace cordon {

// By key id, or destination.
using UsageRecords = std::map<std::string, store::v1::UsageRecord, std::less<>>;

// A tenant as stored: its state, and where its journal stood.
struct LoadedTenant {
  TenantState state;
  std::optional<store::v1::AnchorRecord> anchor;
  // What keys and destinations had used then, or a little more.
  UsageRecords key_usage;
  UsageRecords destination_usage;
};

// The names and numbers of all tenants, by number.
StatusOr<std::vector<store::v1::TenantRecord>> LoadTenants(const Database& database);

// Everything but documents and their counts; fills `interner`.
StatusOr<LoadedTenant> LoadTenant(const Database& database, const store::v1::TenantRecord& tenant,
                                  Interner* interner);

// Drops the rows of snapshots that never became a mutation.
Status DropStaged(Database* database, uint32_t tenant);

// Adds the destinations to which a document was ever exported to `names`, those included that are
// gone: whom its erasure concerns. `pseudonym` is the document's in the store.
Status ReceiversOf(const Database& database, uint32_t tenant, uint32_t collection,
                   std::string_view pseudonym, std::set<std::string>* names);

// The rows of revisions later than `after`, for a journal that is behind the store.
StatusOr<std::vector<std::pair<uint64_t, store::v1::RevisionRecord>>> RevisionsAfter(
    const Database& database, uint32_t tenant, uint64_t after);

}  // namespace cordon
