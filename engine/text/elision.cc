// WithoutElision: the words that Lucene's filters of the same languages take off.
#include <algorithm>
#include <array>
#include <span>

#include "engine/text/language.h"

namespace cordon {
namespace {

constexpr auto kElidedFrench = std::to_array<std::string_view>(
    {"c", "d", "j", "jusqu", "l", "lorsqu", "m", "n", "puisqu", "qu", "quoiqu", "s", "t"});
constexpr auto kElidedItalian = std::to_array<std::string_view>(
    {"agl", "all",  "c",    "coll", "d", "dagl", "dall", "degl", "dell", "gl", "l",
     "m",   "negl", "nell", "pell", "s", "sugl", "sull", "t",    "un",   "v"});
constexpr auto kElidedCatalan = std::to_array<std::string_view>({"d", "l", "m", "n", "s", "t"});
constexpr auto kElidedIrish = std::to_array<std::string_view>({"b", "d", "m"});

std::span<const std::string_view> ElidedIn(Language language) {
  static const Language french = *LanguageOf("fr"), italian = *LanguageOf("it"),
                        catalan = *LanguageOf("ca"), irish = *LanguageOf("ga");
  if (language == french) return kElidedFrench;
  if (language == italian) return kElidedItalian;
  if (language == catalan) return kElidedCatalan;
  if (language == irish) return kElidedIrish;
  return {};
}

}  // namespace

std::string_view WithoutElision(Language language, std::string_view word) {
  const size_t apostrophe = word.find('\'');
  if (apostrophe == word.npos || apostrophe + 1 == word.size()) return word;
  const auto elided = ElidedIn(language);
  const std::string_view first = word.substr(0, apostrophe);
  if (std::find(elided.begin(), elided.end(), first) == elided.end()) return word;
  return word.substr(apostrophe + 1);
}

}  // namespace cordon
