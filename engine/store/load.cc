#include "engine/store/load.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

Status TenantIsDamaged(std::string_view what) {
  spdlog::error("the store is inconsistent: {}", what);
  return Corrupt("the store is inconsistent; restore from a backup");
}

// Visits every record below a tenant's prefix as a message of type Record.
template <typename Record, typename Visit>
Status Each(const Database& database, Family family, uint32_t tenant, Visit visit) {
  return database.Scan(family, TenantPrefix(tenant), [&](auto key, auto payload) -> Status {
    Record record;
    RETURN_IF_ERROR(ParseRecord(payload, &record));
    return visit(key.substr(TenantPrefix(tenant).size()), record);
  });
}

Status LoadRules(const Database& database, uint32_t tenant, PolicyState* policy) {
  auto rules = std::make_shared<PolicyRules>();
  store::v1::SchemeRecord scheme;
  ASSIGN_OR_RETURN(const bool stored, database.Get(Family::kPolicy, SchemeKey(tenant), &scheme));
  if (stored) {
    const auto& names = scheme.scheme();
    rules->scheme = {{names.levels().begin(), names.levels().end()},
                     {names.compartments().begin(), names.compartments().end()},
                     {names.tags().begin(), names.tags().end()}};
    ASSIGN_OR_RETURN(rules->default_clearance, FromProto(scheme.default_clearance()));
    for (const auto& rule : scheme.scopes()) {
      ASSIGN_OR_RETURN(rules->scopes[static_cast<int>(rule.scope())], FromProto(rule));
    }
    ASSIGN_OR_RETURN(rules->denied_certificates, FromProto(scheme.denied_certificates()));
    rules->trust = {scheme.trust().begin(), scheme.trust().end()};
    rules->quarantined_sources = {scheme.quarantined_sources().begin(),
                                  scheme.quarantined_sources().end()};
  }
  RETURN_IF_ERROR(
      database.Scan(Family::kPolicy, TenantPrefix(tenant) + "c", [&](auto, auto payload) -> Status {
        v1::Container in;
        RETURN_IF_ERROR(ParseRecord(payload, &in));
        ASSIGN_OR_RETURN(Clause clause, ClauseOf(in.acl(), policy->principals.get()));
        rules->containers[in.name()] = {std::move(clause),
                                        {in.acl().inherit().begin(), in.acl().inherit().end()}};
        return OkStatus();
      }));
  RETURN_IF_ERROR(
      database.Scan(Family::kPolicy, TenantPrefix(tenant) + "d", [&](auto, auto payload) -> Status {
        v1::Destination in;
        RETURN_IF_ERROR(ParseRecord(payload, &in));
        ASSIGN_OR_RETURN(rules->destinations[in.name()], FromProto(in));
        return OkStatus();
      }));
  policy->rules = std::move(rules);
  return OkStatus();
}

Status LoadBreakGlass(const Database& database, uint32_t tenant, PolicyState* policy) {
  auto accesses = std::make_shared<BreakGlassAccesses>();
  RETURN_IF_ERROR(
      database.Scan(Family::kPolicy, BreakGlassKey(tenant, ""), [&](auto, auto payload) -> Status {
        v1::BreakGlass in;
        RETURN_IF_ERROR(ParseRecord(payload, &in));
        ASSIGN_OR_RETURN(BreakGlassAccess access, FromProto(in));
        (*accesses)[in.id()] = std::make_shared<const BreakGlassAccess>(std::move(access));
        return OkStatus();
      }));
  policy->break_glass = std::move(accesses);
  return OkStatus();
}

// What was used as of the anchor.
Status LoadUsage(const Database& database, uint32_t tenant, LoadedTenant* loaded) {
  const auto load = [&](const std::string& prefix, auto* rows) {
    return database.Scan(Family::kHeads, prefix, [&](auto key, auto payload) -> Status {
      return ParseRecord(payload, &(*rows)[std::string(key.substr(prefix.size()))]);
    });
  };
  RETURN_IF_ERROR(load(KeyUsageKey(tenant, ""), &loaded->key_usage));
  return load(DestinationUsageKey(tenant, ""), &loaded->destination_usage);
}

