// Fears about terms: that what someone looks for by name is not found, or that a question is about
// something else than its text.
#include "engine/text/terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/random.h"
#include "tests/seed.h"

namespace cordon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Counts = std::map<std::string, uint32_t>;

Counts Count(std::string_view text, Language language = Language::kEnglish) {
  const TermCounts counts = CountTerms(language, text);
  Counts all;
  for (size_t i = 0; i < counts.size(); ++i) {
    EXPECT_EQ(counts[i].hash, HashOfTerm(counts[i].text));
    EXPECT_TRUE(all.emplace(counts[i].text, counts[i].count).second) << counts[i].text;
  }
  return all;
}

// "term*count!" of a question: the mark of what is required.
std::vector<std::string> Asked(std::string_view text, Language language = Language::kEnglish) {
  std::vector<std::string> all;
  for (const auto& term : ParseTextQuery(language, text).terms) {
    all.push_back(term.text + "*" + std::to_string(term.count) + (term.required ? "!" : ""));
  }
  return all;
}

TEST(Terms, WordsLoseTheirEndings) {
  EXPECT_EQ(Count("Relational databases relate"), (Counts{{"relat", 2}, {"databas", 1}}));
  EXPECT_EQ(Count("Häuser Haus", *LanguageOf("de")), (Counts{{"haus", 2}}));
  EXPECT_EQ(Count("houses house", Language::kNone), (Counts{{"houses", 1}, {"house", 1}}));
}

// A thread remembers the words that it met last. A new thread has met none.
TEST(Terms, AWordGetsTheEndingOfAnotherThatCameBefore) {
  constexpr std::string_view kEndings[] = {"", "s", "ing", "ed", "ly", "ness", "ational", "ies"};
  Random random(TestSeed());
  std::vector<std::string> words;
  for (int i = 0; i < 30'000; ++i) {  // several for each place
    std::string& word = words.emplace_back();
    const uint64_t letters = 1 + random.Below(i % 100 == 0 ? 60 : 9);
    while (word.size() < letters) word += static_cast<char>('a' + random.Below(26));
    word += kEndings[random.Below(std::size(kEndings))];
  }
  const auto stem = [](const std::string& word) {
    return std::string(TermOfWord(Language::kEnglish, word));
  };
  std::vector<std::string> met;
  for (const std::string& word : words) met.push_back(stem(word));
  std::thread([&] {
    for (size_t i = words.size(); i-- > 0;) EXPECT_EQ(stem(words[i]), met[i]) << words[i];
  }).join();
  for (size_t i = 0; i < words.size(); i += 300) {
    std::thread([&] { EXPECT_EQ(stem(words[i]), met[i]) << words[i]; }).join();
  }
}

TEST(Terms, CodesAreFoundWholeAndByPart) {
  EXPECT_EQ(Count("CVE-2024-3094"),
            (Counts{{"cve", 1}, {"2024", 1}, {"3094", 1}, {"cve-2024-3094", 1}}));
  EXPECT_EQ(Count("wal_level"), (Counts{{"wal_level", 1}, {"wal", 1}, {"level", 1}}));
  EXPECT_EQ(Count("foo.bar.conf"),
            (Counts{{"foo.bar.conf", 1}, {"foo", 1}, {"bar", 1}, {"conf", 1}}));
  EXPECT_EQ(Count("kube-api/v1.2, next"), (Counts{{"kube-api/v1.2", 1},
                                                  {"kube", 1},
                                                  {"api", 1},
                                                  {"v1.2", 1},
                                                  {"v1", 1},
                                                  {"2", 1},
                                                  {"next", 1}}));
  EXPECT_EQ(Count("3.14 and a - b"), (Counts{{"3.14", 1}, {"and", 1}, {"a", 1}, {"b", 1}}));
}

