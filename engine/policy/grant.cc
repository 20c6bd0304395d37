#include "engine/policy/grant.h"

#include <fmt/format.h>

#include <algorithm>

namespace cordon {
namespace {

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool NamesOrAny(const std::vector<std::string>& names, std::string_view name) {
  return Contains(names, name) || Contains(names, kAnyName);
}

// A pattern is covered by itself and by a shorter prefix pattern.
bool PatternMatches(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

template <typename Covers>
bool AllOf(const std::vector<std::string>& names, Covers covers) {
  return std::all_of(names.begin(), names.end(), covers);
}

}  // namespace

std::string_view RightName(Right right) {
  switch (right) {
    case Right::kQuery:
      return "query";
    case Right::kIngest:
      return "ingest";
    case Right::kLabel:
      return "label";
    case Right::kGrant:
      return "grant";
    case Right::kAudit:
      return "audit";
    case Right::kErase:
      return "erase";
    case Right::kExport:
      return "export";
    case Right::kActAs:
      return "act-as";
    case Right::kBreakGlass:
      return "break-glass";
    case Right::kAdmin:
      return "admin";
  }
  return "unknown";
}

Rights Rights::All() {
  Rights rights;
  for (const Right right : kAllRights) rights.Add(right);
  return rights;
}

bool Quota::Covers(const Quota& other) const {
  const auto within = [](const std::optional<uint64_t>& low, const std::optional<uint64_t>& high) {
    return !high || (low && *low <= *high);
  };
  return within(other.passages_per_day, passages_per_day) &&
         within(other.tokens_per_day, tokens_per_day) &&
         within(other.requests_per_minute, requests_per_minute);
}

bool Grant::MayUseCollection(std::string_view name) const { return NamesOrAny(collections, name); }

bool Grant::MayNameDestination(std::string_view name) const {
  return NamesOrAny(destinations, name);
}

bool Grant::MayActAs(std::string_view other) const {
  return rights.Has(Right::kActAs) &&
         std::any_of(as_patterns.begin(), as_patterns.end(),
                     [&](const auto& pattern) { return PatternMatches(pattern, other); });
}

bool Grant::Covers(const Scheme& scheme, const Grant& other) const {
  return other.rights.Within(rights) && cordon::Covers(scheme, clearance, other.clearance) &&
         other.id_prefix.starts_with(id_prefix) && other.expires <= expires &&
         quota.Covers(other.quota) &&
         AllOf(other.collections, [&](const auto& name) { return MayUseCollection(name); }) &&
         AllOf(other.destinations, [&](const auto& name) { return MayNameDestination(name); }) &&
         AllOf(other.as_patterns, [&](const auto& pattern) { return MayActAs(pattern); });
}

Status Authenticated::Require(Right right) const {
  if (grant_->rights.Has(right)) return OkStatus();
  return Denied("rights", fmt::format("the key lacks the right '{}'; use a key that has it",
                                      RightName(right)));
}

Status Authenticated::RequireCollection(std::string_view name) const {
  return grant_->MayUseCollection(name) ? OkStatus() : CollectionNotFound();
}

Status CollectionNotFound() {
  return NotFound("collection", "no such collection; check the name and the key's collections");
}

Status DocumentNotFound() {
  return NotFound("document", "no such document; check the id and who may see it");
}

}  // namespace cordon