Status LoadDirectory(const Database& database, uint32_t tenant, PolicyState* policy) {
  Directory directory;
  RETURN_IF_ERROR(Each<v1::Principal>(
      database, Family::kDirectory, tenant, [&](auto, const v1::Principal& in) -> Status {
        ASSIGN_OR_RETURN(auto record, ToRecord(in, policy->principals.get()));
        directory.Set(policy->principals->Intern(in.name()), std::move(record));
        return OkStatus();
      }));
  policy->directory = std::make_shared<const Directory>(std::move(directory));
  return OkStatus();
}

Status LoadSources(const Database& database, TenantState* state) {
  auto sources = std::make_shared<TenantState::Sources>();
  const std::string prefix = SourceKey(state->id, "");
  RETURN_IF_ERROR(database.Scan(Family::kPolicy, prefix, [&](auto key, auto payload) -> Status {
    store::v1::SourceRecord record;
    RETURN_IF_ERROR(ParseRecord(payload, &record));
    sources->emplace(key.substr(prefix.size()), DirectorySource{record.snapshot(), record.last()});
    return OkStatus();
  }));
  state->sources = std::move(sources);
  return OkStatus();
}

Status LoadClasses(const Database& database, uint32_t tenant, Interner* interner,
                   PolicyState* policy) {
  RETURN_IF_ERROR(Each<store::v1::ClauseRecord>(
      database, Family::kClauses, tenant, [&](auto key, const auto& record) -> Status {
        if (LastNumber(key) != policy->classes.clauses.size())
          return TenantIsDamaged("clause numbers");
        return interner->LoadClause(record, policy);
      }));
  return Each<store::v1::ClassRecord>(database, Family::kClasses, tenant,
                                      [&](auto key, const auto& record) -> Status {
                                        if (LastNumber(key) != policy->classes.classes.size())
                                          return TenantIsDamaged("class numbers");
                                        for (const uint32_t clause : record.clauses()) {
                                          if (clause >= policy->classes.clauses.size())
                                            return TenantIsDamaged("a class's clause");
                                        }
                                        interner->LoadClass(record, policy);
                                        return OkStatus();
                                      });
}

Status LoadKeys(const Database& database, TenantState* state) {
  auto keys = std::make_shared<TenantState::Keys>();
  RETURN_IF_ERROR(Each<store::v1::KeyRecord>(
      database, Family::kKeys, state->id, [&](auto id, const auto& record) -> Status {
        ASSIGN_OR_RETURN(Grant grant, FromProto(record.grant()));
        (*keys)[std::string(id)] = ToKey(record, std::move(grant));
        return OkStatus();
      }));
  state->SetKeys(std::move(keys));
  return OkStatus();
}

Status LoadCollections(const Database& database, TenantState* state) {
  auto all = std::make_shared<TenantState::Collections>();
  RETURN_IF_ERROR(Each<store::v1::CollectionRecord>(
      database, Family::kCollections, state->id, [&](auto name, const auto& record) -> Status {
        Collection collection{record.id(), record.config()};
        if (record.space() != 0) collection.space = record.space();
        if (record.has_other()) {
          collection.other = OtherSpace{record.other().number(), record.other().space()};
        }
        (*all)[std::string(name)] = std::make_shared<const Collection>(std::move(collection));
        return OkStatus();
      }));
  state->collections = std::move(all);
  return OkStatus();
}

}  // namespace

std::shared_ptr<const Collection> TenantState::FindCollection(std::string_view collection) const {
  const auto it = collections->find(collection);
  return it == collections->end() ? nullptr : it->second;
}

Key ToKey(const store::v1::KeyRecord& record, Grant grant) {
  return {record.digest(), std::make_shared<const Grant>(std::move(grant)), record.created_us(),
          record.previous_digest(), record.previous_until_us()};
}

void TenantState::SetKeys(std::shared_ptr<const Keys> all) {
  auto names = std::make_shared<Certificates>();
  for (const auto& [id, key] : *all) {
    if (!key.grant->certificate.empty()) names->emplace(key.grant->certificate, id);
  }
  certificates = std::move(names);
  keys = std::move(all);
}

