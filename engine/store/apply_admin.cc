#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/store/apply_steps.h"
#include "engine/store/codec.h"
#include "engine/store/ingest_runs.h"
#include "engine/store/load.h"

namespace cordon {
namespace {

Status CheckAttributes(const Scheme& scheme, const v1::CollectionConfig& config) {
  if (static_cast<size_t>(config.attributes_size()) > limits::kAttributesPerCollection) {
    return Invalid("attributes", fmt::format("more than {}", limits::kAttributesPerCollection));
  }
  std::set<std::string> names;
  for (int i = 0; i < config.attributes_size(); ++i) {
    const auto& attribute = config.attributes(i);
    const std::string path = fmt::format("attributes[{}]", i);
    RETURN_IF_ERROR(CheckName("name", attribute.name(), limits::kNameBytes).Within(path));
    if (!names.insert(attribute.name()).second) return Invalid(path + ".name", "given twice");
    if (attribute.type() == v1::ATTRIBUTE_TYPE_UNSPECIFIED ||
        !v1::AttributeType_IsValid(attribute.type())) {
      return Invalid(path + ".type", "unknown; one of int, float, bool, string, time");
    }
    if (attribute.has_label()) {
      RETURN_IF_ERROR(scheme.CheckLabel(FromProto(attribute.label())).Within("label").Within(path));
    }
  }
  return OkStatus();
}

// Whether there is such a language is for those to say who know languages (engine/ingest).
Status CheckLexical(const v1::CollectionConfig& config) {
  if (!config.language().empty()) {
    RETURN_IF_ERROR(CheckName("language", config.language(), limits::kNameBytes));
  }
  const auto& bm25 = config.bm25();
  if (bm25.has_k1() && !(bm25.k1() >= 0 && bm25.k1() <= limits::kBm25K1Max)) {
    return Invalid("bm25.k1", fmt::format("not 0 to {}", limits::kBm25K1Max));
  }
  if (bm25.has_b() && !(bm25.b() >= 0 && bm25.b() <= 1)) return Invalid("bm25.b", "not 0 to 1");
  return OkStatus();
}

Status CheckConfig(const PolicyRules& rules, const v1::CollectionConfig& config) {
  RETURN_IF_ERROR(CheckName("name", config.name(), limits::kCollectionBytes));
  if (config.name() == kAnyName || config.name().find(',') != std::string::npos) {
    return Invalid("name", "'*' and ',' are reserved; choose another name");
  }
  if (config.dimension() < 1 || config.dimension() > limits::kDimensionMax) {
    return Invalid("dimension", fmt::format("not 1 to {}", limits::kDimensionMax));
  }
  if (config.metric() == v1::METRIC_UNSPECIFIED || !v1::Metric_IsValid(config.metric())) {
    return Invalid("metric", "unknown; one of cosine, ip, l2");
  }
  if (config.embedder() == v1::EMBEDDER_UNSPECIFIED || !v1::Embedder_IsValid(config.embedder())) {
    return Invalid("embedder", "unknown; one of none, builtin, http");
  }
  const bool http = config.embedder() == v1::EMBEDDER_HTTP;
  if (http != !config.embedding_endpoint().empty()) {
    return Invalid("embedding_endpoint",
                   http ? "missing; name an endpoint" : "needs the embedder http; leave it out");
  }
  if (http && config.model().empty()) return Invalid("model", "missing");
  if (!config.model().empty()) {
    RETURN_IF_ERROR(CheckName("model", config.model(), limits::kNameBytes));
  }
  if (config.erase_after_s() > limits::kEraseAfter_s) {
    return Invalid("erase_after_s",
                   fmt::format("more than {} years", limits::kEraseAfter_s / 31'536'000));
  }
  if (config.has_default_label()) {
    RETURN_IF_ERROR(
        rules.scheme.CheckLabel(FromProto(config.default_label())).Within("default_label"));
  }
  if (config.has_default_acl()) {
    RETURN_IF_ERROR(CheckAcl(config.default_acl()).Within("default_acl"));
    RETURN_IF_ERROR(CheckContainers(rules, config.default_acl()).Within("default_acl"));
  }
  RETURN_IF_ERROR(CheckLexical(config));
  return CheckAttributes(rules.scheme, config);
}

void PutKey(const std::string& id, const store::v1::KeyRecord& record, Grant grant,
            TenantState* state, Batch* batch) {
  auto keys = std::make_shared<TenantState::Keys>(*state->keys);
  (*keys)[id] = ToKey(record, std::move(grant));
  state->SetKeys(std::move(keys));
  batch->Put(Family::kKeys, NamedKey(state->id, id), record);
}

Status NoSuchKey() { return NotFound("id", "no such key; see key list"); }

Status ApplyNewKey(const store::v1::KeyChange& change, Applied* applied) {
  TenantState& next = applied->next;
  if (next.keys->size() >= limits::kKeysPerTenant) {
    return Status(StatusCode::kFailedPrecondition, "keys",
                  fmt::format("more than {} keys; revoke some", limits::kKeysPerTenant));
  }
  ASSIGN_OR_RETURN(Grant grant, FromProto(change.record().grant()));
  RETURN_IF_ERROR(next.policy.rules->scheme.CheckClearance(grant.clearance).Within("clearance"));
  if (grant.expires <= next.time) {
    return Invalid("expires", "not in the future; the key would never be accepted");
  }
  // Neither would count: a certificate stands for one key.
  if (!grant.certificate.empty() && next.certificates->contains(grant.certificate)) {
    return CertificateTaken();
  }
  PutKey(change.id(), change.record(), std::move(grant), &next, &applied->batch);
  return OkStatus();
}

// A new secret for the key as it is now: a key that was revoked meanwhile does not come back.
Status ApplyRotation(const store::v1::KeyChange& change, Applied* applied) {
  const auto found = applied->next.keys->find(change.id());
  if (found == applied->next.keys->end()) return NoSuchKey();
  const Key& key = found->second;
  if (key.digest.empty()) {
    return Invalid("id", "a certificate authenticates this key; it has no secret to rotate");
  }
  if (key.grant->expires <= applied->next.time) {
    return Invalid("id", "the key has expired; create another");
  }
  store::v1::KeyRecord record;
  record.set_digest(change.rotation().digest());
  *record.mutable_grant() = ToProto(*key.grant);
  record.set_created_us(key.created);
  if (change.rotation().previous_until_us() > applied->next.time) {
    record.set_previous_digest(key.digest);
    record.set_previous_until_us(change.rotation().previous_until_us());
  }
  Grant grant = *key.grant;
  PutKey(change.id(), record, std::move(grant), &applied->next, &applied->batch);
  return OkStatus();
}

}  // namespace

Status CertificateTaken() {
  return Status(StatusCode::kAlreadyExists, "certificate",
                "another key has this certificate; revoke it first, or choose another name");
}

Status ApplyNewCollection(const v1::CollectionConfig& config, Applied* applied) {
  RETURN_IF_ERROR(CheckConfig(*applied->next.policy.rules, config));
  if (applied->next.FindCollection(config.name())) {
    return Status(StatusCode::kAlreadyExists, "name", "a collection of this name exists");
  }
  if (applied->next.collections->size() >= limits::kCollections) {
    return Status(StatusCode::kFailedPrecondition, "name",
                  fmt::format("more than {} collections; delete some", limits::kCollections));
  }
  applied->collection = config.name();
  const uint32_t id = applied->next.next_collection++;
  PutCollection(Collection{id, config}, applied);
  return OkStatus();
}

Status ApplyDropCollection(const ApplyContext& context, const std::string& name, Applied* applied) {
  const auto found = applied->next.FindCollection(name);
  if (!found) return CollectionNotFound();
  RETURN_IF_ERROR(context.database.Scan(
      Family::kHolds, CollectionPrefix(applied->next.id, found->id),
      [](auto, auto payload) -> Status {
        store::v1::HoldRecord hold;
        RETURN_IF_ERROR(ParseRecord(payload, &hold));
        return Status(StatusCode::kFailedPrecondition, "name",
                      fmt::format("the hold '{}' prevents it; release it first", hold.name()));
      }));
  applied->collection = name;
  applied->dropped = found->id;
  auto all = std::make_shared<TenantState::Collections>(*applied->next.collections);
  all->erase(name);
  applied->next.collections = std::move(all);
  const uint32_t tenant = applied->next.id;
  // So that the space comes back; without numbers: no key is destroyed, backups keep it.
  store::v1::ErasureRecord dropped;
  dropped.set_collection_id(found->id);
  dropped.set_collection(name);
  applied->batch.Put(Family::kErasures, RevisionKey(tenant, applied->next.revision), dropped);
  applied->batch.Delete(Family::kCollections, NamedKey(tenant, name));
  for (const Family family :
       {Family::kDocuments, Family::kChunks, Family::kNumbers, Family::kMarks, Family::kHolds}) {
    applied->batch.DeletePrefix(family, CollectionPrefix(tenant, found->id));
  }
  DropRunsOfCollection(found->id, applied);
  return OkStatus();
}

Status ApplyKey(const ApplyContext& context, const store::v1::KeyChange& change, Applied* applied) {
  if (change.has_record()) return ApplyNewKey(change, applied);
  if (change.has_rotation()) return ApplyRotation(change, applied);
  auto keys = std::make_shared<TenantState::Keys>(*applied->next.keys);
  if (keys->erase(change.id()) == 0) return NoSuchKey();
  applied->next.SetKeys(std::move(keys));
  applied->batch.Delete(Family::kKeys, NamedKey(applied->next.id, change.id()));
  return DropRunsOfKey(context, change.id(), applied);
}

Status ApplyNewTenant(const ApplyContext& context, const store::v1::NewTenant& tenant,
                      Applied* applied) {
  RETURN_IF_ERROR(CheckShortName("name", tenant.name()));
  ASSIGN_OR_RETURN(const auto tenants, LoadTenants(context.database));
  uint32_t id = 1;
  for (const auto& other : tenants) {
    if (other.name() == tenant.name()) {
      return Status(StatusCode::kAlreadyExists, "name", "a tenant of this name exists");
    }
    id = std::max(id, other.id() + 1);
  }
  if (id > limits::kTenants) {
    return Status(StatusCode::kFailedPrecondition, "name",
                  fmt::format("more than {} tenants", limits::kTenants));
  }
  ASSIGN_OR_RETURN(Grant grant, FromProto(tenant.key().grant()));
  auto created = std::make_shared<TenantState>();
  created->id = id;
  created->name = tenant.name();
  created->time = applied->next.time;
  store::v1::TenantRecord record;
  record.set_id(id);
  record.set_name(tenant.name());
  applied->batch.Put(Family::kMeta, MetaTenantKey(tenant.name()), record);
  PutKey(tenant.key_id(), tenant.key(), std::move(grant), created.get(), &applied->batch);
  applied->created = std::move(created);
  return OkStatus();
}

}  // namespace cordon
