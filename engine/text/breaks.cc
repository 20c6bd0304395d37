#include "engine/text/breaks.h"

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <memory>
#include <string>

#include "engine/base/check.h"
#include "engine/text/blocks.h"

namespace cordon {
namespace {

// ICU ends a sentence at every line feed; in wrapped text it is a space.
std::string WithoutWrapping(std::string_view text) {
  std::string joined(text);
  for (size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (!IsListLine(rest.substr(0, rest.find('\n')))) joined[at] = ' ';
  }
  return joined;
}

// Making one costs more than using it, and none may be shared by threads.
icu::BreakIterator* IteratorOf(Grain grain) {
  thread_local std::unique_ptr<icu::BreakIterator> sentences;
  thread_local std::unique_ptr<icu::BreakIterator> lines;
  auto& iterator = grain == Grain::kSentence ? sentences : lines;
  if (iterator == nullptr) {
    UErrorCode error = U_ZERO_ERROR;
    const icu::Locale& locale = icu::Locale::getRoot();
    iterator.reset(grain == Grain::kSentence
                       ? icu::BreakIterator::createSentenceInstance(locale, error)
                       : icu::BreakIterator::createLineInstance(locale, error));
    CORDON_CHECK(U_SUCCESS(error));
  }
  return iterator.get();
}

}  // namespace

std::vector<size_t> FindBreaks(std::string_view text, Grain grain) {
  std::vector<size_t> ends;
  if (grain == Grain::kLine || grain == Grain::kCodePoint) {
    for (size_t at = 0; at < text.size();) {
      size_t end = at + 1;
      if (grain == Grain::kLine) {
        end = std::min(text.find('\n', at), text.size() - 1) + 1;
      } else {
        while (end < text.size() && CodePointBoundary(text, end) != end) ++end;
      }
      ends.push_back(at = end);
    }
    return ends;
  }
  const std::string joined = grain == Grain::kSentence ? WithoutWrapping(text) : std::string();
  if (grain == Grain::kSentence) text = joined;
  UErrorCode error = U_ZERO_ERROR;
  UText utext = UTEXT_INITIALIZER;
  utext_openUTF8(&utext, text.data(), static_cast<int64_t>(text.size()), &error);
  icu::BreakIterator* iterator = IteratorOf(grain);
  iterator->setText(&utext, error);
  CORDON_CHECK(U_SUCCESS(error));
  iterator->first();
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE; end = iterator->next()) {
    ends.push_back(static_cast<size_t>(end));
  }
  utext_close(&utext);
  return ends;
}

size_t CodePointBoundary(std::string_view text, size_t at) {
  if (at >= text.size()) return text.size();
  // A code point has at most three bytes after its first; more of them are no UTF-8.
  for (size_t back = 0; back <= 3 && back <= at; ++back) {
    if ((static_cast<unsigned char>(text[at - back]) & 0xc0) != 0x80) return at - back;
  }
  return at;
}

}  // namespace cordon
