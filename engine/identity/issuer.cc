#include "engine/identity/issuer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/text_check.h"
#include "engine/identity/key_source.h"
#include "engine/policy/principal.h"

namespace cordon {
namespace {

Status CheckShortName(std::string_view field, std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!plain || name.empty() || name.size() > limits::kCollectionBytes) {
    return Invalid(field,
                   fmt::format("not 1 to {} of a to z, 0 to 9, - and _", limits::kCollectionBytes));
  }
  return OkStatus();
}

Status CheckRange(std::string_view field, int value, int min, int max) {
  if (value >= min && value <= max) return OkStatus();
  return Invalid(field, fmt::format("not {} to {}", min, max));
}

// Users only, and never a name that a claim could turn into something else.
Status CheckPrefixes(const Issuer& issuer) {
  if (!issuer.principal_prefix.starts_with("user:")) {
    return Invalid("principal.prefix", "does not begin with user:");
  }
  RETURN_IF_ERROR(CheckName("principal.claim", issuer.principal_claim, limits::kNameBytes));
  if (!issuer.groups) return OkStatus();
  RETURN_IF_ERROR(CheckName("groups.claim", issuer.groups->claim, limits::kNameBytes));
  const std::string& prefix = issuer.groups->prefix;
  if (prefix.starts_with("group:") || prefix.starts_with("role:")) return OkStatus();
  return Invalid("groups.prefix", "does not begin with group: or role:");
}

Status CheckTimes(const Issuer& issuer) {
  RETURN_IF_ERROR(CheckRange("clock_skew_s", issuer.clock_skew_s, 0, limits::kClockSkewMax_s));
  RETURN_IF_ERROR(CheckRange("max_age_s", issuer.max_age_s, 1, limits::kTokenAgeMax_s));
  RETURN_IF_ERROR(CheckRange("jwks_refresh_s", issuer.jwks_refresh_s, 1, limits::kKeySetStale_s));
  RETURN_IF_ERROR(CheckRange("jwks_pause_s", issuer.jwks_pause_s, 1, limits::kKeySetPauseMax_s));
  RETURN_IF_ERROR(CheckRange("jwks_stale_s", issuer.jwks_stale_s, 1, limits::kKeySetStale_s));
  if (issuer.jwks_stale_s > issuer.jwks_refresh_s) return OkStatus();
  return Invalid("jwks_stale_s", "not more than jwks_refresh_s: good keys would be dropped");
}

// What every user of an issuer would hold. Rights that need somebody's consideration are given to
// one key at a time.
Status CheckGrant(const Grant& grant) {
  for (const Right right : {Right::kAdmin, Right::kActAs, Right::kBreakGlass}) {
    if (grant.rights.Has(right)) {
      return Invalid("rights", fmt::format("'{}' is not given to all users of an issuer; make a "
                                           "key for those who need it",
                                           RightName(right)));
    }
  }
  return OkStatus();
}

Status CheckClearanceClaim(const Issuer::ClearanceClaim& clearance) {
  RETURN_IF_ERROR(CheckName("clearance.claim", clearance.claim, limits::kNameBytes));
  if (!clearance.values.empty()) return OkStatus();
  return Invalid("clearance.values", "missing; say what each value of the claim stands for");
}

}  // namespace

std::string_view AlgorithmName(TokenAlgorithm algorithm) {
  switch (algorithm) {
    case TokenAlgorithm::kRs256:
      return "RS256";
    case TokenAlgorithm::kEs256:
      return "ES256";
    case TokenAlgorithm::kEdDsa:
      return "EdDSA";
  }
  return "unknown";
}

std::optional<TokenAlgorithm> AlgorithmOf(std::string_view name) {
  for (const auto algorithm :
       {TokenAlgorithm::kRs256, TokenAlgorithm::kEs256, TokenAlgorithm::kEdDsa}) {
    if (AlgorithmName(algorithm) == name) return algorithm;
  }
  return std::nullopt;
}

Status CheckIssuer(const Issuer& issuer) {
  RETURN_IF_ERROR(CheckShortName("name", issuer.name));
  RETURN_IF_ERROR(CheckName("iss", issuer.iss, limits::kIssuerBytes));
  RETURN_IF_ERROR(CheckShortName("tenant", issuer.tenant));
  if (issuer.audiences.empty() || issuer.audiences.size() > limits::kAudiencesPerIssuer) {
    return Invalid("audiences",
                   fmt::format("not 1 to {} audiences; name the one by which tokens address this "
                               "server",
                               limits::kAudiencesPerIssuer));
  }
  for (const auto& audience : issuer.audiences) {
    RETURN_IF_ERROR(CheckName("audiences", audience, limits::kIssuerBytes));
  }
  if (issuer.algorithms.empty()) {
    return Invalid("algorithms", "missing; name RS256, ES256 or EdDSA, those that it signs with");
  }
  RETURN_IF_ERROR(CheckKeySource("jwks", issuer.jwks));
  RETURN_IF_ERROR(CheckTimes(issuer));
  RETURN_IF_ERROR(CheckPrefixes(issuer));
  if (issuer.clearance) RETURN_IF_ERROR(CheckClearanceClaim(*issuer.clearance));
  return CheckGrant(issuer.grant);
}

Status CheckIssuers(const std::vector<Issuer>& issuers) {
  if (issuers.size() > limits::kIssuers) {
    return Invalid("issuers", fmt::format("more than {}", limits::kIssuers));
  }
  std::set<std::string_view> names, iss;
  for (const auto& issuer : issuers) {
    const std::string place = fmt::format("issuers.{}", issuer.name);
    RETURN_IF_ERROR(CheckIssuer(issuer).Within(place));
    if (!names.insert(issuer.name).second) {
      return Invalid(place + ".name", "two issuers have this name; name each otherwise");
    }
    if (!iss.insert(issuer.iss).second) {
      return Invalid(place + ".iss",
                     "another issuer has it: whose tenant would a token belong to? Keep one");
    }
  }
  return OkStatus();
}

}  // namespace cordon
