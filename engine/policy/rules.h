// The policy of a tenant: scheme, default clearance, scope rules, containers, destinations.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/policy/clause.h"
#include "engine/policy/label.h"

namespace cordon {

// A named clause. It permits when its own list and all containers above it permit.
struct Container {
  Clause clause;
  std::vector<std::string> inherit;
};

// What may leave towards all destinations of one scope.
struct ScopeRule {
  Clearance ceiling;
  std::vector<std::string> forbidden_tags;  // sorted
};

// A registered consumer of context.
struct Destination {
  std::string name;
  int scope = 0;  // 1 to 5, Generative AI Security Scoping Matrix
  Clearance ceiling;
  std::vector<std::string> forbidden_tags;  // sorted
  std::string region;                       // empty: nowhere in particular
  std::optional<Label> model_label;         // of the model itself, for scope 4 and 5
  bool outside_scope_rules = false;         // only the development destination

  friend bool operator==(const Destination&, const Destination&) = default;
};

// Client certificates that count no more.
struct DeniedCertificates {
  std::set<std::string, std::less<>> fingerprints;  // SHA-256, lower-case hexadecimal
  std::set<std::string, std::less<>> issuers;       // as crypto/certificate.h writes names

  bool Deny(std::string_view fingerprint, std::string_view issuer) const {
    return fingerprints.contains(fingerprint) || issuers.contains(issuer);
  }
};

// The development destination, which exists only while the server runs with --dev.
inline constexpr std::string_view kDevDestination = "dev";
Destination DevDestination();

// Immutable once published; a change makes a new one.
struct PolicyRules {
  Scheme scheme = Scheme::Fresh();
  Clearance default_clearance;  // of users without one of their own
  std::map<int, ScopeRule> scopes;
  std::map<std::string, Container, std::less<>> containers;
  std::map<std::string, Destination, std::less<>> destinations;
  DeniedCertificates denied_certificates;
  std::vector<std::string> trust;                          // tiers of provenance, lowest first
  std::set<std::string, std::less<>> quarantined_sources;  // whose documents nobody sees

  // The place of a trust tier, 0 being the lowest; nothing if it is none.
  std::optional<size_t> TrustRank(std::string_view tier) const;

  // Refuses rules that do not fit together: unknown names, containers that inherit in a circle or
  // too deep, destinations wider than their scope. The field is the path in a policy file.
  Status Check() const;

  // The earliest end of an entry of a container that is later than `after`.
  Micros NextEvent(Micros after) const;
};

// The earliest end of an entry of `clause` that is later than `after`; kNever if there is none.
Micros NextEvent(const Clause& clause, Micros after);

}  // namespace cordon
