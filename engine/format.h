// The version of everything on disk.
#pragma once

#include <string_view>

namespace cordon {

// Written to DIR/FORMAT. A directory with another version is refused or upgraded (upgrade.h), never
// guessed at. docs/decisions/format.md says what takes another one.
inline constexpr std::string_view kFormatVersion = "cordon 2";

}  // namespace cordon
