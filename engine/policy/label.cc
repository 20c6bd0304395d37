#include "engine/policy/label.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
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

std::vector<std::string> RegionTags(const std::vector<std::string>& tags) {
  std::vector<std::string> regions;
  for (const auto& tag : tags) {
    if (tag.starts_with(kRegionTag)) regions.push_back(tag);
  }
  return regions;
}

std::vector<std::string> Meet(const std::vector<std::string>& a,
                              const std::vector<std::string>& b) {
  std::vector<std::string> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
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

std::optional<std::vector<std::string>> RegionsOf(const Label& label) {
  if (label.regions) return label.regions;
  auto tags = RegionTags(label.tags);
  if (tags.empty()) return std::nullopt;
  return tags;
}

Label Join(const Scheme& scheme, const Label& a, const Label& b) {
  const size_t beyond = scheme.levels.size();
  const bool a_higher =
      scheme.Rank(a.level).value_or(beyond) >= scheme.Rank(b.level).value_or(beyond);
  Label join = {a_higher ? a.level : b.level, Union(a.compartments, b.compartments),
                Union(a.tags, b.tags)};
  const auto a_regions = RegionsOf(a);
  const auto b_regions = RegionsOf(b);
  const bool meet = a_regions && b_regions && !Planted(Bug::kRegionsUnited);
  auto regions =
      meet ? Meet(*a_regions, *b_regions) : a_regions.value_or(b_regions.value_or(RegionTags({})));
  if (regions != RegionTags(join.tags)) join.regions = std::move(regions);
  return join;
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
  const size_t more = Planted(Bug::kLabelOffByOne) ? 1 : 0;
  return held && *held + more >= *needed &&
         std::includes(clearance.compartments.begin(), clearance.compartments.end(),
                       label.compartments.begin(), label.compartments.end());
}

bool Covers(const Scheme& scheme, const Clearance& high, const Clearance& low) {
  if (high.kind == Clearance::Kind::kAll || low.kind == Clearance::Kind::kLowest) return true;
  // "All" follows later schemes, so that no named clearance covers it.
  if (low.kind == Clearance::Kind::kAll) return false;
  return Dominates(scheme, high, Label{low.level, low.compartments, {}});
}

Clearance Meet(const Scheme& scheme, const Clearance& a, const Clearance& b) {
  using enum Clearance::Kind;
  const auto a_rank = a.kind == kNamed ? scheme.Rank(a.level) : std::optional<size_t>(0);
  const auto b_rank = b.kind == kNamed ? scheme.Rank(b.level) : std::optional<size_t>(0);
  if (!a_rank || b.kind == kAll) return a;
  if (!b_rank || a.kind == kAll) return b;
  if (a.kind == kLowest || b.kind == kLowest) return Clearance::Lowest();
  return {kNamed, *a_rank < *b_rank ? a.level : b.level, Meet(a.compartments, b.compartments)};
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
