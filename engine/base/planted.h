// Planted bugs: the safety tests must catch each of them (FoundationDB's SimBugInjector).
//
// In the checked build (-DCORDON_PLANTED_BUGS=ON) the environment's CORDON_PLANT names one bug that
// the process then has. In every other build Planted() is a constant false, and no code is left of
// it. tests/planted/ says which test catches which bug.
#pragma once

#include <string_view>

namespace cordon {

enum class Bug {
  kNone,
};

#ifdef CORDON_PLANTED_BUGS
// True if this process is to have the bug. Thread-safe. An unknown name in CORDON_PLANT aborts.
bool Planted(Bug bug);
#else
constexpr bool Planted(Bug) { return false; }
#endif

}  // namespace cordon
