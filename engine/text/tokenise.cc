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

}  // namespace

Words Tokenise(std::string_view text) {
  Words words;
  words.folded_ = Fold(text);
  const std::string_view folded = words.folded_;
  UErrorCode error = U_ZERO_ERROR;
  UText utext = UTEXT_INITIALIZER;
  utext_openUTF8(&utext, folded.data(), static_cast<int64_t>(folded.size()), &error);
  icu::BreakIterator* iterator = WordIterator();
  iterator->setText(&utext, error);
  CORDON_CHECK(U_SUCCESS(error));
  int32_t begin = iterator->first();
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE;
       begin = end, end = iterator->next()) {
    const Words::Span span{static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin)};
    if (HoldsLetterOrDigit(folded.substr(span.begin, span.size))) words.spans_.push_back(span);
  }
  utext_close(&utext);
  return words;
}

}  // namespace cordon