// What people look for by its number: found as it is written, and ahead of its neighbour.
TEST(Terms, ANumberedThingIsFoundByAnother) {
  const auto shares = [](std::string_view question, std::string_view text) {
    const Counts counts = Count(text);
    size_t shared = 0;
    for (const auto& term : ParseTextQuery(Language::kEnglish, question).terms) {
      shared += counts.contains(term.text) ? 1 : 0;
    }
    return shared;
  };
  const std::vector<std::pair<std::string, std::string>> table = {
      {"ERR-4711", "ERR-4712"},
      {"err-4711", "ERR-4712"},
      {"§ 12.3(b)", "§ 12.3(a)"},
      {"§ 12.3(a)", "§ 12.3(b)"},
      {"12.3(a)(2)", "12.3(a)(3)"},
      {"ISO/IEC 27001:2022", "ISO 27002"},
      {"pg_dump(1)", "pg_dump(8)"},
      {"A-7", "A-8"},
      {"IT-2", "IT-3"},
      {"4711/26", "4711/27"},
      {"10.0.0.1", "10.0.0.2"},
      {"v1.2.3-rc4", "v1.2.3-rc5"},
      {"\u00a7\u00a04\u2011b", "\u00a7 4-c"},
      {"x=~y", "x z"}};
  for (const auto& [asked, other] : table) {
    EXPECT_GT(shares(asked, "see " + asked + ", please"), shares(asked, "see " + other)) << asked;
    EXPECT_EQ(shares(asked, "(" + asked + ")"), Asked(asked).size()) << asked << " in brackets";
    const TextQuery phrase = ParseTextQuery(Language::kEnglish, "\"" + asked + "\"");
    EXPECT_TRUE(HoldsPhrases(Language::kEnglish, phrase, Tokenise("see " + asked + ".")));
    EXPECT_FALSE(HoldsPhrases(Language::kEnglish, phrase, Tokenise("see " + other + "."))) << asked;
  }
  EXPECT_EQ(Count("12.3(b)"), (Counts{{"12.3", 1}, {"b", 1}, {"12.3(b", 1}}));
  EXPECT_EQ(Count("12.3(b)(2)"), (Counts{{"12.3", 1}, {"b", 1}, {"2", 1}, {"12.3(b)(2", 1}}));
  EXPECT_EQ(Count("one (two) three"), (Counts{{"one", 1}, {"two", 1}, {"three", 1}}));
}

// Word processors set other apostrophes and hyphens than keyboards have.
TEST(Terms, TypesettingHidesAWord) {
  EXPECT_EQ(Count("the driver\u2019s licence"), Count("the driver's licence"));
  EXPECT_EQ(Count("driver\u2019s").count("driver"), 1u);
  for (const char* hyphen : {"\u2010", "\u2011", "\u2012", "\u2013", "\u2212"}) {
    EXPECT_EQ(Count(std::string("ERR") + hyphen + "4711"), Count("ERR-4711")) << hyphen;
  }
  EXPECT_THAT(Asked("don\u2019t restart"), ElementsAre("restart*1"));
  EXPECT_THAT(Asked("\u2018quoted\u2019"), ElementsAre("quot*1"));
  const TextQuery phrase = ParseTextQuery(Language::kEnglish, "\"driver's licence\"");
  EXPECT_TRUE(HoldsPhrases(Language::kEnglish, phrase, Tokenise("A driver\u2019s licence.")));
  const TextQuery typeset = ParseTextQuery(Language::kEnglish, "\"driver\u2019s licence\"");
  EXPECT_TRUE(HoldsPhrases(Language::kEnglish, typeset, Tokenise("a DRIVER'S licence")));
  EXPECT_FALSE(HoldsPhrases(Language::kEnglish, typeset, Tokenise("a drivers licence")));
}

TEST(Terms, AnElidedArticleHidesAWord) {
  const std::vector<std::array<std::string, 3>> table = {
      {"fr", "l'avion", "avion"},     {"fr", "l\u2019Avion", "avion"}, {"fr", "qu'elle", "elle"},
      {"fr", "jusqu'alors", "alors"}, {"it", "dell'albero", "albero"}, {"it", "un'amica", "amica"},
      {"ca", "l'home", "home"},       {"ga", "d'athair", "athair"}};
  for (const auto& [code, elided, word] : table) {
    const Language language = *LanguageOf(code);
    EXPECT_EQ(Count(elided, language), Count(word, language)) << elided;
  }
  const Language french = *LanguageOf("fr");
  EXPECT_EQ(Count("aujourd'hui", french).count("hui"), 0u) << "it is one word";
  EXPECT_EQ(Count("l'avion", Language::kNone), (Counts{{"l'avion", 1}}));
  EXPECT_EQ(Count("d'accord").count("accord"), 0u) << "English elides none";
  EXPECT_THAT(Asked("qu'il l'avion", french), ElementsAre("avion*1"));
  const TextQuery phrase = ParseTextQuery(french, "\"l'avion\"");
  EXPECT_TRUE(HoldsPhrases(french, phrase, Tokenise("dans l\u2019avion")));
  EXPECT_FALSE(HoldsPhrases(french, phrase, Tokenise("un avion"))) << "a phrase is word for word";
  const TextQuery bare = ParseTextQuery(french, "\"avion rouge\"");
  EXPECT_TRUE(HoldsPhrases(french, bare, Tokenise("dans l\u2019avion rouge")));
  EXPECT_FALSE(HoldsPhrases(Language::kNone, bare, Tokenise("dans l'avion rouge")));
  EXPECT_FALSE(HoldsPhrases(french, bare, Tokenise("l'avion est rouge")));
}

