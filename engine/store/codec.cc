#include "engine/store/codec.h"

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/crypto/certificate.h"

namespace cordon {
namespace {

constexpr int64_t kSecond = 1'000'000;

using Entries = google::protobuf::RepeatedPtrField<v1::Entry>;
using NameField = google::protobuf::RepeatedPtrField<std::string>;

std::vector<std::string> ToVector(const NameField& names) { return {names.begin(), names.end()}; }

void ToRepeated(const std::vector<std::string>& from, NameField* to) {
  to->Assign(from.begin(), from.end());
}

// A time that may be left out.
StatusOr<std::optional<Micros>> OptionalTime(std::string_view field, bool has,
                                             const google::protobuf::Timestamp& time) {
  if (!has) return std::optional<Micros>();
  auto micros = FromProto(time);
  if (!micros.ok()) return micros.status().Within(field);
  return std::optional<Micros>(*micros);
}

Status CheckTimes(const v1::Entry& entry) {
  ASSIGN_OR_RETURN(const auto from, OptionalTime("from", entry.has_from(), entry.from()));
  ASSIGN_OR_RETURN(const auto until, OptionalTime("until", entry.has_until(), entry.until()));
  if (!from || !until || *from < *until) return OkStatus();
  return Invalid("until", "not after from, so that the entry would never count; give a later end");
}

Status CheckEntry(const v1::Entry& entry) {
  // One with times was written as an object, which has the principal in a field of its own.
  const bool object = entry.has_from() || entry.has_until();
  const bool lacks = object && entry.principal().empty();
  RETURN_IF_ERROR(ParsePrincipal(lacks ? "principal" : "", entry.principal()).status());
  return CheckTimes(entry);
}

Status CheckEntries(std::string_view field, const Entries& entries, size_t max) {
  if (static_cast<size_t>(entries.size()) > max) {
    return Invalid(field, fmt::format("more than {} entries; name a group instead", max));
  }
  // A path is made for what is wrong alone: a call may have tens of thousands of entries.
  for (int i = 0; i < entries.size(); ++i) {
    const Status checked = CheckEntry(entries[i]);
    if (!checked.ok()) return checked.Within(fmt::format("{}[{}]", field, i));
  }
  return OkStatus();
}

Status CheckNameList(std::string_view field, const NameField& names, size_t max) {
  if (static_cast<size_t>(names.size()) > max) {
    return Invalid(field, fmt::format("more than {} names", max));
  }
  for (int i = 0; i < names.size(); ++i) {
    RETURN_IF_ERROR(CheckName(fmt::format("{}[{}]", field, i), names[i], limits::kNameBytes));
  }
  return OkStatus();
}

Status CheckPattern(std::string_view field, const std::string& pattern) {
  RETURN_IF_ERROR(CheckName(field, pattern, limits::kPrincipalBytes));
  const size_t star = pattern.find('*');
  if (star != pattern.npos && star + 1 != pattern.size()) {
    return Invalid(field, "a '*' may only stand at the end");
  }
  if (star != pattern.npos) return OkStatus();
  ASSIGN_OR_RETURN(const PrincipalKind kind, ParsePrincipal(field, pattern));
  if (kind == PrincipalKind::kUser || kind == PrincipalKind::kService) return OkStatus();
  return Invalid(field, "names no user or service; write user:… or user:*");
}

// The names that a client certificate may authenticate by; see identity/certificate.h.
Status CheckCertificate(const std::string& name) {
  constexpr std::string_view kField = "certificate";
  constexpr std::string_view kSpiffe = "spiffe://";
  RETURN_IF_ERROR(CheckName(kField, name, limits::kCertificateNameBytes));
  const std::string_view text = name;
  if (text.starts_with(kSpiffe)) {
    const size_t path = text.find('/', kSpiffe.size());
    const bool whole = path != text.npos && path > kSpiffe.size() && path + 1 < text.size();
    return whole ? OkStatus() : Invalid(kField, "no workload's SPIFFE ID: spiffe://DOMAIN/PATH");
  }
  if (text.starts_with("uri:")) {
    const std::string_view uri = text.substr(4);
    if (uri.find(':') != uri.npos && !uri.starts_with("spiffe:")) return OkStatus();
    return Invalid(kField, "no URI, or a SPIFFE ID; write uri:SCHEME:…, or spiffe://… alone");
  }
  constexpr std::string_view kHostLetters = "abcdefghijklmnopqrstuvwxyz0123456789-._";
  if (text.starts_with("dns:") && text.size() > 4 &&
      text.find_first_not_of(kHostLetters, 4) == text.npos) {
    return OkStatus();
  }
  return Invalid(kField,
                 "not spiffe://DOMAIN/PATH, uri:URI or dns:HOST in lower case; a name's CN "
                 "or a pattern is no identity");
}

StatusOr<Quota> QuotaOf(const v1::Quota& in) {
  Quota quota;
  const auto set = [](std::string_view field, bool has, uint64_t value,
                      std::optional<uint64_t>* bound) -> Status {
    if (!has) return OkStatus();
    if (value == 0) return Invalid(field, "0; give at least 1, or leave it out for no bound");
    *bound = value;
    return OkStatus();
  };
  RETURN_IF_ERROR(set("quota.passages_per_day", in.has_passages_per_day(), in.passages_per_day(),
                      &quota.passages_per_day));
  RETURN_IF_ERROR(set("quota.tokens_per_day", in.has_tokens_per_day(), in.tokens_per_day(),
                      &quota.tokens_per_day));
  RETURN_IF_ERROR(set("quota.requests_per_minute", in.has_requests_per_minute(),
                      in.requests_per_minute(), &quota.requests_per_minute));
  return quota;
}

std::vector<std::string> Sorted(const NameField& names) {
  auto sorted = ToVector(names);
  Canonicalise(&sorted);
  return sorted;
}

}  // namespace

Label FromProto(const v1::Label& label) {
  return {label.level(), Sorted(label.compartments()), Sorted(label.tags())};
}

v1::Label ToProto(const Label& label) {
  v1::Label out;
  out.set_level(label.level);
  ToRepeated(label.compartments, out.mutable_compartments());
  ToRepeated(label.tags, out.mutable_tags());
  return out;
}

StatusOr<Clearance> FromProto(const v1::Clearance& clearance) {
  const bool named = !clearance.level().empty() || clearance.compartments_size() > 0;
  switch (clearance.symbol()) {
    case v1::Clearance::SYMBOL_ALL:
    case v1::Clearance::SYMBOL_LOWEST:
      if (named) return Invalid("level", "a symbolic clearance has no level or compartments");
      return clearance.symbol() == v1::Clearance::SYMBOL_ALL ? Clearance::All()
                                                             : Clearance::Lowest();
    case v1::Clearance::SYMBOL_UNSPECIFIED:
      if (clearance.level().empty()) return Invalid("level", "missing; name a level or 'all'");
      return Clearance{Clearance::Kind::kNamed, clearance.level(),
                       Sorted(clearance.compartments())};
    default:
      return Invalid("symbol", "unknown; use a level or 'all'");
  }
}

v1::Clearance ToProto(const Clearance& clearance) {
  v1::Clearance out;
  switch (clearance.kind) {
    case Clearance::Kind::kAll:
      out.set_symbol(v1::Clearance::SYMBOL_ALL);
      break;
    case Clearance::Kind::kLowest:
      out.set_symbol(v1::Clearance::SYMBOL_LOWEST);
      break;
    case Clearance::Kind::kNamed:
      out.set_level(clearance.level);
      ToRepeated(clearance.compartments, out.mutable_compartments());
      break;
  }
  return out;
}

StatusOr<Micros> FromProto(const google::protobuf::Timestamp& time) {
  return MicrosOf(time.seconds(), time.nanos());
}

google::protobuf::Timestamp ToProtoTime(Micros time) {
  google::protobuf::Timestamp out;
  const int64_t seconds = (time >= 0 ? time : time - kSecond + 1) / kSecond;
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>((time - seconds * kSecond) * 1000));
  return out;
}

