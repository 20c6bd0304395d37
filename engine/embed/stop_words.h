// Words so common in English that sharing them says little about two texts.
#pragma once

#include <string_view>

namespace cordon {

// True for a case-folded English function word. Thread-safe.
bool IsStopWord(std::string_view word);

}  // namespace cordon
