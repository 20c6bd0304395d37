// Any bytes as a token, as its claims or its header under a good signature, and as a key set.
// Refused with a reason, or taken for what it may be. The first byte, a digit, chooses.
#include "engine/identity/token.h"

#include <spdlog/spdlog.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "tests/security/token_forge.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

constexpr Micros kNow = 1'800'000'000'000'000;

class FuzzIssuer {
 public:
  FuzzIssuer() {
    spdlog::set_level(spdlog::level::err);
    std::ofstream(scratch_ / "keys") << KeySetText({key_.Jwk("k")});
    Issuer issuer;
    issuer.name = "fuzz";
    issuer.iss = "i";
    issuer.tenant = "default";
    issuer.audiences = {"c"};
    issuer.algorithms = {TokenAlgorithm::kRs256, TokenAlgorithm::kEs256, TokenAlgorithm::kEdDsa};
    issuer.jwks = scratch_ / "keys";
    issuer.groups = Issuer::Groups();
    issuer.clearance = {"l", {{"a", Clearance::All()}}};
    auto opened = TokenVerifier::Open({issuer}, 0);
    CORDON_CHECK(opened.ok());
    verifier_ = *std::move(opened);
  }

  void TryToken(const std::string& token) {
    LooksLikeToken(token);
    const auto user = verifier_->Verify(token, kNow);
    if (!user.ok()) {
      CORDON_CHECK(user.status().code() == StatusCode::kUnauthenticated);
      CORDON_CHECK(!user.status().message().empty());
      return;
    }
    const VerifiedUser& seen = **user;
    CORDON_CHECK(seen.principal().starts_with("user:") && seen.tenant() == "default");
    CORDON_CHECK(seen.groups() && seen.clearance() && seen.expires() > kNow);
    for (const auto& group : *seen.groups()) CORDON_CHECK(group.starts_with("group:"));
  }

  void TrySigned(const std::string& header, const std::string& claims) {
    TryToken(SignedBy(key_, header, claims));
  }

 private:
  ScratchDirectory scratch_;
  const ForgeKey key_ = ForgeKey::Ed();
  std::unique_ptr<TokenVerifier> verifier_;
};

void TryOne(FuzzIssuer* issuer, int kind, const std::string& text) {
  switch (kind) {
    case 0:
      return issuer->TryToken(text);
    case 1:
      return issuer->TrySigned(R"({"alg":"EdDSA","kid":"k"})", text);
    case 2:
      return issuer->TrySigned(text, R"({"iss":"i","sub":"u","aud":"c","iat":1799999999,)"
                                     R"("exp":1800000099,"groups":[],"l":"a"})");
    default:
      const auto keys = ParseKeySet(text);
      if (!keys.ok()) return;
      CORDON_CHECK(keys->size() <= limits::kKeysPerSet);
      for (const auto& key : *keys) CORDON_CHECK(!IsSignedBy(key, "e30.e30.AA"));
  }
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cordon::FuzzIssuer issuer;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  cordon::TryOne(&issuer, (data[0] - '0') % 4, text);
  return 0;
}
