#include "tools/cordon/counted.h"

#include <fmt/format.h>

namespace cordon {

std::string Grouped(uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (size_t place = digits.size(); place > 3; place -= 3) digits.insert(place - 3, 1, ',');
  return digits;
}

std::string Counted(uint64_t number, std::string_view singular) {
  return fmt::format("{} {}{}", Grouped(number), singular, number == 1 ? "" : "s");
}

}  // namespace cordon
