#include "engine/text/tokenise.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <array>
#include <memory>

#include "engine/base/check.h"

namespace cordon {
namespace {

// Without an early end: of a text that is ASCII, which is what pays, all is looked at anyhow.
bool IsAscii(std::string_view text) {
  unsigned all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

std::string Fold(std::string_view text) {
  std::string folded;
  if (IsAscii(text)) {
    folded = text;
    for (char& c : folded) {  // without branches: the compiler makes vectors of it
      const bool upper = static_cast<unsigned char>(c - 'A') < 26;
      c = static_cast<char>(c | (upper ? 'a' - 'A' : 0));
    }
    return folded;
  }
  UErrorCode error = U_ZERO_ERROR;
  const auto* casefold = icu::Normalizer2::getNFKCCasefoldInstance(error);
  CORDON_CHECK(U_SUCCESS(error));
  folded.reserve(text.size() + text.size() / 8);
  icu::StringByteSink<std::string> sink(&folded);
  casefold->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink,
                          nullptr, error);
  CORDON_CHECK(U_SUCCESS(error));
  return folded;
}

bool HoldsLetterOrDigit(std::string_view word) {
  const auto length = static_cast<int32_t>(word.size());
  for (int32_t i = 0; i < length;) {
    UChar32 c;
    U8_NEXT(reinterpret_cast<const uint8_t*>(word.data()), i, length, c);
    if (c >= 0 && u_isalnum(c)) return true;
  }
  return false;
}

// Making one costs more than using it, and none may be shared by threads.
icu::BreakIterator* WordIterator() {
  thread_local std::unique_ptr<icu::BreakIterator> iterator;
  if (iterator == nullptr) {
    UErrorCode error = U_ZERO_ERROR;
    iterator.reset(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
    CORDON_CHECK(U_SUCCESS(error));
  }
  return iterator.get();
}

// The classes of UAX #29 as far as ASCII has them, after folding: ExtendNumLet, MidNumLet with the
// single quote, MidNum. ICU 72 takes the at sign for a letter, and the colon for none between two.
enum CharKind : uint8_t {
  kLetter = 1,
  kDigit = 2,
  kJoiner = 4,
  kBetweenAny = 8,
  kBetweenDigits = 16,
  kHolds = 32,  // what makes a word of what has it
};
constexpr uint8_t kInWord = kLetter | kDigit | kJoiner;

constexpr uint8_t Classify(char c) {
  if (c >= 'a' && c <= 'z') return kLetter | kHolds;
  if (c == '@') return kLetter;
  if (c >= '0' && c <= '9') return kDigit | kHolds;
  if (c == '_') return kJoiner;
  if (c == '.' || c == '\'') return kBetweenAny;
  if (c == ',' || c == ';') return kBetweenDigits;
  return 0;
}

// A look-up costs less than what it is made of, and there are several for each character.
constexpr auto kCharKinds = [] {
  std::array<uint8_t, 256> kinds{};
  for (size_t c = 0; c < kinds.size(); ++c) kinds[c] = Classify(static_cast<char>(c));
  return kinds;
}();

uint8_t CharKindOf(char c) { return kCharKinds[static_cast<unsigned char>(c)]; }
bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

// Cuts what is ASCII itself, at a tenth of ICU's cost, and asks ICU about the rest. Between a blank
// and what follows there is always a boundary, so that both may be taken apart there.
class WordCutter {
 public:
  explicit WordCutter(Words* words) : words_(*words), folded_(words->folded_) {}

  void Cut() {
    words_.spans_.reserve(folded_.size() / kBytesOfWord + 1);
    if (IsAscii(folded_)) return CutAscii(0, folded_.size());
    for (size_t begin = 0; begin < folded_.size();) {
      bool ascii = true;
      size_t end = EndOfPiece(begin, &ascii);
      // Neighbours of one kind are cut at once.
      for (bool same = true; end < folded_.size();) {
        const size_t next = EndOfPiece(end, &same);
        if (same != ascii) break;
        end = next;
      }
      ascii ? CutAscii(begin, end) : CutByIcu(begin, end);
      begin = end;
    }
  }

 private:
  static constexpr size_t kBytesOfWord = 6;  // with the blank, in English: about as many words come

  // Up to the next blanks, and over them.
  size_t EndOfPiece(size_t at, bool* ascii) const {
    *ascii = true;
    for (; at < folded_.size() && !IsBlank(folded_[at]); ++at) {
      *ascii &= static_cast<unsigned char>(folded_[at]) < 0x80;
    }
    while (at < folded_.size() && IsBlank(folded_[at])) ++at;
    return at;
  }

  // Whether a word whose last character is before `at` goes on behind what stands there.
  bool GoesOn(size_t at, size_t end) const {
    if (at + 1 >= end) return false;
    const uint8_t last = CharKindOf(folded_[at - 1]), between = CharKindOf(folded_[at]);
    if ((last & CharKindOf(folded_[at + 1]) & (kLetter | kDigit)) == 0) return false;
    return between == kBetweenAny || ((last & kDigit) != 0 && between == kBetweenDigits);
  }

  void CutAscii(size_t begin, size_t end) {
    for (size_t at = begin; at < end; ++at) {
      if ((CharKindOf(folded_[at]) & kInWord) == 0) continue;
      const size_t first = at;
      uint8_t kinds = 0;
      for (; at < end; ++at) {
        const uint8_t kind = CharKindOf(folded_[at]);
        if ((kind & kInWord) == 0 && !GoesOn(at, end)) break;
        kinds |= kind;
      }
      if ((kinds & kHolds) != 0) Add(first, at);
    }
  }

  void CutByIcu(size_t from, size_t to) {
    const std::string_view piece = folded_.substr(from, to - from);
    UErrorCode error = U_ZERO_ERROR;
    UText utext = UTEXT_INITIALIZER;
    utext_openUTF8(&utext, piece.data(), static_cast<int64_t>(piece.size()), &error);
    icu::BreakIterator* iterator = WordIterator();
    iterator->setText(&utext, error);
    CORDON_CHECK(U_SUCCESS(error));
    int32_t begin = iterator->first();
    for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE;
         begin = end, end = iterator->next()) {
      const auto first = static_cast<size_t>(begin), last = static_cast<size_t>(end);
      if (HoldsLetterOrDigit(piece.substr(first, last - first))) Add(from + first, from + last);
    }
    utext_close(&utext);
  }

  void Add(size_t begin, size_t end) {
    words_.spans_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin)});
  }

  Words& words_;
  const std::string_view folded_;
};

Words Tokenise(std::string_view text) {
  Words words;
  words.folded_ = Fold(text);
  WordCutter(&words).Cut();
  return words;
}

}  // namespace cordon
