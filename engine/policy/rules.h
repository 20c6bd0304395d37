// The policy of a tenant: scheme, default clearance, scope rules, containers, destinations.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/policy/clause.h"
#include "engine/policy/label.h"

namespace cordon {

// A named clause. It permits when its own list and all containers above it permit.
struct Container {
  Clause clause;
  std::vector<std::string> inherit;

  friend bool operator==(const Container&, const Container&) = default;
};

// From this scope on, a model is trained on what it is given: it has a label of its own.
inline constexpr int kFirstTrainedScope = 4;

// What may leave towards all destinations of one scope.
struct ScopeRule {
  Clearance ceiling;
  std::vector<std::string> forbidden_tags = {};  // sorted
  std::vector<std::string> regions = {};         // sorted; "*": any; empty: not asked for
  std::optional<Micros> terms_reviewed_until = std::nullopt;  // nothing leaves from then on
  bool no_training = false;  // only to providers that do not train on input

  // Whether a destination in this region satisfies the rule; one that states none does not.
  bool PermitsRegion(std::string_view region) const;

  friend bool operator==(const ScopeRule&, const ScopeRule&) = default;
};

// A registered consumer of context.
struct Destination {
  std::string name;
  int scope = 0;  // 1 to 5, Generative AI Security Scoping Matrix
  Clearance ceiling;
  std::vector<std::string> forbidden_tags;     // sorted
  std::string region;                          // empty: nowhere in particular
  std::optional<Label> model_label;            // of the model itself, for scope 4 and 5
  std::optional<Micros> terms_reviewed_until;  // receives nothing from then on
  std::optional<bool> trains_on_input;         // whether its provider does; nothing: nobody says
  bool outside_scope_rules = false;            // only the development destination

  friend bool operator==(const Destination&, const Destination&) = default;
};

// Client certificates that count no more.
struct DeniedCertificates {
  std::set<std::string, std::less<>> fingerprints;  // SHA-256, lower-case hexadecimal
  std::set<std::string, std::less<>> issuers;       // as crypto/certificate.h writes names

  bool Deny(std::string_view fingerprint, std::string_view issuer) const {
    return fingerprints.contains(fingerprint) || issuers.contains(issuer);
  }
  friend bool operator==(const DeniedCertificates&, const DeniedCertificates&) = default;
};

// Whether the model has a label that must not be lost: it has seen what is above the lowest.
bool HasModelLabel(const Destination& destination);

// Whether what it is sent may stay in its model: as it says, else it is taken to if models of its
// scope are trained.
bool LearnsFromInput(const Destination& destination);

// The development destination, which exists only while the server runs with --dev.
inline constexpr std::string_view kDevDestination = "dev";
Destination DevDestination();

// All of the rules but the containers: what labels and consumers are judged by.
struct LabelRules {
  Scheme scheme = Scheme::Fresh();
  Clearance default_clearance;  // of users without one of their own
  std::map<int, ScopeRule> scopes;
  std::map<std::string, Destination, std::less<>> destinations;
  DeniedCertificates denied_certificates;
  std::vector<std::string> trust;                          // tiers of provenance, lowest first
  std::set<std::string, std::less<>> quarantined_sources;  // whose documents nobody sees

  // The place of a trust tier, 0 being the lowest; nothing if it is none.
  std::optional<size_t> TrustRank(std::string_view tier) const;
  // The place of a tier that a request asks for as the least; INVALID_ARGUMENT for `field` if it is
  // none.
  StatusOr<size_t> LeastTrust(std::string_view field, std::string_view tier) const;
  // Whether a document of `tier` is as trusted as that: one without a tier, or with one that the
  // policy does not know, is below all.
  bool Trusts(std::string_view tier, size_t least) const;

  friend bool operator==(const LabelRules&, const LabelRules&) = default;
};

// What one change did to the rules, and those before it: a place in their history.
struct RulesChange {
  // A container; nothing where there was none, or is none any more.
  struct Changed {
    std::string name;
    std::optional<Container> before;
    std::optional<Container> after;
  };

  bool labels = false;  // something else than the containers changed
  std::vector<Changed> containers;
  // Those, and all that inherit from them by the rules after the change: what any other permits is
  // what it was. Nothing if they are too many to be kept.
  std::optional<std::set<std::string>> reached;
  std::shared_ptr<const RulesChange> before;  // null: what was before is not known
  size_t kept = 0;                            // containers of this change and those before it
};

// Immutable once published; a change makes a new one. What is not about containers belongs into
// LabelRules, whose comparison tells whether it has changed.
struct PolicyRules : LabelRules {
  std::map<std::string, Container, std::less<>> containers;
  // Rules that are made anew begin a history of their own. Null: nothing is known of it.
  std::shared_ptr<const RulesChange> last_change = std::make_shared<const RulesChange>();

  // Notes what has been changed since `before`, of which these began as a copy: perhaps the
  // containers named, and no others.
  void NoteChange(const PolicyRules& before, const std::vector<std::string>& names);

  // Refuses rules that do not fit together: unknown names, containers that inherit in a circle or
  // too deep, destinations that do not satisfy the rule of their scope. The field is the path in a
  // policy file.
  Status Check() const;

  // The earliest time later than `after` at which an entry of a container begins or ends, or
  // reviewed terms end.
  Micros NextEvent(Micros after) const;

  // When the terms of `destination` or of its scope end, whichever is the first later than `after`.
  Micros NextTermsEnd(const Destination& destination, Micros after) const;

  // The rule of its scope; null if none holds for it.
  const ScopeRule* RuleOf(const Destination& destination) const;
};

// The earliest time later than `after` at which an entry of `clause` begins or ends; kNever if
// there is none.
Micros NextEvent(const Clause& clause, Micros after);

// Calls visit(name, container, below) for a container and all above it, each once, the nearest
// first, until it returns false. The container is null if there is none of the name; `below` is the
// name of the one that inherits from it, null for the first.
template <typename Visit>
void ForEachUpwards(const PolicyRules& rules, const std::string& name, Visit visit) {
  struct Step {
    const std::string* name;
    const std::string* below;
  };
  std::vector<Step> steps = {{&name, nullptr}};
  std::set<std::string_view> seen;  // if there is any above
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step step = steps[i];
    const auto it = rules.containers.find(*step.name);
    const Container* const container = it == rules.containers.end() ? nullptr : &it->second;
    if (!visit(*step.name, container, step.below)) return;
    if (container == nullptr) continue;
    for (const auto& parent : container->inherit) {
      if (seen.empty()) seen.insert(name);
      if (seen.insert(parent).second) steps.push_back({&parent, step.name});
    }
  }
}

}  // namespace cordon
