// Who may issue tokens for users of a tenant, and what is believed of them.
//
// Everything that could be argued about is pinned here and never taken from a token: issuer,
// audiences, algorithms, keys (RFC 8725, "JSON Web Token Best Current Practices").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/policy/grant.h"

namespace cordon {

// The signatures that can be configured (RFC 7518 §3.1, RFC 8037); there are no others.
enum class TokenAlgorithm { kRs256, kEs256, kEdDsa };

// "RS256", "ES256", "EdDSA".
std::string_view AlgorithmName(TokenAlgorithm algorithm);
std::optional<TokenAlgorithm> AlgorithmOf(std::string_view name);

// One issuer. It belongs to exactly one tenant.
struct Issuer {
  // The claim that holds the groups, all of them, and what is put before each.
  struct Groups {
    std::string claim = "groups";
    std::string prefix = "group:";
  };
  // The claim that holds the clearance's name, and what each name stands for.
  struct ClearanceClaim {
    std::string claim;
    std::map<std::string, Clearance> values;
  };

  std::string name;    // for logs and the journal
  std::string iss;     // compared byte by byte with the claim
  std::string tenant;  // whose users they are
  std::vector<std::string> audiences;
  std::vector<TokenAlgorithm> algorithms;
  std::string jwks;     // a file, an https URL, or an http URL of this machine
  std::string jwks_ca;  // certificates that vouch for the URL; empty: the system's
  int jwks_refresh_s = limits::kKeySetRefresh_s;
  int jwks_pause_s = limits::kKeySetPause_ms / 1000;
  int jwks_stale_s = limits::kKeySetStale_s;
  int clock_skew_s = limits::kClockSkewDefault_s;
  int max_age_s = limits::kTokenAgeDefault_s;
  std::string principal_claim = "sub";
  std::string principal_prefix = "user:";
  std::optional<Groups> groups;             // absent: the directory's groups
  std::optional<ClearanceClaim> clearance;  // absent: the directory's clearances
  // What users may do who call with their token; its principal is theirs, its clearance the
  // ceiling of all of them.
  Grant grant;
};

// Refuses an issuer that is not complete or would be believed too much. The field is the key in
// the configuration.
Status CheckIssuer(const Issuer& issuer);

// The same for all of them, and an `iss` or a name that two have. The field begins with "issuers".
Status CheckIssuers(const std::vector<Issuer>& issuers);

}  // namespace cordon
