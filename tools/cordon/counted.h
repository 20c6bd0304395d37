// Numbers for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cordon {

// 1234567 → "1,234,567".
std::string Grouped(uint64_t number);

// "3 documents", "1 document".
std::string Counted(uint64_t number, std::string_view singular);

}  // namespace cordon