Status CheckAcl(const v1::Acl& acl) {
  if (acl.allow().empty() && acl.inherit().empty()) {
    return Invalid("allow", "names nobody; allow a principal ('everyone' is all users) or inherit");
  }
  RETURN_IF_ERROR(CheckEntries("allow", acl.allow(), limits::kEntriesPerAcl));
  RETURN_IF_ERROR(CheckEntries("deny", acl.deny(), limits::kEntriesPerAcl));
  return CheckNameList("inherit", acl.inherit(), limits::kInheritPerAcl);
}

StatusOr<std::vector<TimedPrincipal>> EntriesOf(const Entries& entries,
                                                PrincipalTable* principals) {
  std::vector<TimedPrincipal> list;
  list.reserve(static_cast<size_t>(entries.size()));
  for (const auto& entry : entries) {
    Micros until = kNever, from = kAlways;
    if (entry.has_until()) {
      ASSIGN_OR_RETURN(until, FromProto(entry.until()));
    }
    if (entry.has_from()) {
      ASSIGN_OR_RETURN(from, FromProto(entry.from()));
    }
    list.push_back({principals->Intern(entry.principal()), until, from});
  }
  return list;
}

StatusOr<Clause> ClauseOf(const v1::Acl& acl, PrincipalTable* principals) {
  Clause clause;
  ASSIGN_OR_RETURN(clause.allow, EntriesOf(acl.allow(), principals));
  ASSIGN_OR_RETURN(clause.deny, EntriesOf(acl.deny(), principals));
  clause.only_denies = acl.allow().empty();
  return clause;
}