StatusOr<std::vector<store::v1::TenantRecord>> LoadTenants(const Database& database) {
  std::vector<store::v1::TenantRecord> tenants;
  RETURN_IF_ERROR(
      database.Scan(Family::kMeta, MetaTenantKey(""), [&](auto, auto payload) -> Status {
        auto& tenant = tenants.emplace_back();
        RETURN_IF_ERROR(ParseRecord(payload, &tenant));
        // Numbers are given from 1 on, one a tenant.
        const bool given = tenant.id() > 0 && tenant.id() <= limits::kTenants;
        return given ? OkStatus() : TenantIsDamaged("a tenant with a number that is never given");
      }));
  std::sort(tenants.begin(), tenants.end(),
            [](const auto& a, const auto& b) { return a.id() < b.id(); });
  return tenants;
}

StatusOr<LoadedTenant> LoadTenant(const Database& database, const store::v1::TenantRecord& tenant,
                                  Interner* interner) {
  LoadedTenant loaded;
  TenantState& state = loaded.state;
  state.id = tenant.id();
  state.name = tenant.name();
  store::v1::HeadRecord head;
  ASSIGN_OR_RETURN(const bool found, database.Get(Family::kHeads, HeadKey(tenant.id()), &head));
  if (!found) return TenantIsDamaged("a tenant without a head");
  state.revision = head.revision();
  state.time = head.time_us();
  state.next_collection = head.next_collection();
  state.next_document = head.next_document();
  state.spaces = head.spaces();
  store::v1::AnchorRecord anchor;
  ASSIGN_OR_RETURN(const bool anchored,
                   database.Get(Family::kHeads, AnchorKey(tenant.id()), &anchor));
  if (anchored) {
    state.time = std::max(state.time, static_cast<Micros>(anchor.time_us()));
    loaded.anchor = anchor;
  }
  RETURN_IF_ERROR(LoadRules(database, state.id, &state.policy));
  RETURN_IF_ERROR(LoadBreakGlass(database, state.id, &state.policy));
  RETURN_IF_ERROR(LoadUsage(database, state.id, &loaded));
  RETURN_IF_ERROR(LoadDirectory(database, state.id, &state.policy));
  RETURN_IF_ERROR(LoadSources(database, &state));
  RETURN_IF_ERROR(LoadClasses(database, state.id, interner, &state.policy));
  state.policy.ExtendPostings();
  RETURN_IF_ERROR(LoadKeys(database, &state));
  RETURN_IF_ERROR(LoadCollections(database, &state));
  return loaded;
}

Status DropStaged(Database* database, uint32_t tenant) {
  const Status none = database->Scan(Family::kStaged, TenantPrefix(tenant), [](auto, auto) {
    return Status(StatusCode::kCancelled, "", "one is enough");
  });
  if (none.ok()) return OkStatus();
  // Damaged ones go as well: nobody reads them.
  Batch batch;
  batch.DeletePrefix(Family::kStaged, TenantPrefix(tenant));
  return database->Write(batch);
}

Status ReceiversOf(const Database& database, uint32_t tenant, uint32_t collection,
                   std::string_view pseudonym, std::set<std::string>* names) {
  const std::string prefix = ExportPrefix(tenant, collection, pseudonym);
  return database.Scan(Family::kPolicy, prefix, [&](auto key, auto) {
    names->emplace(key.substr(prefix.size()));
    return OkStatus();
  });
}

StatusOr<std::vector<std::pair<uint64_t, store::v1::RevisionRecord>>> RevisionsAfter(
    const Database& database, uint32_t tenant, uint64_t after) {
  std::vector<std::pair<uint64_t, store::v1::RevisionRecord>> revisions;
  RETURN_IF_ERROR(database.ScanFrom(Family::kRevisions, RevisionKey(tenant, after + 1),
                                    PrefixEnd(TenantPrefix(tenant)),
                                    [&](auto key, auto payload) -> Status {
                                      auto& [revision, record] = revisions.emplace_back();
                                      revision = LastLongNumber(key);
                                      return ParseRecord(payload, &record);
                                    }));
  return revisions;
}

}  // namespace cordon
