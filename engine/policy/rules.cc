#include "engine/policy/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"

namespace cordon {
namespace {

Status CheckTrust(const std::vector<std::string>& tiers) {
  if (tiers.size() > limits::kTrustTiers) {
    return Invalid("trust", fmt::format("more than {} tiers", limits::kTrustTiers));
  }
  std::set<std::string_view> seen;
  for (const auto& tier : tiers) {
    RETURN_IF_ERROR(CheckName("trust", tier, limits::kNameBytes));
    if (!seen.insert(tier).second) {
      return Invalid("trust", fmt::format("'{}' is given twice; keep one", tier));
    }
  }
  return OkStatus();
}

// Changes are told apart while they are about no more containers than this, together.
constexpr size_t kChangesKept = 4096;

// Names that inherit from what one change is about are kept up to so many: some ten megabytes with
// those of all changes that are.
constexpr size_t kHeirsKept = 64;

std::optional<Container> Find(const PolicyRules& rules, const std::string& name) {
  const auto found = rules.containers.find(name);
  return found == rules.containers.end() ? std::nullopt : std::optional(found->second);
}

// The containers changed, and all that inherit from them; nothing if those are too many to be kept.
std::optional<std::set<std::string>> Reached(const PolicyRules& rules,
                                             const std::vector<RulesChange::Changed>& changed) {
  std::set<std::string> reached;
  for (const auto& one : changed) reached.insert(one.name);
  // A walk over all finds at least those that inherit from what the last one found.
  for (size_t found = 0; found != reached.size();) {
    found = reached.size();
    for (const auto& [name, container] : rules.containers) {
      const auto& above = container.inherit;
      if (std::any_of(above.begin(), above.end(),
                      [&](const auto& parent) { return reached.contains(parent); })) {
        reached.insert(name);
      }
    }
    if (reached.size() > changed.size() + kHeirsKept) return std::nullopt;
  }
  return reached;
}

std::string RegionsText(const ScopeRule& rule) {
  return rule.PermitsRegion("any") ? "a region" : fmt::format("{}", fmt::join(rule.regions, ", "));
}

// What the rule of its scope asks of a destination, which may only narrow it.
Status CheckAgainst(const Scheme& scheme, const ScopeRule& rule, const Destination& destination) {
  const int scope = destination.scope;
  if (!Covers(scheme, rule.ceiling, destination.ceiling)) {
    return Invalid("ceiling", fmt::format("wider than the rule of scope {}, which is {}; narrow it",
                                          scope, ToText(rule.ceiling)));
  }
  if (!rule.PermitsRegion(destination.region)) {
    return Invalid("region", fmt::format("the rule of scope {} asks for {}; state one of them",
                                         scope, RegionsText(rule)));
  }
  if (rule.terms_reviewed_until &&
      (!destination.terms_reviewed_until ||
       *destination.terms_reviewed_until > *rule.terms_reviewed_until)) {
    return Invalid("terms_reviewed_until",
                   fmt::format("the rule of scope {} asks for terms that are reviewed, until {} at "
                               "most; state until when",
                               scope, FormatTime(*rule.terms_reviewed_until)));
  }
  if (rule.no_training && destination.trains_on_input != false) {
    return Invalid("trains_on_input", fmt::format("the rule of scope {} forbids providers that "
                                                  "train on input; state false if it does not",
                                                  scope));
  }
  return OkStatus();
}

Status CheckDestination(const PolicyRules& rules, const Destination& destination) {
  RETURN_IF_ERROR(CheckName("name", destination.name, limits::kNameBytes));
  if (destination.scope < 1 || destination.scope > 5) {
    return Invalid("scope",
                   "not 1 to 5; name a scope of the Generative AI Security Scoping Matrix");
  }
  RETURN_IF_ERROR(rules.scheme.CheckClearance(destination.ceiling).Within("ceiling"));
  RETURN_IF_ERROR(rules.scheme.CheckTags(destination.forbidden_tags));
  if (!destination.region.empty()) {
    RETURN_IF_ERROR(CheckName("region", destination.region, limits::kNameBytes));
  }
  if (destination.model_label) {
    RETURN_IF_ERROR(rules.scheme.CheckLabel(*destination.model_label).Within("model_label"));
  }
  const ScopeRule* rule = rules.RuleOf(destination);
  return rule == nullptr ? OkStatus() : CheckAgainst(rules.scheme, *rule, destination);
}

Status CheckScope(const Scheme& scheme, const ScopeRule& rule) {
  RETURN_IF_ERROR(scheme.CheckClearance(rule.ceiling).Within("ceiling"));
  for (const auto& region : rule.regions) {
    RETURN_IF_ERROR(CheckName("regions", region, limits::kNameBytes));
  }
  if (rule.regions.size() > limits::kRegionsPerScope) {
    return Invalid("regions", fmt::format("more than {}; name '*'", limits::kRegionsPerScope));
  }
  return scheme.CheckTags(rule.forbidden_tags);
}

// How many containers stand above each one, computed once for each: inheritance may form a lattice
// with very many ways up.
class Heights {
 public:
  explicit Heights(const PolicyRules& rules) : rules_(rules) {}