StatusOr<Grant> FromProto(const v1::KeyGrant& in) {
  Grant grant;
  ASSIGN_OR_RETURN(const PrincipalKind kind, ParsePrincipal("principal", in.principal()));
  if (kind != PrincipalKind::kService && kind != PrincipalKind::kUser) {
    return Invalid("principal", "not a service or user; write service:… or user:…");
  }
  grant.principal = in.principal();
  if (in.rights().empty()) return Invalid("rights", "missing; name at least one right");
  for (const int right : in.rights()) {
    if (right <= 0 || !v1::Right_IsValid(right)) return Invalid("rights", "an unknown right");
    grant.rights.Add(static_cast<Right>(right));
  }
  if (static_cast<size_t>(in.as_patterns_size()) > limits::kPatternsPerKey) {
    return Invalid("as_patterns", fmt::format("more than {}", limits::kPatternsPerKey));
  }
  for (const auto& pattern : in.as_patterns()) {
    RETURN_IF_ERROR(CheckPattern("as_patterns", pattern));
  }
  RETURN_IF_ERROR(CheckNameList("collections", in.collections(), limits::kPatternsPerKey));
  RETURN_IF_ERROR(CheckNameList("destinations", in.destinations(), limits::kPatternsPerKey));
  if (!in.id_prefix().empty()) {
    RETURN_IF_ERROR(CheckName("id_prefix", in.id_prefix(), limits::kIdBytes));
  }
  if (in.has_clearance()) {
    ASSIGN_OR_RETURN(grant.clearance, [&]() -> StatusOr<Clearance> {
      auto clearance = FromProto(in.clearance());
      if (!clearance.ok()) return clearance.status().Within("clearance");
      return clearance;
    }());
  }
  if (in.has_expires()) {
    ASSIGN_OR_RETURN(grant.expires, [&]() -> StatusOr<Micros> {
      auto expires = FromProto(in.expires());
      if (!expires.ok()) return expires.status().Within("expires");
      return expires;
    }());
  }
  if (!in.certificate().empty()) RETURN_IF_ERROR(CheckCertificate(in.certificate()));
  ASSIGN_OR_RETURN(grant.quota, QuotaOf(in.quota()));
  grant.certificate = in.certificate();
  grant.as_patterns = ToVector(in.as_patterns());
  grant.collections = ToVector(in.collections());
  grant.destinations = ToVector(in.destinations());
  grant.id_prefix = in.id_prefix();
  return grant;
}

v1::KeyGrant ToProto(const Grant& grant) {
  v1::KeyGrant out;
  out.set_principal(grant.principal);
  for (const Right right : kAllRights) {
    if (grant.rights.Has(right)) out.add_rights(static_cast<v1::Right>(right));
  }
  ToRepeated(grant.as_patterns, out.mutable_as_patterns());
  *out.mutable_clearance() = ToProto(grant.clearance);
  ToRepeated(grant.collections, out.mutable_collections());
  ToRepeated(grant.destinations, out.mutable_destinations());
  out.set_id_prefix(grant.id_prefix);
  if (grant.expires != kNever) *out.mutable_expires() = ToProtoTime(grant.expires);
  out.set_certificate(grant.certificate);
  const Quota& quota = grant.quota;
  if (quota.passages_per_day) out.mutable_quota()->set_passages_per_day(*quota.passages_per_day);
  if (quota.tokens_per_day) out.mutable_quota()->set_tokens_per_day(*quota.tokens_per_day);
  if (quota.requests_per_minute) {
    out.mutable_quota()->set_requests_per_minute(*quota.requests_per_minute);
  }
  return out;
}