TEST(Terms, WordsWithoutBlanksBetweenThem) {
  EXPECT_EQ(Count("北京大学", Language::kNone), (Counts{{"北京", 1}, {"大学", 1}}));
  EXPECT_EQ(Count("ภาษาไทย", Language::kNone), (Counts{{"ภาษา", 1}, {"ไทย", 1}}));
  EXPECT_EQ(Count("résumé", Language::kNone), (Counts{{"résumé", 1}})) << "accents count";
}

// Word for word at each place, as the definition says.
bool HoldsPhrasesPlainly(const TextQuery& query, const Words& words) {
  const auto stands_at = [&](const std::vector<std::string>& phrase, size_t at) {
    for (size_t i = 0; i < phrase.size(); ++i) {
      if (words[at + i] != phrase[i]) return false;
    }
    return true;
  };
  for (const auto& phrase : query.phrases) {
    bool held = false;
    for (size_t at = 0; at + phrase.size() <= words.size(); ++at) held |= stands_at(phrase, at);
    if (!held) return false;
  }
  return true;
}

TEST(Terms, PhrasesRepeatThemselves) {
  Random random(TestSeed());
  const auto some = [&](uint64_t most) {
    std::string text;
    for (uint64_t i = 1 + random.Below(most); i > 0; --i)
      text += random.Below(2) == 0 ? "a " : "b ";
    return text;
  };
  size_t held = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string asked;
    for (uint64_t phrases = 1 + random.Below(3); phrases > 0; --phrases) {
      asked += "\"" + some(5) + "\" c ";
    }
    const std::string text = some(12);
    const TextQuery query = ParseTextQuery(Language::kNone, asked);
    const bool holds = HoldsPhrases(Language::kNone, query, Tokenise(text));
    ASSERT_EQ(holds, HoldsPhrasesPlainly(query, Tokenise(text))) << asked << "in " << text;
    held += holds ? 1 : 0;
  }
  EXPECT_GT(held, 2'000u);
  EXPECT_LT(held, 18'000u);
}

// What takes a reader one question must not hold up a thread for seconds.
TEST(Terms, ALongPhraseIsLookedForInALongTextOfTheSameWords) {
  std::string text, asked;
  for (size_t i = 0; i < 32'000; ++i) text += "x ";
  for (size_t i = 0; i + 1 < limits::kQueryTerms; ++i) asked += "x ";
  const TextQuery query = ParseTextQuery(Language::kEnglish, "\"" + asked + "y\"");
  ASSERT_TRUE(CheckTextQuery(query).ok());
  const auto ticks = [](const auto& work) {  // of this process's processor time
    const std::clock_t before = std::clock();
    work();
    return std::clock() - before;
  };
  const std::clock_t counting = ticks([&] { CountTerms(Language::kEnglish, text + "y"); });
  const Words words = Tokenise(text + "y");
  bool holds = true;
  const std::clock_t looking =
      ticks([&] { holds = HoldsPhrases(Language::kEnglish, query, words); });
  EXPECT_TRUE(holds);
  EXPECT_LT(looking, 50 * counting) << "word by word at each place it is more than 1,000 times";
}

TEST(Terms, AnAddressIsFoundByItsName) {
  EXPECT_EQ(Count("ana@example.org"),
            (Counts{{"ana@example.org", 1}, {"ana", 1}, {"exampl", 1}, {"org", 1}}));
}

TEST(Terms, PartsAndChainsMakeATextLonger) {
  EXPECT_EQ(CountTerms(Language::kEnglish, "set wal_level for CVE-2024-3094").length(), 6u);
  EXPECT_EQ(CountTerms(Language::kEnglish, "").length(), 0u);
}

TEST(Terms, ALongTextLosesTerms) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "w" + std::to_string(i) + "_x.y" + std::to_string(i) + " ";
  const Counts counts = Count(text, Language::kNone);
  EXPECT_EQ(counts.at("x"), 5000u);
  EXPECT_EQ(counts.at("w4999_x.y4999"), 1u);
  EXPECT_EQ(counts.size(), 15001u);
}

TEST(Terms, AnEndingIsTakenOffOnceAndForgotten) {
  // Longer than what is remembered, and words that share its place.
  const std::string longest = std::string(40, 'a') + "ct";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Count(longest + "ing"), (Counts{{longest, 1}}));
    for (int word = 0; word < 20000; ++word) {
      const std::string stem = "q" + std::to_string(word % 10) + "x";
      ASSERT_EQ(Stem(Language::kEnglish, "banks"), "bank");
      ASSERT_EQ(Stem(*LanguageOf("fr"), "maisons"), "maison");
    }
  }
}

