// The witnesses of single tests, for explanations. Internal to policy/.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/policy/decide.h"

namespace cordon {

// Records a verdict when somebody listens; returns it. `because` is its witness, or a function that
// finds one, which is called only then.
template <typename Because>
bool Note(std::vector<Verdict>* trace, std::string_view name, bool permitted,
          const Because& because) {
  if (trace == nullptr) return permitted;
  if constexpr (std::is_invocable_v<Because>) {
    trace->push_back({std::string(name), permitted, because()});
  } else {
    trace->push_back({std::string(name), permitted, std::string(because)});
  }
  return permitted;
}

// "group:hr (user:ana → group:payroll → group:hr)": a principal of the set and the way to it.
std::string Witness(const World& world, const PrincipalSet& set, PrincipalId id);

// "; allows user:ana from 2027-01-01T00:00:00Z": which entries that concern the subject have not
// begun, or memberships by which one would; the first of those that allow and of those that deny.
// Empty if there is none.
std::string NotBegun(const World& world, const Subject& subject, const Clause& clause);

// Whether a clearance, or a ceiling, dominates the label.
bool ClearancePermits(const Scheme& scheme, std::string_view name, const Clearance& clearance,
                      const Label& label, std::vector<Verdict>* trace);

}  // namespace cordon
