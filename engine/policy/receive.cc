// What a destination may receive (DESIGN §2, rule 4).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/base/planted.h"
#include "engine/policy/decide.h"
#include "engine/policy/verdict.h"

namespace cordon {
namespace {

bool TagsPass(std::string_view name, const std::vector<std::string>& forbidden, const Label& label,
              std::vector<Verdict>* trace) {
  if (Planted(Bug::kTagsIgnored)) return true;
  for (const auto& tag : label.tags) {
    if (std::find(forbidden.begin(), forbidden.end(), tag) != forbidden.end()) {
      return Note(trace, name, false, [&] { return fmt::format("forbids the tag {}", tag); });
    }
  }
  return true;
}

bool RegionPasses(const Destination& destination, const Label& label, std::string_view name,
                  std::vector<Verdict>* trace) {
  const auto regions = RegionsOf(label);
  if (!regions) return true;
  const std::string own = std::string(kRegionTag) + destination.region;
  if (!destination.region.empty() && std::binary_search(regions->begin(), regions->end(), own)) {
    return true;
  }
  return Note(trace, name, false, [&] {
    return destination.region.empty() ? "the label is bound to a region, the destination has none"
                                      : "not in a region of the label: " + destination.region;
  });
}

// Terms that somebody has reviewed, and not too long ago.
bool TermsHold(std::string_view name, Micros now, const std::optional<Micros>& until,
               std::vector<Verdict>* trace) {
  if (!until || Planted(Bug::kTermsIgnored)) return true;
  const bool hold = now < *until;
  return Note(trace, name, hold, [&] {
    return fmt::format("the terms are reviewed until {}{}", FormatTime(*until),
                       hold ? "" : ", which is past");
  });
}

// What the rule of a scope asks of a destination, whatever the label: what is not stated is not
// there.
bool RulePermits(const World& world, const ScopeRule& rule, const Destination& destination,
                 std::string_view name, std::vector<Verdict>* trace) {
  bool permitted = true;
  if (!rule.regions.empty() && !Planted(Bug::kScopeRegionIgnored)) {
    permitted &= Note(trace, name, rule.PermitsRegion(destination.region), [&] {
      return destination.region.empty()
                 ? "asks for a region, the destination states none"
                 : fmt::format("asks for {}, the destination is in {}",
                               fmt::join(rule.regions, ", "), destination.region);
    });
  }
  if (rule.terms_reviewed_until) {
    permitted &= TermsHold(name, world.now, rule.terms_reviewed_until, trace);
    if (!destination.terms_reviewed_until) {
      permitted &= Note(trace, name, false, "asks for reviewed terms, the destination states none");
    }
  }
  if (rule.no_training && !Planted(Bug::kTrainingIgnored)) {
    const auto& trains = destination.trains_on_input;
    permitted &= Note(trace, name, trains == false,
                      trains == false ? "the provider does not train on input"
                      : trains        ? "forbids providers that train on input"
                                      : "forbids providers that train on input, the destination "
                                        "does not say");
  }
  return permitted;
}

}  // namespace

bool ClearancePermits(const Scheme& scheme, std::string_view name, const Clearance& clearance,
                      const Label& label, std::vector<Verdict>* trace) {
  const bool permitted = Dominates(scheme, clearance, label);
  return Note(trace, name, permitted, [&] {
    return fmt::format("{} {} {}", ToText(clearance), permitted ? "dominates" : "does not dominate",
                       ToText(label));
  });
}

const Destination* FindDestination(const PolicyRules& rules, std::string_view name, bool dev) {
  static const Destination kDev = DevDestination();
  if (dev && name == kDevDestination) return &kDev;
  const auto it = rules.destinations.find(name);
  return it == rules.destinations.end() ? nullptr : &it->second;
}

bool MayReceive(const World& world, const Destination& destination,
                const Clearance& subject_clearance, const Label& label,
                std::vector<Verdict>* trace) {
  const PolicyRules& rules = *world.state.rules;
  const std::string name = trace == nullptr ? "" : fmt::format("destination {}", destination.name);
  bool permitted = ClearancePermits(rules.scheme, name, destination.ceiling, label, trace);
  permitted &= TagsPass(name, destination.forbidden_tags, label, trace);
  permitted &= RegionPasses(destination, label, name, trace);
  permitted &= TermsHold(name, world.now, destination.terms_reviewed_until, trace);
  if (const ScopeRule* rule = rules.RuleOf(destination)) {
    const std::string scope = trace == nullptr ? "" : fmt::format("scope {}", destination.scope);
    permitted &= ClearancePermits(rules.scheme, scope, rule->ceiling, label, trace);
    permitted &= TagsPass(scope, rule->forbidden_tags, label, trace);
    permitted &= RulePermits(world, *rule, destination, scope, trace);
  }
  if (HasModelLabel(destination)) {
    const std::string model = trace == nullptr ? "" : name + " model label";
    permitted &=
        ClearancePermits(rules.scheme, model, subject_clearance, *destination.model_label, trace);
  }
  return permitted;
}

std::vector<std::string> Receivers(const World& world, const Authenticated& caller,
                                   const Subject& subject, const Label& label) {
  std::vector<std::string> names;
  const auto consider = [&](const Destination& destination) {
    if (caller.grant().MayNameDestination(destination.name) &&
        MayReceive(world, destination, subject.clearance, label)) {
      names.push_back(destination.name);
    }
  };
  for (const auto& [name, destination] : world.state.rules->destinations) {
    // While developing, the development destination hides one of its name, as in FindDestination.
    if (!caller.dev() || name != kDevDestination) consider(destination);
  }
  if (caller.dev()) consider(DevDestination());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace cordon
