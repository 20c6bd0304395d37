#include "engine/text/tokenise.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <memory>

#include "engine/base/check.h"

namespace cordon {
namespace {

std::string Fold(std::string_view text) {
  std::string folded;
  if (std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; })) {
    folded = text;
    for (char& c : folded) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
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

enum class CharKind : uint8_t { kLetter, kDigit, kJoiner, kBetweenAny, kBetweenDigits, kOther };

// The classes of UAX #29 as far as ASCII has them, after folding: ExtendNumLet, MidNumLet with the
// single quote, MidNum. ICU 72 takes the at sign for a letter, and the colon for none between two.
CharKind CharKindOf(char c) {
  if ((c >= 'a' && c <= 'z') || c == '@') return CharKind::kLetter;
  if (c >= '0' && c <= '9') return CharKind::kDigit;
  if (c == '_') return CharKind::kJoiner;
  if (c == '.' || c == '\'') return CharKind::kBetweenAny;
  if (c == ',' || c == ';') return CharKind::kBetweenDigits;
  return CharKind::kOther;
}

bool IsAlphanumeric(char c) { return CharKindOf(c) <= CharKind::kDigit && c != '@'; }
bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

}  // namespace

// Cuts what is ASCII itself, at a tenth of ICU's cost, and asks ICU about the rest. Between a blank
// and what follows there is always a boundary, so that both may be taken apart there.
class WordCutter {
 public:
  explicit WordCutter(Words* words) : words_(*words), folded_(words->folded_) {}

  void Cut() {
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
  // Up to the next blanks, and over them.
  size_t EndOfPiece(size_t at, bool* ascii) const {
    *ascii = true;
    for (; at < folded_.size() && !IsBlank(folded_[at]); ++at) *ascii &= IsAscii(folded_[at]);
    while (at < folded_.size() && IsBlank(folded_[at])) ++at;
    return at;
  }

  // Whether the word goes on behind `at`, its last character: how many characters farther, or 0.
  size_t Step(size_t at, size_t end) const {
    if (at + 1 >= end) return 0;
    const CharKind next = CharKindOf(folded_[at + 1]);
    if (next <= CharKind::kJoiner) return 1;
    if (at + 2 >= end) return 0;
    const CharKind here = CharKindOf(folded_[at]);
    if (CharKindOf(folded_[at + 2]) != here) return 0;
    const bool joined = next == CharKind::kBetweenAny ||
                        (here == CharKind::kDigit && next == CharKind::kBetweenDigits);
    return here <= CharKind::kDigit && joined ? 2 : 0;
  }

  void CutAscii(size_t begin, size_t end) {
    for (size_t at = begin; at < end; ++at) {
      if (CharKindOf(folded_[at]) > CharKind::kJoiner) continue;
      const size_t first = at;
      bool holds = IsAlphanumeric(folded_[at]);
      for (size_t step = Step(at, end); step > 0; step = Step(at, end)) {
        at += step;
        holds |= IsAlphanumeric(folded_[at]);
      }
      if (holds) Add(first, at + 1);
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
