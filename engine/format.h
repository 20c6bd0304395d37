// The version of everything on disk.
#pragma once

#include <string_view>

namespace cordon {

// Written to DIR/FORMAT. A directory with another version is refused, never guessed at.
inline constexpr std::string_view kFormatVersion = "cordon 2";

}  // namespace cordon
