// Labels, clearances and the scheme that gives their names a meaning (DESIGN §1; the lattice is
// Denning's, "A Lattice Model of Secure Information Flow", 1976).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// How sensitive something is. `compartments` and `tags` are sorted and without repeats.
struct Label {
  std::string level;
  std::vector<std::string> compartments;
  std::vector<std::string> tags;
  // Only of a join of labels bound to different regions: the regions that all of them permit, which
  // are fewer than its tags name, perhaps none. Sorted.
  std::optional<std::vector<std::string>> regions = std::nullopt;

  friend bool operator==(const Label&, const Label&) = default;
  friend auto operator<=>(const Label&, const Label&) = default;
};

// How far someone may go. The symbolic kinds follow whatever scheme is in force.
struct Clearance {
  enum class Kind { kLowest, kAll, kNamed };
  Kind kind = Kind::kLowest;
  std::string level;                      // only for kNamed
  std::vector<std::string> compartments;  // only for kNamed; sorted, without repeats

  static Clearance Lowest() { return {}; }
  static Clearance All() { return {Kind::kAll, "", {}}; }
  friend bool operator==(const Clearance&, const Clearance&) = default;
};

// The names that labels and clearances may use. `levels` is ordered, lowest first, never empty;
// `compartments` and `tags` are sorted.
struct Scheme {
  std::vector<std::string> levels;
  std::vector<std::string> compartments;
  std::vector<std::string> tags;

  friend bool operator==(const Scheme&, const Scheme&) = default;

  // public < internal < confidential < restricted: what a fresh tenant has.
  static Scheme Fresh();

  // The place of a level, 0 being the lowest; nothing if the scheme does not have it.
  std::optional<size_t> Rank(std::string_view level) const;

  // Refuses names that are malformed, repeated, or too many.
  Status Check() const;
  // Refuses a label without a level or with names that the scheme lacks.
  Status CheckLabel(const Label& label) const;
  // Refuses a named clearance without a level or with names that the scheme lacks.
  Status CheckClearance(const Clearance& clearance) const;
  // Refuses tags that the scheme lacks.
  Status CheckTags(const std::vector<std::string>& names) const;
};

// Sorts and drops repeats: the form that labels keep.
void Canonicalise(std::vector<std::string>* names);
// Drops the parts that symbolic kinds ignore and sorts the others.
void Canonicalise(Label* label);

// Tags that begin so bind to regions: such a label may go to one of its regions only.
inline constexpr std::string_view kRegionTag = "region:";

// The tags that bind `label` to regions; nothing if it may go anywhere, empty if nowhere.
std::optional<std::vector<std::string>> RegionsOf(const Label& label);

// The least label that is as sensitive as both: the higher level, all compartments, all tags; but
// regions meet, since each one more permits more: what is bound to eu joined with what is bound to
// us may go nowhere. A level that the scheme lacks counts as the highest.
Label Join(const Scheme& scheme, const Label& a, const Label& b);

// Whether someone with this clearance may read this label: level at least as high and every
// compartment held. Tags play no part. A level that the scheme lacks is never dominated.
bool Dominates(const Scheme& scheme, const Clearance& clearance, const Label& label);

// Whether `high` permits everything that `low` permits.
bool Covers(const Scheme& scheme, const Clearance& high, const Clearance& low);

// The highest clearance that both cover. A named one with a level that the scheme lacks permits
// nothing, and so does its meet with any other.
Clearance Meet(const Scheme& scheme, const Clearance& a, const Clearance& b);

// "confidential {people} [pii]", for people.
std::string ToText(const Label& label);
std::string ToText(const Clearance& clearance);

}  // namespace cordon