StatusOr<DeniedCertificates> FromProto(
    const google::protobuf::RepeatedPtrField<v1::DeniedCertificate>& in) {
  constexpr std::string_view kField = "denied_certificates";
  if (static_cast<size_t>(in.size()) > limits::kDeniedCertificates) {
    return Invalid(kField, fmt::format("more than {}; issue from a new client CA instead",
                                       limits::kDeniedCertificates));
  }
  DeniedCertificates denied;
  for (int i = 0; i < in.size(); ++i) {
    const auto& entry = in[i];
    const std::string path = fmt::format("{}[{}]", kField, i);
    if (entry.fingerprint().empty() == entry.issuer().empty()) {
      return Invalid(path, "give either a fingerprint or an issuer");
    }
    const bool single = !entry.fingerprint().empty();
    auto name = single ? CanonicalFingerprint(entry.fingerprint()) : CanonicalName(entry.issuer());
    if (!name.ok()) {
      return name.status().Within(single ? "fingerprint" : "issuer").Within(path);
    }
    (single ? denied.fingerprints : denied.issuers).insert(*std::move(name));
  }
  return denied;
}

StatusOr<Destination> FromProto(const v1::Destination& in) {
  Destination destination;
  destination.name = in.name();
  destination.scope = static_cast<int>(in.scope());
  if (!in.has_ceiling()) return Invalid("ceiling", "missing; say how far it may go");
  auto ceiling = FromProto(in.ceiling());
  if (!ceiling.ok()) return ceiling.status().Within("ceiling");
  destination.ceiling = *ceiling;
  destination.forbidden_tags = Sorted(in.forbidden_tags());
  destination.region = in.region();
  if (in.has_model_label()) destination.model_label = FromProto(in.model_label());
  ASSIGN_OR_RETURN(destination.terms_reviewed_until,
                   OptionalTime("terms_reviewed_until", in.has_terms_reviewed_until(),
                                in.terms_reviewed_until()));
  if (in.has_trains_on_input()) destination.trains_on_input = in.trains_on_input();
  return destination;
}

v1::Destination ToProto(const Destination& destination) {
  v1::Destination out;
  out.set_name(destination.name);
  out.set_scope(static_cast<uint32_t>(destination.scope));
  *out.mutable_ceiling() = ToProto(destination.ceiling);
  ToRepeated(destination.forbidden_tags, out.mutable_forbidden_tags());
  out.set_region(destination.region);
  if (destination.model_label) *out.mutable_model_label() = ToProto(*destination.model_label);
  if (destination.terms_reviewed_until) {
    *out.mutable_terms_reviewed_until() = ToProtoTime(*destination.terms_reviewed_until);
  }
  if (destination.trains_on_input) out.set_trains_on_input(*destination.trains_on_input);
  return out;
}

StatusOr<ScopeRule> FromProto(const v1::ScopeRule& in) {
  if (!in.has_ceiling()) return Invalid("ceiling", "missing; say how far the scope may go");
  auto ceiling = FromProto(in.ceiling());
  if (!ceiling.ok()) return ceiling.status().Within("ceiling");
  ScopeRule rule{*ceiling, Sorted(in.forbidden_tags()), Sorted(in.regions())};
  ASSIGN_OR_RETURN(rule.terms_reviewed_until,
                   OptionalTime("terms_reviewed_until", in.has_terms_reviewed_until(),
                                in.terms_reviewed_until()));
  rule.no_training = in.has_trains_on_input() && !in.trains_on_input();
  return rule;
}

v1::ScopeRule ToProto(int scope, const ScopeRule& rule) {
  v1::ScopeRule out;
  out.set_scope(static_cast<uint32_t>(scope));
  *out.mutable_ceiling() = ToProto(rule.ceiling);
  ToRepeated(rule.forbidden_tags, out.mutable_forbidden_tags());
  ToRepeated(rule.regions, out.mutable_regions());
  if (rule.terms_reviewed_until) {
    *out.mutable_terms_reviewed_until() = ToProtoTime(*rule.terms_reviewed_until);
  }
  if (rule.no_training) out.set_trains_on_input(false);
  return out;
}

StatusOr<BreakGlassAccess> FromProto(const v1::BreakGlass& in) {
  BreakGlassAccess access{in.id(), in.key_id(), in.as(), in.reason()};
  ASSIGN_OR_RETURN(access.opened, FromProto(in.opened()));
  ASSIGN_OR_RETURN(access.until, FromProto(in.until()));
  return access;
}

v1::BreakGlass ToProto(const BreakGlassAccess& access) {
  v1::BreakGlass out;
  out.set_id(access.id);
  out.set_key_id(access.key_id);
  out.set_as(access.principal);
  out.set_reason(access.reason);
  *out.mutable_opened() = ToProtoTime(access.opened);
  *out.mutable_until() = ToProtoTime(access.until);
  return out;
}

namespace {

Status CheckAlias(PrincipalKind kind, const v1::Principal& record) {
  ASSIGN_OR_RETURN(const PrincipalKind of, ParsePrincipal("alias_of", record.alias_of()));
  if (of != kind) {
    return Invalid("alias_of", "not of the same kind; an alias of a user is a user, and so on");
  }
  if (record.alias_of() == record.name()) return Invalid("alias_of", "its own name; leave it out");
  return OkStatus();
}

}  // namespace

