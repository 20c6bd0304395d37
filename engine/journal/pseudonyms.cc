#include "engine/journal/pseudonyms.h"

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/crypto/encoding.h"

namespace cordon {
namespace {
constexpr size_t kNameBytes = 16;  // 128 bits: no two of a tenant's names meet by chance
}  // namespace

Pseudonyms::Pseudonyms(const SecretKey& master, std::string_view tenant)
    : names_(DeriveKey(master, fmt::format("cordon journal names 1 {}", tenant))),
      digests_(DeriveKey(master, fmt::format("cordon journal digests 1 {}", tenant))) {}

std::string Pseudonyms::Of(std::string_view kind, std::string_view value) const {
  CORDON_CHECK(kind.find('\0') == std::string_view::npos);
  std::string bytes(kind);
  bytes += '\0';
  bytes += value;
  return HexEncode(AsBytes(names_.Of(bytes)).substr(0, kNameBytes));
}

std::string Pseudonyms::Digest(std::string_view text) const {
  return HexEncode(AsBytes(digests_.Of(text)));
}

}  // namespace cordon
