// The witnesses of single tests, for explanations. Internal to policy/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/policy/decide.h"

namespace cordon {

// Records a verdict when somebody listens; returns it.
inline bool Note(std::vector<Verdict>* trace, std::string_view name, bool permitted,
                 std::string because) {
  if (trace != nullptr) trace->push_back({std::string(name), permitted, std::move(because)});
  return permitted;
}

// Whether a clearance, or a ceiling, dominates the label.
bool ClearancePermits(const Scheme& scheme, std::string_view name, const Clearance& clearance,
                      const Label& label, std::vector<Verdict>* trace);

}  // namespace cordon
