// The language of a collection's texts: which endings and which words say nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// One of a fixed table of languages. kNone takes words as they are written.
enum class Language : uint8_t { kNone = 0, kEnglish = 1 };

// By ISO 639-1 code, or `none`; empty means `en`. INVALID_ARGUMENT for "" names those that there
// are.
StatusOr<Language> LanguageOf(std::string_view code);

// What a word is without its ending (Snowball stemmers, Porter 2001). `word` is case-folded UTF-8
// of letters; the result lives until this thread's next call. Thread-safe.
std::string_view Stem(Language language, std::string_view word);

// True for a case-folded word so common that sharing it says little about two texts. German,
// English, Spanish, French, Italian, Dutch and Portuguese have such words, the others none.
// Thread-safe.
bool IsStopWord(Language language, std::string_view word);

// What is left of a word when an article or pronoun that has lost its vowel before it is taken off:
// `avion` of `l'avion`. French, Italian, Catalan and Irish have such; words of others stay as they
// are. `word` is case-folded, its apostrophe the keyboard's. Thread-safe.
std::string_view WithoutElision(Language language, std::string_view word);

}  // namespace cordon
