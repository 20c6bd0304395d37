#include "engine/policy/label.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"

namespace cordon {
namespace {

bool Has(const std::vector<std::string>& sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

Status CheckNames(std::string_view field, const std::vector<std::string>& names, size_t max) {
  if (names.size() > max) return Invalid(field, fmt::format("more than {} names", max));
  for (const auto& name : names) {
    RETURN_IF_ERROR(CheckName(field, name, limits::kNameBytes));
    if (std::count(names.begin(), names.end(), name) > 1) {
      return Invalid(field, fmt::format("'{}' is given twice; name it once", name));
    }
  }
  return OkStatus();
}

Status CheckKnown(std::string_view field, const std::vector<std::string>& names,
                  const std::vector<std::string>& known) {
  for (const auto& name : names) {
    if (!Has(known, name)) {
      return Invalid(field, fmt::format("unknown name '{}'; add it by policy apply", name));
    }
  }
  return OkStatus();
}

Status CheckLevel(const Scheme& scheme, const std::string& level) {
  if (level.empty()) return Invalid("level", "missing; name one of the tenant's levels");
  if (!scheme.Rank(level)) {
    return Invalid("level", fmt::format("unknown level '{}'; the levels are {}", level,
                                        fmt::join(scheme.levels, ", ")));
  }
  return OkStatus();
}

std::vector<std::string> Union(const std::vector<std::string>& a,
                               const std::vector<std::string>& b) {
  std::vector<std::string> both;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

// Splits sorted tags into those that bind to regions and the others.
struct SplitTags {
  explicit SplitTags(const std::vector<std::string>& tags) {
    for (const auto& tag : tags) (tag.starts_with(kRegionTag) ? regions : others).push_back(tag);
  }
  std::vector<std::string> regions;
  std::vector<std::string> others;
};

std::vector<std::string> JoinTags(const SplitTags& a, const SplitTags& b) {
  if (a.regions.empty() || b.regions.empty()) {
    return Union(Union(a.others, b.others), Union(a.regions, b.regions));
  }
  std::vector<std::string> shared;
  std::set_intersection(a.regions.begin(), a.regions.end(), b.regions.begin(), b.regions.end(),
                        std::back_inserter(shared));
  if (shared.empty()) shared.emplace_back(kRegionTag);
  return Union(Union(a.others, b.others), shared);
}

}  // namespace

Scheme Scheme::Fresh() { return {{"public", "internal", "confidential", "restricted"}, {}, {}}; }

std::optional<size_t> Scheme::Rank(std::string_view level) const {
  const auto it = std::find(levels.begin(), levels.end(), level);
  if (it == levels.end()) return std::nullopt;
  return static_cast<size_t>(it - levels.begin());
}

Status Scheme::Check() const {
  if (levels.empty()) return Invalid("levels", "empty; name at least one level");
  RETURN_IF_ERROR(CheckNames("levels", levels, limits::kLevels));
  RETURN_IF_ERROR(CheckNames("compartments", compartments, limits::kCompartments));
  if (std::find(tags.begin(), tags.end(), kRegionTag) != tags.end()) {
    return Invalid("tags", "'region:' names no region; write region:NAME");
  }
  return CheckNames("tags", tags, limits::kTags);
}

Status Scheme::CheckLabel(const Label& label) const {
  RETURN_IF_ERROR(CheckLevel(*this, label.level));
  RETURN_IF_ERROR(CheckKnown("compartments", label.compartments, compartments));
  return CheckKnown("tags", label.tags, tags);
}

Status Scheme::CheckClearance(const Clearance& clearance) const {
  if (clearance.kind != Clearance::Kind::kNamed) return OkStatus();
  RETURN_IF_ERROR(CheckLevel(*this, clearance.level));
  return CheckKnown("compartments", clearance.compartments, compartments);
}

Status Scheme::CheckTags(const std::vector<std::string>& names) const {
  return CheckKnown("forbidden_tags", names, tags);
}

void Canonicalise(std::vector<std::string>* names) {
  std::sort(names->begin(), names->end());
  names->erase(std::unique(names->begin(), names->end()), names->end());
}

void Canonicalise(Label* label) {
  Canonicalise(&label->compartments);
  Canonicalise(&label->tags);
}

Label Join(const Scheme& scheme, const Label& a, const Label& b) {
  const size_t beyond = scheme.levels.size();
  const bool a_higher =
      scheme.Rank(a.level).value_or(beyond) >= scheme.Rank(b.level).value_or(beyond);
  return {a_higher ? a.level : b.level, Union(a.compartments, b.compartments),
          JoinTags(SplitTags(a.tags), SplitTags(b.tags))};
}

bool Dominates(const Scheme& scheme, const Clearance& clearance, const Label& label) {
  const auto needed = scheme.Rank(label.level);
  if (!needed) return false;
  switch (clearance.kind) {
    case Clearance::Kind::kAll:
      return true;
    case Clearance::Kind::kLowest:
      return *needed == 0 && label.compartments.empty();
    case Clearance::Kind::kNamed:
      break;
  }
  const auto held = scheme.Rank(clearance.level);
  return held && *held >= *needed &&
         std::includes(clearance.compartments.begin(), clearance.compartments.end(),
                       label.compartments.begin(), label.compartments.end());
}

bool Covers(const Scheme& scheme, const Clearance& high, const Clearance& low) {
  if (high.kind == Clearance::Kind::kAll || low.kind == Clearance::Kind::kLowest) return true;
  // "All" follows later schemes, so that no named clearance covers it.
  if (low.kind == Clearance::Kind::kAll) return false;
  return Dominates(scheme, high, Label{low.level, low.compartments, {}});
}

std::string ToText(const Label& label) {
  std::string text = label.level;
  if (!label.compartments.empty()) {
    text += fmt::format(" {{{}}}", fmt::join(label.compartments, ", "));
  }
  if (!label.tags.empty()) text += fmt::format(" [{}]", fmt::join(label.tags, ", "));
  return text;
}

std::string ToText(const Clearance& clearance) {
  switch (clearance.kind) {
    case Clearance::Kind::kAll:
      return "all";
    case Clearance::Kind::kLowest:
      return "the lowest level";
    case Clearance::Kind::kNamed:
      break;
  }
  return ToText(Label{clearance.level, clearance.compartments, {}});
}

}  // namespace cordon
