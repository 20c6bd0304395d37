// IsStopWord: function words of some languages, folded and sorted bytewise.
#include <algorithm>
#include <array>
#include <span>

#include "engine/base/check.h"
#include "engine/text/language.h"

namespace cordon {
namespace {

constexpr auto kEnglish = std::to_array<std::string_view>({
    "a",      "about",  "above",   "after", "again",   "all",    "also",    "am",    "an",
    "and",    "any",    "are",     "as",    "at",      "be",     "because", "been",  "before",
    "being",  "below",  "between", "both",  "but",     "by",     "can",     "can't", "cannot",
    "could",  "did",    "do",      "does",  "doesn't", "doing",  "don't",   "down",  "during",
    "each",   "few",    "for",     "from",  "further", "get",    "had",     "has",   "have",
    "having", "he",     "her",     "here",  "him",     "his",    "how",     "i",     "if",
    "in",     "into",   "is",      "isn't", "it",      "it's",   "its",     "just",  "may",
    "me",     "might",  "more",    "most",  "must",    "my",     "no",      "nor",   "not",
    "of",     "off",    "on",      "once",  "only",    "or",     "other",   "our",   "out",
    "over",   "own",    "same",    "shall", "she",     "should", "so",      "some",  "such",
    "than",   "that",   "the",     "their", "them",    "then",   "there",   "these", "they",
    "this",   "those",  "through", "to",    "too",     "under",  "until",   "up",    "upon",
    "us",     "use",    "used",    "using", "very",    "was",    "we",      "were",  "what",
    "when",   "where",  "whether", "which", "while",   "who",    "whom",    "why",   "will",
    "with",   "within", "without", "would", "you",     "your",
});
static_assert(std::is_sorted(kEnglish.begin(), kEnglish.end()));

constexpr auto kGerman = std::to_array<std::string_view>({
    "aber",     "alle",   "allem",   "allen",  "aller",  "alles",   "als",     "also",    "am",
    "an",       "andere", "anderen", "auch",   "auf",    "aus",     "bei",     "beim",    "bin",
    "bis",      "bist",   "da",      "damit",  "dann",   "das",     "dass",    "dein",    "deine",
    "dem",      "den",    "denn",    "der",    "des",    "dessen",  "dich",    "die",     "dies",
    "diese",    "diesem", "diesen",  "dieser", "dieses", "dir",     "doch",    "dort",    "du",
    "durch",    "ein",    "eine",    "einem",  "einen",  "einer",   "eines",   "er",      "es",
    "etwas",    "euch",   "euer",    "für",    "gegen",  "hab",     "habe",    "haben",   "hat",
    "hatte",    "hatten", "hier",    "hin",    "hinter", "ich",     "ihm",     "ihn",     "ihnen",
    "ihr",      "ihre",   "ihrem",   "ihren",  "ihrer",  "im",      "in",      "indem",   "ins",
    "ist",      "ja",     "jede",    "jedem",  "jeden",  "jeder",   "jedes",   "jener",   "jetzt",
    "kann",     "kein",   "keine",   "keinem", "keinen", "keiner",  "können",  "könnte",  "machen",
    "man",      "manche", "mein",    "meine",  "mich",   "mir",     "mit",     "muss",    "musste",
    "nach",     "nicht",  "nichts",  "noch",   "nun",    "nur",     "ob",      "oder",    "ohne",
    "sehr",     "sein",   "seine",   "seinem", "seinen", "seiner",  "selbst",  "sich",    "sie",
    "sind",     "so",     "solche",  "soll",   "sollte", "sondern", "sonst",   "um",      "und",
    "uns",      "unser",  "unter",   "viel",   "vom",    "von",     "vor",     "war",     "waren",
    "warst",    "was",    "weg",     "weil",   "weiter", "welche",  "welchem", "welchen", "welcher",
    "wenn",     "werde",  "werden",  "wie",    "wieder", "will",    "wir",     "wird",    "wirst",
    "wo",       "wollen", "während", "würde",  "würden", "zu",      "zum",     "zur",     "zwar",
    "zwischen", "über",
});
static_assert(std::is_sorted(kGerman.begin(), kGerman.end()));

constexpr auto kSpanish = std::to_array<std::string_view>({
    "a",      "al",      "algo",    "algunas", "algunos", "ante",     "antes",   "como",    "con",
    "contra", "cual",    "cuando",  "cuál",    "cuáles",  "cuándo",   "cómo",    "de",      "del",
    "desde",  "donde",   "durante", "dónde",   "e",       "el",       "ella",    "ellas",   "ellos",
    "en",     "entre",   "era",     "eran",    "es",      "esa",      "esas",    "ese",     "eso",
    "esos",   "esta",    "estas",   "este",    "esto",    "estos",    "está",    "están",   "fue",
    "fueron", "ha",      "había",   "han",     "hasta",   "hay",      "la",      "las",     "le",
    "les",    "lo",      "los",     "me",      "mi",      "mis",      "mucho",   "muchos",  "muy",
    "más",    "nada",    "ni",      "no",      "nos",     "nosotros", "nuestra", "nuestro", "o",
    "os",     "otra",    "otras",   "otro",    "otros",   "para",     "pero",    "poco",    "por",
    "porque", "que",     "quien",   "quienes", "quién",   "quiénes",  "qué",     "se",      "sea",
    "ser",    "si",      "sido",    "sin",     "sobre",   "son",      "soy",     "su",      "sus",
    "sí",     "también", "tanto",   "te",      "tiene",   "tienen",   "todo",    "todos",   "tu",
    "tus",    "un",      "una",     "uno",     "unos",    "vosotros", "y",       "ya",      "yo",
    "él",
});
static_assert(std::is_sorted(kSpanish.begin(), kSpanish.end()));

constexpr auto kFrench = std::to_array<std::string_view>({
    "ai",   "au",   "aux",   "avec", "c",    "ce",    "ces",     "cet",    "cette",   "d",
    "dans", "de",   "des",   "du",   "elle", "elles", "en",      "es",     "est",     "et",
    "eu",   "eux",  "fut",   "il",   "ils",  "j",     "je",      "l",      "la",      "le",
    "les",  "leur", "leurs", "lui",  "m",    "ma",    "mais",    "me",     "mes",     "moi",
    "mon",  "même", "n",     "ne",   "nos",  "notre", "nous",    "on",     "ont",     "ou",
    "où",   "par",  "pas",   "pour", "qu",   "que",   "quel",    "quelle", "quelles", "quels",
    "qui",  "s",    "sa",    "sans", "se",   "ses",   "si",      "son",    "sont",    "sous",
    "suis", "sur",  "t",     "ta",   "te",   "tes",   "toi",     "ton",    "tu",      "un",
    "une",  "vos",  "votre", "vous", "y",    "à",     "étaient", "était",  "été",     "être",
});
static_assert(std::is_sorted(kFrench.begin(), kFrench.end()));

constexpr auto kItalian = std::to_array<std::string_view>({
    "a",      "ad",     "agli",   "ai",     "al",     "alla",   "alle",   "allo",   "anche",
    "che",    "chi",    "ci",     "come",   "con",    "contro", "cui",    "da",     "dagli",
    "dai",    "dal",    "dalla",  "dalle",  "dallo",  "degli",  "dei",    "del",    "della",
    "delle",  "dello",  "di",     "dove",   "e",      "ed",     "era",    "erano",  "essere",
    "gli",    "ha",     "hai",    "hanno",  "ho",     "i",      "il",     "in",     "io",
    "l",      "la",     "le",     "lei",    "li",     "lo",     "loro",   "lui",    "ma",
    "me",     "mi",     "mia",    "mie",    "miei",   "mio",    "ne",     "negli",  "nei",
    "nel",    "nella",  "nelle",  "nello",  "noi",    "non",    "nostra", "nostro", "o",
    "per",    "perché", "più",    "qual",   "quale",  "quali",  "quando", "quella", "quelle",
    "quelli", "quello", "questa", "queste", "questi", "questo", "se",     "sei",    "si",
    "sia",    "siamo",  "sono",   "sta",    "stato",  "su",     "sua",    "sue",    "sugli",
    "sui",    "sul",    "sulla",  "sulle",  "suo",    "suoi",   "tra",    "tu",     "tua",
    "tuo",    "tutti",  "tutto",  "un",     "una",    "uno",    "vi",     "voi",    "è",
});
static_assert(std::is_sorted(kItalian.begin(), kItalian.end()));

constexpr auto kDutch = std::to_array<std::string_view>({
    "aan",    "al",    "alles",  "als",    "altijd", "andere", "ben",   "bij",   "daar",
    "dan",    "dat",   "de",     "der",    "deze",   "die",    "dit",   "doch",  "doen",
    "door",   "dus",   "een",    "eens",   "en",     "er",     "ge",    "geen",  "geweest",
    "haar",   "had",   "heb",    "hebben", "heeft",  "hem",    "het",   "hier",  "hij",
    "hoe",    "hun",   "iemand", "iets",   "ik",     "in",     "is",    "ja",    "je",
    "kan",    "kon",   "kunnen", "maar",   "me",     "meer",   "men",   "met",   "mij",
    "mijn",   "moet",  "na",     "naar",   "niet",   "niets",  "nog",   "nu",    "of",
    "om",     "omdat", "onder",  "ons",    "ook",    "op",     "over",  "reeds", "te",
    "tegen",  "toch",  "toen",   "tot",    "u",      "uit",    "uw",    "van",   "veel",
    "voor",   "want",  "waren",  "was",    "wat",    "werd",   "wezen", "wie",   "wil",
    "worden", "wordt", "zal",    "ze",     "zelf",   "zich",   "zij",   "zijn",  "zo",
    "zonder", "zou",
});
static_assert(std::is_sorted(kDutch.begin(), kDutch.end()));

constexpr auto kPortuguese = std::to_array<std::string_view>({
    "a",     "ao",     "aos",    "aquela", "aquelas", "aquele", "aqueles", "aquilo", "as",
    "até",   "com",    "como",   "da",     "das",     "de",     "dela",    "delas",  "dele",
    "deles", "depois", "do",     "dos",    "e",       "ela",    "elas",    "ele",    "eles",
    "em",    "entre",  "era",    "eram",   "essa",    "essas",  "esse",    "esses",  "esta",
    "estas", "este",   "estes",  "está",   "eu",      "foi",    "foram",   "há",     "isso",
    "isto",  "já",     "lhe",    "lhes",   "mais",    "mas",    "me",      "mesmo",  "meu",
    "meus",  "minha",  "minhas", "muito",  "na",      "nas",    "nem",     "no",     "nos",
    "nossa", "nossas", "nosso",  "nossos", "num",     "numa",   "não",     "nós",    "o",
    "os",    "ou",     "para",   "pela",   "pelas",   "pelo",   "pelos",   "por",    "quais",
    "qual",  "quando", "que",    "quem",   "se",      "sem",    "ser",     "seu",    "seus",
    "sua",   "suas",   "são",    "só",     "também",  "te",     "tem",     "teu",    "tu",
    "tua",   "têm",    "um",     "uma",    "você",    "vocês",  "vos",     "à",      "às",
    "é",
});
static_assert(std::is_sorted(kPortuguese.begin(), kPortuguese.end()));

std::span<const std::string_view> WordsOf(Language language) {
  struct List {
    std::string_view code;
    std::span<const std::string_view> words;
  };
  static const std::array<List, 7> kLists = {{{"en", kEnglish},
                                              {"de", kGerman},
                                              {"es", kSpanish},
                                              {"fr", kFrench},
                                              {"it", kItalian},
                                              {"nl", kDutch},
                                              {"pt", kPortuguese}}};
  for (const List& list : kLists) {
    if (*LanguageOf(list.code) == language) return list.words;
  }
  return {};
}

}  // namespace

bool IsStopWord(Language language, std::string_view word) {
  if (language == Language::kNone) return false;
  const std::span<const std::string_view> words =
      language == Language::kEnglish ? kEnglish : WordsOf(language);
  return std::binary_search(words.begin(), words.end(), word);
}

}  // namespace cordon