TEST(Questions, CountWhatIsRepeatedWithoutStopWords) {
  EXPECT_THAT(Asked("the cats and a cat"), ElementsAre("cat*2"));
  EXPECT_THAT(Asked("to be or not to be"), ElementsAre("be*2", "not*1", "or*1", "to*2"));
  EXPECT_THAT(Asked("the the", Language::kNone), ElementsAre("the*2"));
  EXPECT_THAT(Asked("wal_level"), ElementsAre("level*1", "wal*1", "wal_level*1"));
  EXPECT_THAT(Asked("… !"), IsEmpty());
}

TEST(Questions, OfSomeLanguageAreAboutItsStopWords) {
  const std::vector<std::array<std::string, 3>> table = {
      {"en", "how do I restart the server", "restart server"},
      {"de", "wie ist die Frist für den Urlaub", "frist urlaub"},
      {"es", "cuál es el plazo para las vacaciones", "plaz vacacion"},
      {"fr", "quel est le délai pour les congés", "cong del"},
      {"it", "qual è il termine per le ferie", "fer termin"},
      {"nl", "wat is de termijn voor het verlof", "termijn verlof"},
      {"pt", "qual é o prazo para as férias", "fér praz"}};
  for (const auto& [code, question, expected] : table) {
    std::string terms;
    for (const auto& term : ParseTextQuery(*LanguageOf(code), question).terms) {
      terms += (terms.empty() ? "" : " ") + term.text;
    }
    EXPECT_EQ(terms, expected) << code;
  }
}

TEST(Questions, QuotesAreRequired) {
  EXPECT_THAT(Asked("\"state of the art\" search"),
              ElementsAre("art*1!", "of*0!", "search*1", "state*1!", "the*0!"));
  const TextQuery query = ParseTextQuery(Language::kEnglish, "\"running dogs\" x \"\" 5\" disk");
  EXPECT_THAT(query.phrases, ElementsAre(ElementsAre("running", "dogs")));
  EXPECT_TRUE(HoldsPhrases(Language::kEnglish, query, Tokenise("The Running, dogs.")));
  EXPECT_FALSE(HoldsPhrases(Language::kEnglish, query, Tokenise("runs dogs")));
  EXPECT_FALSE(HoldsPhrases(Language::kEnglish, query, Tokenise("dogs running")));
  EXPECT_TRUE(HoldsPhrases(Language::kEnglish, ParseTextQuery(Language::kEnglish, "no quotes"),
                           Tokenise("")));
}

TEST(Questions, OfTooManyWordsAreTaken) {
  const auto check = [](const std::string& text) {
    return CheckTextQuery(ParseTextQuery(Language::kNone, text)).code();
  };
  std::string distinct, phrase;
  for (size_t i = 0; i < limits::kQueryTerms; ++i) {
    distinct += "w" + std::to_string(i) + " ";
    phrase += "x ";
  }
  EXPECT_EQ(check(distinct + "w0 w1"), StatusCode::kOk);
  EXPECT_EQ(check(distinct + "another"), StatusCode::kInvalidArgument);
  EXPECT_EQ(check("\"" + phrase + "\" y"), StatusCode::kOk);
  EXPECT_EQ(check("\"" + phrase + "\" \"y\""), StatusCode::kInvalidArgument);
}

TEST(Languages, UnknownOnesAreTaken) {
  EXPECT_EQ(*LanguageOf(""), Language::kEnglish);
  EXPECT_EQ(*LanguageOf("none"), Language::kNone);
  EXPECT_FALSE(LanguageOf("tlh").ok());
  EXPECT_FALSE(LanguageOf("EN").ok());
  EXPECT_TRUE(IsStopWord(*LanguageOf("de"), "für"));
  EXPECT_TRUE(IsStopWord(*LanguageOf("fr"), "à"));
  EXPECT_FALSE(IsStopWord(*LanguageOf("fi"), "ja"));
}

}  // namespace
}  // namespace cordon
