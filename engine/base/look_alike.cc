#include "engine/base/look_alike.h"

#include <unicode/normalizer2.h>
#include <unicode/unistr.h>
#include <unicode/uspoof.h>

#include <utility>

#include "engine/base/check.h"

namespace cordon {
namespace {

// Immutable once it is made, so thread-safe; lives as long as the process.
const USpoofChecker* Checker() {
  static const USpoofChecker* const checker = [] {
    UErrorCode error = U_ZERO_ERROR;
    const USpoofChecker* opened = uspoof_open(&error);
    CORDON_CHECK(U_SUCCESS(error));
    return opened;
  }();
  return checker;
}

std::string SkeletonOf(const icu::UnicodeString& name) {
  UErrorCode error = U_ZERO_ERROR;
  icu::UnicodeString skeleton;
  uspoof_getSkeletonUnicodeString(Checker(), 0, name, skeleton, &error);
  CORDON_CHECK(U_SUCCESS(error));
  std::string utf8;
  return skeleton.toUTF8String(utf8);
}

icu::UnicodeString Folded(const icu::UnicodeString& name) {
  UErrorCode error = U_ZERO_ERROR;
  const auto* fold = icu::Normalizer2::getNFKCCasefoldInstance(error);
  CORDON_CHECK(U_SUCCESS(error));
  icu::UnicodeString folded = fold->normalize(name, error);
  CORDON_CHECK(U_SUCCESS(error));
  return folded;
}

}  // namespace

Looks::Looks(std::string_view name) {
  const auto utf16 = icu::UnicodeString::fromUTF8(
      icu::StringPiece(name.data(), static_cast<int32_t>(name.size())));
  as_written_ = SkeletonOf(utf16);
  folded_ = SkeletonOf(Folded(utf16));
}

void LookAlikes::Add(std::string_view name) {
  Looks looks(name);
  as_written_.insert(std::move(looks.as_written_));
  folded_.insert(std::move(looks.folded_));
}

bool LookAlikes::HasOneLike(std::string_view name) const {
  const Looks looks(name);
  return as_written_.contains(looks.as_written_) || folded_.contains(looks.folded_);
}

}  // namespace cordon
