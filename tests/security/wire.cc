#include "tests/security/wire.h"

#include "engine/base/check.h"
#include "engine/embed/builtin.h"
#include "engine/identity/api_key.h"

namespace cordon {
namespace {

constexpr int64_t kSecond = 1'000'000;

google::protobuf::Timestamp ToStamp(reference::Time time) {
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(time / kSecond);  // the worlds' times are whole seconds after 1970
  return stamp;
}

// Without an end none is stated.
std::optional<google::protobuf::Timestamp> ToStamp(const std::optional<reference::Time>& time) {
  if (!time || *time == INT64_MAX) return std::nullopt;
  return ToStamp(*time);
}

template <typename Names, typename Repeated>
void ToRepeated(const Names& names, Repeated* out) {
  out->Assign(names.begin(), names.end());
}

template <typename Repeated>
void ToEntries(const std::vector<reference::Entry>& entries, Repeated* out) {
  for (const auto& entry : entries) {
    auto* to = out->Add();
    to->set_principal(entry.who);
    if (entry.until != INT64_MAX) *to->mutable_until() = ToStamp(entry.until);
    if (entry.from != INT64_MIN) *to->mutable_from() = ToStamp(entry.from);
  }
}

// Whoever presents the key with this grant, to a server that knows it.
Authenticated Presented(Grant grant, const std::string& tenant, bool dev) {
  static const NewKey key = *MakeKey("any");  // one secret for all, which say by their ids whose
  static const std::string secret(ParseKey(key.bearer)->secret);
  const StoredKey stored{key.digest, std::make_shared<const Grant>(std::move(grant))};
  const Authenticator authenticator(
      [&](std::string_view, std::string_view) { return std::optional(stored); }, DevKey(dev));
  auto caller = authenticator.Authenticate("Bearer " + tenant + ".key." + secret);
  CORDON_CHECK(caller.ok());
  return *std::move(caller);
}

}  // namespace

v1::Acl ToWire(const reference::List& list) {
  v1::Acl acl;
  ToEntries(list.allow, acl.mutable_allow());
  ToEntries(list.deny, acl.mutable_deny());
  ToRepeated(list.inherit, acl.mutable_inherit());
  return acl;
}

v1::Label ToWire(const reference::Label& label) {
  v1::Label out;
  out.set_level(label.level);
  ToRepeated(label.compartments, out.mutable_compartments());
  ToRepeated(label.tags, out.mutable_tags());
  return out;
}

v1::Clearance ToWire(const reference::Clearance& clearance) {
  v1::Clearance out;
  if (clearance.symbol == "all") out.set_symbol(v1::Clearance::SYMBOL_ALL);
  if (clearance.symbol == "lowest") out.set_symbol(v1::Clearance::SYMBOL_LOWEST);
  out.set_level(clearance.level);
  ToRepeated(clearance.compartments, out.mutable_compartments());
  return out;
}

v1::Container ToWire(const std::string& name, const reference::List& list) {
  v1::Container container;
  container.set_name(name);
  *container.mutable_acl() = ToWire(list);
  return container;
}

v1::Destination ToWire(const std::string& name, const reference::Destination& destination) {
  v1::Destination out;
  out.set_name(name);
  out.set_scope(static_cast<uint32_t>(destination.scope));
  *out.mutable_ceiling() = ToWire(destination.gate.ceiling);
  ToRepeated(destination.gate.forbidden_tags, out.mutable_forbidden_tags());
  out.set_region(destination.region);
  if (destination.model_label) *out.mutable_model_label() = ToWire(*destination.model_label);
  if (const auto terms = ToStamp(destination.gate.terms)) {
    *out.mutable_terms_reviewed_until() = *terms;
  }
  if (destination.trains) out.set_trains_on_input(*destination.trains);
  return out;
}

v1::ScopeRule ToWire(int scope, const reference::Gate& gate) {
  v1::ScopeRule rule;
  rule.set_scope(static_cast<uint32_t>(scope));
  *rule.mutable_ceiling() = ToWire(gate.ceiling);
  ToRepeated(gate.forbidden_tags, rule.mutable_forbidden_tags());
  ToRepeated(gate.regions, rule.mutable_regions());
  if (const auto terms = ToStamp(gate.terms)) *rule.mutable_terms_reviewed_until() = *terms;
  if (gate.no_training) rule.set_trains_on_input(false);
  return rule;
}

v1::Document ToWire(const std::string& id, const reference::Document& document) {
  v1::Document out;
  out.set_id(id);
  out.set_title(document.title);
  out.set_uri(document.uri);
  if (document.acl) *out.mutable_acl() = ToWire(*document.acl);
  if (document.label) *out.mutable_label() = ToWire(*document.label);
  if (document.valid_from != INT64_MIN) *out.mutable_valid_from() = ToStamp(document.valid_from);
  if (document.valid_until != INT64_MAX) *out.mutable_valid_until() = ToStamp(document.valid_until);
  if (!document.source.empty()) out.mutable_provenance()->set_source(document.source);
  if (!document.trust.empty()) out.mutable_provenance()->set_trust(document.trust);
  if (document.version) out.set_version(*document.version);
  for (const auto& [name, value] : document.attributes) {
    (*out.mutable_attributes())[name].set_int_value(value);
  }
  for (const auto& [ordinal, chunk] : document.chunks) {
    auto* to = out.add_chunks();
    to->set_ordinal(ordinal);
    to->set_text(chunk.text);
    ToRepeated(chunk.embedding, to->mutable_embedding());
    if (chunk.acl) *to->mutable_acl() = ToWire(*chunk.acl);
    if (chunk.label) *to->mutable_label() = ToWire(*chunk.label);
  }
  return out;
}

v1::CollectionConfig ToWire(const std::string& name, const reference::Collection& collection) {
  v1::CollectionConfig config;
  config.set_name(name);
  config.set_dimension(static_cast<uint32_t>(collection.dimension));
  config.set_metric(collection.metric == reference::Metric::kCosine ? v1::METRIC_COSINE
                    : collection.metric == reference::Metric::kInnerProduct
                        ? v1::METRIC_INNER_PRODUCT
                        : v1::METRIC_L2);
  config.set_model(collection.model);
  config.set_embedder(collection.embeds ? v1::EMBEDDER_BUILTIN : v1::EMBEDDER_NONE);
  *config.mutable_default_acl() = ToWire(collection.default_acl);
  *config.mutable_default_label() = ToWire(collection.default_label);
  config.set_language("none");
  for (const auto& [attribute, label] : collection.attributes) {
    auto* spec = config.add_attributes();
    spec->set_name(attribute);
    spec->set_type(v1::ATTRIBUTE_TYPE_INT);
    if (label) *spec->mutable_label() = ToWire(*label);
  }
  return config;
}

v1::Principal ToWire(const std::string& name, const reference::Record& record) {
  v1::Principal out;
  out.set_name(name);
  out.set_sets_members(record.members.has_value());
  if (record.members) ToEntries(*record.members, out.mutable_members());
  if (record.clearance) *out.mutable_clearance() = ToWire(*record.clearance);
  out.set_alias_of(record.alias_of);
  out.set_remove(!record.members && !record.clearance && record.alias_of.empty());
  return out;
}

std::vector<float> BuiltIn(size_t dimension, const std::string& text) {
  return BuiltinEmbedder(dimension).Embed(text);
}

Clearance ToClearance(const reference::Clearance& clearance) {
  if (clearance.symbol == "all") return Clearance::All();
  if (clearance.symbol == "lowest") return Clearance::Lowest();
  return {Clearance::Kind::kNamed,
          clearance.level,
          {clearance.compartments.begin(), clearance.compartments.end()}};
}

Grant ToGrant(const Credential& credential) {
  Grant grant;
  grant.principal = credential.key.principal;
  if (credential.query) grant.rights.Add(Right::kQuery);
  if (credential.key.act_as) grant.rights.Add(Right::kActAs);
  if (credential.break_glass) grant.rights.Add(Right::kBreakGlass);
  if (credential.exports) grant.rights.Add(Right::kExport);
  grant.rights.Add(Right::kAudit);
  grant.as_patterns = credential.key.patterns;
  grant.clearance = ToClearance(credential.key.clearance);
  grant.collections = credential.collections;
  grant.destinations = credential.key.destinations;
  return grant;
}

std::optional<std::string> DevKey(bool dev) {
  static const NewKey key = *MakeDevKey("any");
  return dev ? std::optional(key.bearer) : std::nullopt;
}

Authenticated ToCaller(const Credential& credential, const std::string& tenant, bool dev) {
  return Presented(ToGrant(credential), tenant, dev);
}

Authenticated Root(const std::string& tenant) {
  Grant grant;
  grant.principal = "service:root";
  grant.rights = Rights::All();
  grant.clearance = Clearance::All();
  grant.collections = {"*"};
  return Presented(std::move(grant), tenant, /*dev=*/false);
}

}  // namespace cordon
