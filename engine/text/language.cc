#include "engine/text/language.h"

#include <fmt/format.h>
#include <libstemmer.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"

namespace cordon {
namespace {

struct Known {
  std::string_view code;
  const char* algorithm;  // of libstemmer; null: none
};

// In the order of Language.
constexpr auto kLanguages = std::to_array<Known>({
    {"none", nullptr},   {"en", "english"},    {"ar", "arabic"},   {"ca", "catalan"},
    {"da", "danish"},    {"de", "german"},     {"el", "greek"},    {"es", "spanish"},
    {"eu", "basque"},    {"fi", "finnish"},    {"fr", "french"},   {"ga", "irish"},
    {"hi", "hindi"},     {"hu", "hungarian"},  {"hy", "armenian"}, {"id", "indonesian"},
    {"it", "italian"},   {"lt", "lithuanian"}, {"ne", "nepali"},   {"nl", "dutch"},
    {"no", "norwegian"}, {"pt", "portuguese"}, {"ro", "romanian"}, {"ru", "russian"},
    {"sr", "serbian"},   {"sv", "swedish"},    {"ta", "tamil"},    {"tr", "turkish"},
    {"yi", "yiddish"},
});

// One thread's stemmer of one language, and the words that it met last: a text's words repeat, and
// to look one up takes a tenth of the time.
class Stemmer {
 public:
  explicit Stemmer(const char* algorithm)
      : stemmer_(sb_stemmer_new(algorithm, "UTF_8"), sb_stemmer_delete), met_(kMet) {
    CORDON_CHECK(stemmer_ != nullptr);
  }

  std::string_view Stem(std::string_view word) {
    if (word.size() > kWordBytes) return Ask(word);
    Met& met = met_[PlaceOf(word)];
    if (met.word() != word) {
      const std::string_view stem = Ask(word);
      if (stem.size() > kWordBytes) return stem;
      met.word_bytes = static_cast<uint8_t>(word.size());
      met.stem_bytes = static_cast<uint8_t>(stem.size());
      std::memcpy(met.bytes, word.data(), word.size());
      std::memcpy(met.bytes + kWordBytes, stem.data(), stem.size());
    }
    return met.stem();
  }

 private:
  static constexpr unsigned kMetBits = 15;
  static constexpr size_t kMet = size_t{1} << kMetBits;  // 2 MiB
  static constexpr size_t kWordBytes = 31;

  struct Met {
    uint8_t word_bytes = 0;
    uint8_t stem_bytes = 0;
    char bytes[2 * kWordBytes];

    std::string_view word() const { return {bytes, word_bytes}; }
    std::string_view stem() const { return {bytes + kWordBytes, stem_bytes}; }
  };

  // By length, first and last bytes: words that meet at one place only displace each other.
  static size_t PlaceOf(std::string_view word) {
    uint64_t first = 0, last = 0;
    const size_t bytes = std::min(word.size(), sizeof(first));
    std::memcpy(&first, word.data(), bytes);
    std::memcpy(&last, word.data() + word.size() - bytes, bytes);
    const uint64_t mixed = (first ^ (last << 7 | last >> 57) ^ word.size()) * 0x9e3779b97f4a7c15;
    return mixed >> (64 - kMetBits);
  }

  std::string_view Ask(std::string_view word) {
    const sb_symbol* stem =
        sb_stemmer_stem(stemmer_.get(), reinterpret_cast<const sb_symbol*>(word.data()),
                        static_cast<int>(word.size()));
    CORDON_CHECK(stem != nullptr);  // null: no memory
    return {reinterpret_cast<const char*>(stem),
            static_cast<size_t>(sb_stemmer_length(stemmer_.get()))};
  }

  std::unique_ptr<sb_stemmer, decltype(&sb_stemmer_delete)> stemmer_;
  std::vector<Met> met_;
};

}  // namespace

StatusOr<Language> LanguageOf(std::string_view code) {
  if (code.empty()) return Language::kEnglish;
  std::string codes;
  for (size_t i = 0; i < kLanguages.size(); ++i) {
    if (kLanguages[i].code == code) return static_cast<Language>(i);
    codes += fmt::format("{}{}", i == 0 ? "" : ", ", kLanguages[i].code);
  }
  return Invalid("", "unknown; one of " + codes);
}

std::string_view Stem(Language language, std::string_view word) {
  const auto index = static_cast<size_t>(language);
  CORDON_CHECK(index < kLanguages.size());
  if (language == Language::kNone) return word;
  thread_local std::array<std::unique_ptr<Stemmer>, kLanguages.size()> stemmers;
  if (stemmers[index] == nullptr) {
    stemmers[index] = std::make_unique<Stemmer>(kLanguages[index].algorithm);
  }
  return stemmers[index]->Stem(word);
}

}  // namespace cordon