Status CheckShortName(std::string_view field, std::string_view name) {
  const bool shaped = !name.empty() && name.size() <= limits::kCollectionBytes && name[0] != '-' &&
                      name[0] != '_' &&
                      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == name.npos;
  if (shaped) return OkStatus();
  return Invalid(field, "1 to 64 of a-z, 0-9, '-' and '_', beginning with a letter or digit");
}

StatusOr<std::shared_ptr<const DirectoryRecord>> ToRecord(const v1::Principal& in,
                                                          PrincipalTable* principals) {
  auto record = std::make_shared<DirectoryRecord>();
  if (in.sets_members()) {
    ASSIGN_OR_RETURN(record->members, EntriesOf(in.members(), principals));
  }
  if (in.has_clearance()) {
    ASSIGN_OR_RETURN(record->clearance, FromProto(in.clearance()));
  }
  if (!in.alias_of().empty()) record->alias_of = principals->Intern(in.alias_of());
  record->removed = in.remove();
  record->source = in.source();
  record->sequence = in.sequence();
  return std::shared_ptr<const DirectoryRecord>(std::move(record));
}

store::v1::SchemeRecord ToProto(const PolicyRules& rules) {
  store::v1::SchemeRecord record;
  ToRepeated(rules.scheme.levels, record.mutable_scheme()->mutable_levels());
  ToRepeated(rules.scheme.compartments, record.mutable_scheme()->mutable_compartments());
  ToRepeated(rules.scheme.tags, record.mutable_scheme()->mutable_tags());
  *record.mutable_default_clearance() = ToProto(rules.default_clearance);
  for (const auto& [scope, rule] : rules.scopes) *record.add_scopes() = ToProto(scope, rule);
  for (const auto& fingerprint : rules.denied_certificates.fingerprints) {
    record.add_denied_certificates()->set_fingerprint("sha256:" + fingerprint);
  }
  for (const auto& issuer : rules.denied_certificates.issuers) {
    record.add_denied_certificates()->set_issuer(issuer);
  }
  ToRepeated(rules.trust, record.mutable_trust());
  record.mutable_quarantined_sources()->Assign(rules.quarantined_sources.begin(),
                                               rules.quarantined_sources.end());
  return record;
}

Status CheckPrincipal(const v1::Principal& record) {
  ASSIGN_OR_RETURN(const PrincipalKind kind, ParsePrincipal("principal", record.name()));
  if (kind == PrincipalKind::kEveryone) {
    return Invalid("principal", "'everyone' is every user; it has no record");
  }
  const bool group = kind == PrincipalKind::kGroup || kind == PrincipalKind::kRole;
  if (record.source().empty() != (record.sequence() == 0)) {
    return Invalid("sequence", "a source and a sequence go together; give both or neither");
  }
  if (!record.source().empty()) RETURN_IF_ERROR(CheckShortName("source", record.source()));
  const int says = record.sets_members() + record.has_clearance() + !record.alias_of().empty();
  if (record.remove()) {
    return says > 0 ? Invalid("delete", "a deleted record has no members, clearance or alias_of")
                    : OkStatus();
  }
  if (says != 1) return Invalid("principal", "give either members, a clearance or alias_of");
  if (!record.alias_of().empty()) return CheckAlias(kind, record);
  if (record.sets_members() && !group) {
    return Invalid("members", "only groups and roles have members");
  }
  if (record.has_clearance() && group) {
    return Invalid("clearance", "only users and services carry clearances");
  }
  if (record.has_clearance()) return FromProto(record.clearance()).status().Within("clearance");
  return CheckEntries("members", record.members(), limits::kMembersPerGroup);
}

StatusOr<Validity> ValidityOf(const v1::Document& document) {
  Validity validity;
  if (document.has_valid_from()) {
    auto from = FromProto(document.valid_from());
    if (!from.ok()) return from.status().Within("valid_from");
    validity.from = *from;
  }
  if (document.has_erase_after()) {
    auto after = FromProto(document.erase_after());
    if (!after.ok()) return after.status().Within("erase_after");
  }
  if (document.has_valid_until()) {
    auto until = FromProto(document.valid_until());
    if (!until.ok()) return until.status().Within("valid_until");
    validity.until = *until;
  }
  if (validity.from >= validity.until) {
    return Invalid("valid_until", "not after valid_from; the document would never be valid");
  }
  return validity;
}

}  // namespace cordon