  // The longest way up from `name`, which stands above `below` others; refuses circles, unknown
  // names and ways that are too long, these at once: the recursion must not exhaust the stack.
  StatusOr<size_t> Of(const std::string& name, size_t below = 0) {
    if (below > limits::kContainerDepth) return TooDeep();
    const auto [entry, fresh] = heights_.try_emplace(name, kBeingVisited);
    if (!fresh && entry->second == kBeingVisited) {
      return Invalid("inherit", fmt::format("'{}' inherits from itself in a circle", name));
    }
    if (!fresh) return entry->second;
    size_t height = 0;
    for (const auto& parent : rules_.containers.at(name).inherit) {
      if (!rules_.containers.contains(parent)) {
        return Invalid("inherit", fmt::format("unknown container '{}'; define it", parent));
      }
      ASSIGN_OR_RETURN(const size_t above, Of(parent, below + 1));
      height = std::max(height, above + 1);
    }
    if (height > limits::kContainerDepth) return TooDeep();
    heights_[name] = height;
    return height;
  }

 private:
  static Status TooDeep() {
    return Invalid("inherit",
                   fmt::format("deeper than {} containers; flatten them", limits::kContainerDepth));
  }

  static constexpr size_t kBeingVisited = SIZE_MAX;
  const PolicyRules& rules_;
  std::map<std::string, size_t> heights_;
};

Status CheckContainer(Heights* heights, const std::string& name, const Container& container) {
  RETURN_IF_ERROR(CheckName("name", name, limits::kNameBytes));
  if (container.inherit.size() > limits::kInheritPerAcl) {
    return Invalid("inherit", fmt::format("more than {} names", limits::kInheritPerAcl));
  }
  return heights->Of(name).status();
}

}  // namespace

bool ScopeRule::PermitsRegion(std::string_view region) const {
  if (regions.empty()) return true;
  if (region.empty()) return false;
  return std::any_of(regions.begin(), regions.end(),
                     [&](const auto& name) { return name == region || name == "*"; });
}

bool HasModelLabel(const Destination& destination) {
  return destination.scope >= kFirstTrainedScope && destination.model_label.has_value();
}

bool LearnsFromInput(const Destination& destination) {
  return destination.trains_on_input.value_or(destination.scope >= kFirstTrainedScope);
}

Destination DevDestination() {
  Destination dev;
  dev.name = kDevDestination;
  dev.scope = 5;
  dev.ceiling = Clearance::All();
  dev.outside_scope_rules = true;
  return dev;
}

Status PolicyRules::Check() const {
  RETURN_IF_ERROR(scheme.Check());
  RETURN_IF_ERROR(scheme.CheckClearance(default_clearance).Within("default_clearance"));
  for (const auto& [scope, rule] : scopes) {
    const std::string field = fmt::format("scopes[{}]", scope);
    if (scope < 1 || scope > 5) return Invalid("scopes", "a scope is 1 to 5");
    RETURN_IF_ERROR(CheckScope(scheme, rule).Within(field));
  }
  if (containers.size() > limits::kContainers) {
    return Invalid("containers",
                   fmt::format("more than {} in all; remove some", limits::kContainers));
  }
  if (destinations.size() > limits::kDestinations) {
    return Invalid("destinations",
                   fmt::format("more than {} in all; remove some", limits::kDestinations));
  }
  Heights heights(*this);
  for (const auto& [name, container] : containers) {
    RETURN_IF_ERROR(
        CheckContainer(&heights, name, container).Within(fmt::format("containers[{}]", name)));
  }
  RETURN_IF_ERROR(CheckTrust(trust));
  if (quarantined_sources.size() > limits::kQuarantinedSources) {
    return Invalid("sources", fmt::format("more than {} in quarantine; delete their documents",
                                          limits::kQuarantinedSources));
  }
  for (const auto& [name, destination] : destinations) {
    RETURN_IF_ERROR(
        CheckDestination(*this, destination).Within(fmt::format("destinations[{}]", name)));
  }
  return OkStatus();
}

std::optional<size_t> LabelRules::TrustRank(std::string_view tier) const {
  const auto it = std::find(trust.begin(), trust.end(), tier);
  if (it == trust.end()) return std::nullopt;
  return static_cast<size_t>(it - trust.begin());
}

StatusOr<size_t> LabelRules::LeastTrust(std::string_view field, std::string_view tier) const {
  const auto rank = TrustRank(tier);
  if (rank) return *rank;
  return Invalid(field, "no trust tier of the policy; name one of `trust`");
}

bool LabelRules::Trusts(std::string_view tier, size_t least) const {
  const auto rank = TrustRank(tier);
  return rank ? *rank >= least : Planted(Bug::kUnknownTrustPasses);
}

void PolicyRules::NoteChange(const PolicyRules& before, const std::vector<std::string>& names) {
  // Another member would have to be compared, too.
  static_assert(sizeof(PolicyRules) ==
                sizeof(LabelRules) + sizeof(containers) + sizeof(last_change));
  auto change = std::make_shared<RulesChange>();
  change->labels = static_cast<const LabelRules&>(*this) != static_cast<const LabelRules&>(before);
  for (const auto& name : names) {
    RulesChange::Changed changed{name, Find(before, name), Find(*this, name)};
    if (changed.before != changed.after) change->containers.push_back(std::move(changed));
  }
  change->kept =
      1 + change->containers.size() + (before.last_change ? before.last_change->kept : 0);
  if (change->kept <= kChangesKept) {
    change->before = before.last_change;
    change->reached = Reached(*this, change->containers);
  } else {
    *change = RulesChange();  // a history of its own: what the change did is never asked
  }
  last_change = std::move(change);
}

Micros NextEvent(const Clause& clause, Micros after) {
  Micros next = kNever;
  for (const auto* list : {&clause.allow, &clause.deny}) {
    if (!list->timed()) continue;
    for (const auto& entry : *list) next = std::min(next, entry.NextEvent(after));
  }
  return next;
}

Micros PolicyRules::NextEvent(Micros after) const {
  Micros next = kNever;
  for (const auto& [name, container] : containers) {
    next = std::min(next, cordon::NextEvent(container.clause, after));
  }
  for (const auto& [name, destination] : destinations) {
    next = std::min(next, NextTermsEnd(destination, after));
  }
  return next;
}

Micros PolicyRules::NextTermsEnd(const Destination& destination, Micros after) const {
  const ScopeRule* rule = RuleOf(destination);
  Micros next = kNever;
  for (const auto end : {destination.terms_reviewed_until,
                         rule == nullptr ? std::nullopt : rule->terms_reviewed_until}) {
    if (end && *end > after) next = std::min(next, *end);
  }
  return next;
}

const ScopeRule* PolicyRules::RuleOf(const Destination& destination) const {
  const auto scope = scopes.find(destination.scope);
  return scope == scopes.end() || destination.outside_scope_rules ? nullptr : &scope->second;
}

}  // namespace cordon
