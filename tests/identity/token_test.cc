// S6: a token that should not have been believed. Real keys and signatures, made by OpenSSL.
#include "engine/identity/token.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <type_traits>

#include "engine/base/random.h"
#include "engine/identity/api_key.h"
#include "tests/effort.h"
#include "tests/security/token_forge.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

// Proofs come from TokenVerifier alone: nothing else compiles.
static_assert(!std::is_default_constructible_v<VerifiedUser>);
static_assert(!std::is_constructible_v<VerifiedUser, UserClaims>);

constexpr int64_t kNow_s = 1'800'000'000;
constexpr Micros kNow = kNow_s * 1'000'000;
constexpr char kTokenIss[] = "https://login.example.org/";

std::string At(int64_t seconds) { return std::to_string(kNow_s + seconds); }

// Issuers are configured once for all tests: RSA keys take their time.
class World {
 public:
  World() {
    Write("corp.jwks", {rsa.Jwk("r1"), ec.Jwk("e1"), ed.Jwk("d1"), small.Jwk("small"),
                        R"({"kty":"oct","kid":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQ"})"});
    Write("partner.jwks", {partner.Jwk("p1"), rsa_of_partner.Jwk("r1")});
    Issuer corp = Base("corp", kTokenIss, "default");
    corp.algorithms = {TokenAlgorithm::kRs256, TokenAlgorithm::kEs256, TokenAlgorithm::kEdDsa};
    Issuer claims = Base("claims", "https://claims.example.org", "default");
    claims.jwks = corp.jwks;
    claims.groups = Issuer::Groups();
    claims.clearance = {"clearance", {{"secret", {Clearance::Kind::kNamed, "secret", {"x"}}}}};
    claims.principal_claim = "email";
    claims.principal_prefix = "user:mail/";
    corp.jwks = claims.jwks = scratch / "corp.jwks";
    Issuer other = Base("partner", "https://partner.example.org", "rival");
    other.jwks = scratch / "partner.jwks";
    auto opened = TokenVerifier::Open({corp, claims, other}, 1);
    CORDON_CHECK(opened.ok());
    verifier = *std::move(opened);
  }

  static Issuer Base(const std::string& name, const std::string& iss, const std::string& tenant) {
    Issuer issuer;
    issuer.name = name;
    issuer.iss = iss;
    issuer.tenant = tenant;
    issuer.audiences = {"cordon", "https://cordon.example.org"};
    issuer.algorithms = {TokenAlgorithm::kEs256};
    issuer.grant.rights.Add(Right::kQuery);
    issuer.grant.clearance = {Clearance::Kind::kNamed, "internal", {}};
    return issuer;
  }

  void Write(const std::string& name, const std::vector<std::string>& jwks) const {
    std::ofstream(scratch / name) << KeySetText(jwks);
  }

  ScratchDirectory scratch;
  const ForgeKey rsa = ForgeKey::Rsa(), ec = ForgeKey::Ec(), ed = ForgeKey::Ed();
  const ForgeKey small = ForgeKey::Rsa(1024), partner = ForgeKey::Ec(), stranger = ForgeKey::Rsa();
  const ForgeKey rsa_of_partner = ForgeKey::Rsa(), ec_stranger = ForgeKey::Ec();
  std::unique_ptr<TokenVerifier> verifier;
};

const World& TheWorld() {
  static const World world;
  return world;
}

Members GoodClaims() {
  return {{"iss", Quoted(kTokenIss)}, {"sub", "\"ana\""}, {"aud", "\"cordon\""},
          {"iat", At(-10)},           {"exp", At(300)},   {"jti", "\"1\""}};
}

Members With(Members members, const std::string& name, const std::string& value) {
  members[name] = value;
  return members;
}

Members Without(Members members, const std::string& name) {
  members.erase(name);
  return members;
}

Members GoodHeader() { return {{"alg", "\"RS256\""}, {"kid", "\"r1\""}, {"typ", "\"JWT\""}}; }

class Tokens : public testing::Test {
 protected:
  const World& world_ = TheWorld();

  StatusOr<std::shared_ptr<const VerifiedUser>> Verify(const std::string& token,
                                                       Micros now = kNow) const {
    return world_.verifier->Verify(token, now);
  }
  std::string Rsa(const Members& claims) const { return TokenBy(world_.rsa, "r1", claims); }
  std::string RsaHeader(const Members& header) const {
    return SignedBy(world_.rsa, JsonOf(header), JsonOf(GoodClaims()));
  }
  // By the issuer that takes groups and clearance from claims.
  std::string Claimed(const std::string& name, const std::string& value) const {
    Members claims = With(GoodClaims(), "iss", "\"https://claims.example.org\"");
    claims["email"] = "\"ana@example.org\"";
    claims["groups"] = R"(["hr","all","hr"])";
    claims["clearance"] = "\"secret\"";
    claims[name] = value;
    if (value.empty()) claims.erase(name);
    return TokenBy(world_.ec, "e1", claims);
  }

  // Refused at `field`, so that it is not refused for another reason.
  void ExpectRefused(const std::string& what, const std::string& token, const std::string& field,
                     Micros now = kNow) {
    ++refused_;
    const auto user = Verify(token, now);
    ASSERT_FALSE(user.ok()) << what;
    EXPECT_EQ(user.status().code(), StatusCode::kUnauthenticated) << what;
    EXPECT_EQ(user.status().field(), field) << what << ": " << user.status().ToString();
  }
  int refused_ = 0;
};

TEST_F(Tokens, AGoodOneIsRefused) {
  for (const auto& [key, kid] :
       {std::pair(&world_.rsa, "r1"), {&world_.ec, "e1"}, {&world_.ed, "d1"}}) {
    const auto user = Verify(TokenBy(*key, kid, GoodClaims()));
    ASSERT_TRUE(user.ok()) << kid << user.status().ToString();
    EXPECT_EQ((*user)->tenant(), "default");
    EXPECT_EQ((*user)->issuer(), "corp");
    EXPECT_EQ((*user)->principal(), "user:ana");
    EXPECT_EQ((*user)->groups(), std::nullopt);
    EXPECT_EQ((*user)->clearance(), std::nullopt);
    EXPECT_EQ((*user)->ceiling().level, "internal");
    EXPECT_EQ((*user)->expires(), kNow + (300 + 60) * int64_t{1'000'000});
    const auto grant = world_.verifier->GrantOf(**user);
    EXPECT_EQ(grant->principal, "user:ana");
    EXPECT_TRUE(grant->rights.Has(Right::kQuery));
    EXPECT_FALSE(grant->rights.Has(Right::kIngest));
  }
  for (const char* audience : {R"(["a","cordon"])", R"(["https://cordon.example.org"])"}) {
    EXPECT_TRUE(Verify(Rsa(With(GoodClaims(), "aud", audience))).ok()) << audience;
  }
  for (const char* type : {"\"JWT\"", "\"jwt\"", "\"at+jwt\"", "\"application/at+jwt\""}) {
    EXPECT_TRUE(Verify(RsaHeader(With(GoodHeader(), "typ", type))).ok()) << type;
  }
  EXPECT_TRUE(Verify(RsaHeader(Without(GoodHeader(), "typ"))).ok());
  EXPECT_TRUE(Verify(Rsa(With(GoodClaims(), "nbf", At(0)))).ok());
}

TEST_F(Tokens, ABadOneIsAccepted) {
  const auto claims = [&](const std::string& name, const std::string& value) {
    return Rsa(With(GoodClaims(), name, value));
  };
  const auto header = [&](const std::string& name, const std::string& value) {
    return RsaHeader(With(GoodHeader(), name, value));
  };
  // Its time.
  ExpectRefused("expired", Rsa(With(With(GoodClaims(), "iat", At(-400)), "exp", At(-60))), "exp");
  ExpectRefused("not yet", claims("nbf", At(61)), "nbf");
  ExpectRefused("nbf is no number", claims("nbf", "\"1\""), "nbf");
  ExpectRefused("issued later", claims("iat", At(61)), "iat");
  ExpectRefused("too old", claims("iat", At(-3301)), "exp");
  ExpectRefused("lives too long", claims("exp", At(3591)), "exp");
  ExpectRefused("ends before it begins", claims("exp", At(-10)), "exp");
  ExpectRefused("exp as text", claims("exp", Quoted(At(300))), "exp");
  ExpectRefused("exp beyond time", claims("exp", "1e300"), "exp");
  ExpectRefused("exp negative", claims("exp", "-1"), "exp");
  ExpectRefused("no exp", Rsa(Without(GoodClaims(), "exp")), "exp");
  ExpectRefused("no iat", Rsa(Without(GoodClaims(), "iat")), "iat");
  // For whom, from whom, about whom.
  ExpectRefused("wrong aud", claims("aud", "\"other\""), "aud");
  ExpectRefused("aud in another case", claims("aud", "\"Cordon\""), "aud");
  ExpectRefused("aud list of others", claims("aud", R"(["a","b"])"), "aud");
  ExpectRefused("aud list with a number", claims("aud", R"(["cordon",1])"), "aud");
  ExpectRefused("aud empty", claims("aud", "[]"), "aud");
  ExpectRefused("no aud", Rsa(Without(GoodClaims(), "aud")), "aud");
  ExpectRefused("wrong iss", claims("iss", "\"https://evil.example.org/\""), "iss");
  ExpectRefused("iss without its slash", claims("iss", "\"https://login.example.org\""), "iss");
  ExpectRefused("iss with more", claims("iss", "\"https://login.example.org/x\""), "iss");
  ExpectRefused("no iss", Rsa(Without(GoodClaims(), "iss")), "iss");
  ExpectRefused("iss is a list", claims("iss", "[\"" + std::string(kTokenIss) + "\"]"), "iss");
  ExpectRefused("another issuer's key of the same name",
                TokenBy(world_.rsa_of_partner, "r1", GoodClaims()), "signature");
  ExpectRefused("another issuer's key", TokenBy(world_.partner, "p1", GoodClaims()), "header.kid");
  ExpectRefused("no sub", Rsa(Without(GoodClaims(), "sub")), "principal");
  ExpectRefused("empty sub", claims("sub", "\"\""), "principal");
  ExpectRefused("sub is a number", claims("sub", "7"), "principal");
  ExpectRefused("sub not in NFC", claims("sub", "\"e\xCC\x81\""), "principal");
  ExpectRefused("sub with a control character", claims("sub", "\"a\\u0001\""), "principal");
  ExpectRefused("sub too long", claims("sub", Quoted(std::string(252, 'a'))), "principal");
  ExpectRefused("sub with a NUL", claims("sub", "\"ana\\u0000\""), "claims");
  ExpectRefused("bound to a key", claims("cnf", R"({"jkt":"x"})"), "cnf");
  // The key.
  ExpectRefused("unknown kid", TokenBy(world_.rsa, "r2", GoodClaims()), "header.kid");
  ExpectRefused("no kid", RsaHeader(Without(GoodHeader(), "kid")), "header.kid");
  ExpectRefused("kid is a number", header("kid", "1"), "header.kid");
  ExpectRefused("a stranger's key", TokenBy(world_.stranger, "r1", GoodClaims()), "signature");
  ExpectRefused("a stranger's EC key", TokenBy(world_.ec_stranger, "e1", GoodClaims()),
                "signature");
  ExpectRefused("a key of 1024 bits", TokenBy(world_.small, "small", GoodClaims()), "header.kid");
  ExpectRefused(
      "an embedded jwk",
      SignedBy(world_.stranger, JsonOf(With(GoodHeader(), "jwk", world_.stranger.Jwk("r1"))),
               JsonOf(GoodClaims())),
      "header");
  for (const char* name : {"jku", "x5u", "x5c", "b64", "zip", "enc", "cty"}) {
    ExpectRefused(name, header(name, "\"https://evil.example.org/\""), "header");
  }
  ExpectRefused("crit", header("crit", R"(["exp"])"), "header");
  ExpectRefused("empty crit", header("crit", "[]"), "header");
  // Another kind of token.
  for (const char* type : {"\"logout+jwt\"", "\"JWE\"", "\"dpop+jwt\"", "1", "\"\""}) {
    ExpectRefused(type, header("typ", type), "header.typ");
  }
  std::printf("SUMMARY S6 rounds=%d accepted=0\n", refused_);
}

TEST_F(Tokens, TheAlgorithmIsTheTokensChoice) {
  const std::string claims = JsonOf(GoodClaims());
  const auto forged = [&](const std::string& alg, const std::string& kid,
                          const std::function<std::string(const std::string&)>& sign) {
    const std::string input = SigningInput(
        JsonOf({{"alg", Quoted(alg)}, {"kid", Quoted(kid)}, {"typ", "\"JWT\""}}), claims);
    const std::string signature = sign(input);
    return input + "." + Base64UrlEncode(signature);
  };
  const auto nothing = [](const std::string&) { return std::string(); };
  const auto rsa = [&](const std::string& input) { return world_.rsa.Sign(input); };
  const auto ec = [&](const std::string& input) { return world_.ec.Sign(input); };
  const auto ed = [&](const std::string& input) { return world_.ed.Sign(input); };
  for (const char* none : {"none", "None", "NONE", "nOnE", ""}) {
    ExpectRefused(none, forged(none, "r1", nothing), "signature");
    ExpectRefused(none, forged(none, "r1", rsa), "header.alg");
  }
  // HMAC with what everybody knows: the public key in its various forms.
  const std::string der = world_.rsa.PublicDer();
  for (const std::string& secret :
       {der, world_.rsa.Jwk("r1"), std::string("secret-secret-secret"), std::string()}) {
    const auto mac = [&](const std::string& input) { return Hs256(secret, input); };
    const auto twice = [&](const std::string& input) { return mac(input) + mac(input); };
    for (const char* kid : {"r1", "e1", "oct"}) {
      for (const char* alg : {"HS256", "RS256", "ES256"}) {
        ExpectRefused(alg, forged(alg, kid, mac), "signature");  // too short for any that counts
      }
      ExpectRefused("HS512", forged("HS512", kid, twice), "header.alg");
      const bool own = std::string(kid) == "e1";
      ExpectRefused("HMAC as ES256", forged("ES256", kid, twice), own ? "signature" : "header.kid");
    }
  }
  // The right key for another algorithm, and the right name for another key.
  ExpectRefused("RS256 by the EC key's name", forged("RS256", "e1", ec), "header.kid");
  ExpectRefused("ES256 by the RSA key's name", forged("ES256", "r1", rsa), "header.kid");
  ExpectRefused("EdDSA by the RSA key's name", forged("EdDSA", "r1", ed), "header.kid");
  ExpectRefused("ES256 signed as EdDSA", forged("ES256", "e1", ed), "signature");
  ExpectRefused("EdDSA signed as ES256", forged("EdDSA", "d1", ec), "signature");
  ExpectRefused("RS256 signed as ES256", forged("RS256", "r1", ec), "signature");
  const auto sha512 = [&](const std::string& input) { return world_.rsa.Sign(input, "SHA512"); };
  ExpectRefused("RS512", forged("RS512", "r1", sha512), "header.alg");
  ExpectRefused("RS512 as RS256", forged("RS256", "r1", sha512), "signature");
  for (const char* alg : {"rs256", "RS256 ", "PS256", "ES256K", "ES384", "Ed25519", "A128KW"}) {
    ExpectRefused(alg, forged(alg, "r1", rsa), "header.alg");
  }
  // A good key of the issuer's, of an algorithm that is not configured.
  Members partner = With(GoodClaims(), "iss", "\"https://partner.example.org\"");
  EXPECT_TRUE(Verify(TokenBy(world_.partner, "p1", partner)).ok());
  ExpectRefused("not configured", TokenBy(world_.rsa_of_partner, "r1", partner), "header.alg");
}

// At kTokenBytes and beyond.
TEST_F(Tokens, WhatIsNoTokenIsRead) {
  const std::string good = Rsa(GoodClaims());
  const std::string header = good.substr(0, good.find('.'));
  const std::string rest = good.substr(good.find('.'));
  const std::string signature = good.substr(good.rfind('.'));
  const auto with_claims = [&](const std::string& claims) {
    return SignedBy(world_.rsa, JsonOf(GoodHeader()), claims);
  };
  const std::string claims = JsonOf(GoodClaims());
  const std::string inside = claims.substr(0, claims.size() - 1);
  for (const std::string& text : {std::string(), std::string("."), std::string(".."),
                                  std::string("a.b.c"), header, header + ".", rest}) {
    EXPECT_FALSE(Verify(text).ok()) << text;
  }
  ExpectRefused("four parts", good + ".x", "token");
  ExpectRefused("a nested token", good + "." + good, "token");
  ExpectRefused("an encrypted token", header + ".a.b.c.d", "token");
  ExpectRefused("cut off", good.substr(0, good.size() - 1), "signature");
  ExpectRefused("half", good.substr(0, 100), "token");
  ExpectRefused("no signature", good.substr(0, good.rfind('.') + 1), "signature");
  ExpectRefused("padding", header + "=" + rest, "header");
  ExpectRefused("a space before", " " + good, "header");
  ExpectRefused("a newline after", good + "\n", "signature");
  ExpectRefused("a member twice", with_claims(inside + R"(,"sub":"eve"})"), "claims");
  ExpectRefused("a member twice within", with_claims(inside + R"(,"x":{"a":1,"a":2}})"), "claims");
  ExpectRefused("alg twice",
                SignedBy(world_.rsa, R"({"alg":"RS256","kid":"r1","alg":"RS256"})", claims),
                "header");
  ExpectRefused("more after it", with_claims(claims + "x"), "claims");
  ExpectRefused("an array", with_claims("[" + claims + "]"), "claims");
  ExpectRefused("not UTF-8", with_claims(inside + ",\"x\":\"\xff\"}"), "claims");
  ExpectRefused(
      "deep",
      with_claims(inside + ",\"x\":" + std::string(2500, '[') + std::string(2500, ']') + "}"),
      "claims");
  ExpectRefused(
      "claims exchanged",
      header + "." + Base64UrlEncode(JsonOf(With(GoodClaims(), "sub", "\"eve\""))) + signature,
      "signature");
  ExpectRefused("huge", Rsa(With(GoodClaims(), "x", Quoted(std::string(8000, 'x')))), "token");
  const auto padded = [&](size_t bytes) {
    return Rsa(With(GoodClaims(), "x", Quoted(std::string(bytes, 'x'))));
  };
  size_t most = 5000;
  most += (limits::kTokenBytes - padded(most).size()) * 3 / 4;  // of Base64
  while (padded(most).size() > limits::kTokenBytes) --most;
  while (padded(most + 1).size() <= limits::kTokenBytes) ++most;
  EXPECT_TRUE(Verify(padded(most)).ok());
  ExpectRefused("one byte too long", padded(most + 1), "token");
}

// Every character of a token counts.
TEST_F(Tokens, AChangedCharacterIsPassedOver) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
  const std::string tokens[] = {Rsa(GoodClaims()), TokenBy(world_.ec, "e1", GoodClaims()),
                                TokenBy(world_.ed, "d1", GoodClaims())};
  Effort effort("S6", 3000);
  Random random(effort.seed());
  while (effort.More()) {
    std::string token = tokens[random.Below(3)];
    char& place = token[random.Below(token.size())];
    const char other = kAlphabet[random.Below(kAlphabet.size())];
    if (place == other) continue;
    place = other;
    ASSERT_FALSE(Verify(token).ok()) << token;
  }
  effort.Report("accepted=0");
}

TEST_F(Tokens, TheSkewIsUnbounded) {
  const std::string token = Rsa(With(GoodClaims(), "nbf", At(-10)));
  constexpr Micros kSecond = 1'000'000;
  EXPECT_TRUE(Verify(token, kNow + 360 * kSecond - 1).ok());
  ExpectRefused("one microsecond later", token, "exp", kNow + 360 * kSecond);
  EXPECT_TRUE(Verify(token, kNow - 70 * kSecond).ok());
  ExpectRefused("one microsecond earlier", token, "iat", kNow - 70 * kSecond - 1);
  EXPECT_TRUE(Verify(Rsa(With(GoodClaims(), "exp", At(300) + ".5"))).ok());
}

TEST_F(Tokens, WhatWasBelievedOnceIsBelievedForEver) {
  const ForgeKey first = ForgeKey::Ec(), second = ForgeKey::Ec();
  const auto publish = [&](const ForgeKey& key) {
    world_.Write("moving.new", {key.Jwk("k")});
    std::filesystem::rename(world_.scratch / "moving.new", world_.scratch / "moving.jwks");
  };
  publish(first);
  Issuer issuer = World::Base("moving", kTokenIss, "default");
  issuer.jwks = world_.scratch / "moving.jwks";
  const auto verifier = *TokenVerifier::Open({issuer}, 1);
  const std::string token = TokenBy(first, "k", GoodClaims());
  const auto believed = [&](Micros now) { return verifier->Verify(token, now).ok(); };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(believed(kNow));
  EXPECT_FALSE(believed(kNow + 360'000'000));
  EXPECT_FALSE(believed(kNow - 71'000'000));
  std::string other = token;
  other[other.size() - 5] ^= 1;
  EXPECT_FALSE(verifier->Verify(other, kNow).ok());
  EXPECT_TRUE(believed(kNow));
  publish(second);  // of the same name
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (believed(kNow) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(believed(kNow)) << "its key is withdrawn";
}

// At kTokenGroups and beyond.
TEST_F(Tokens, AGroupIsLost) {
  const auto user = Verify(Claimed("x", "1"));
  ASSERT_TRUE(user.ok()) << user.status().ToString();
  EXPECT_EQ((*user)->principal(), "user:mail/ana@example.org");
  EXPECT_EQ(*(*user)->groups(), (std::vector<std::string>{"group:all", "group:hr"}));
  EXPECT_EQ((*user)->clearance()->level, "secret");
  EXPECT_TRUE((*Verify(Claimed("groups", "[]")))->groups()->empty()) << "not: the directory's";
  for (const char* marker : {"_claim_names", "_claim_sources", "hasgroups"}) {
    ExpectRefused(marker, Claimed(marker, R"({"groups":"src1"})"), "groups");
  }
  std::string many;
  for (size_t i = 0; i < limits::kTokenGroups; ++i) many += (i == 0 ? "\"a\"" : ",\"a\"");
  EXPECT_TRUE(Verify(Claimed("groups", "[" + many + "]")).ok());
  many += ",\"a\"";
  for (const std::string& groups :
       {std::string(), std::string("\"hr\""), std::string("{}"), std::string("null"),
        std::string(R"(["hr",1])"), std::string(R"(["hr",""])"), std::string(R"(["a\u0007"])"),
        std::string("[\"e\xCC\x81\"]"), "[\"" + std::string(260, 'a') + "\"]", "[" + many + "]"}) {
    ExpectRefused("groups " + groups.substr(0, 20), Claimed("groups", groups), "groups");
  }
  for (const char* clearance : {"", "\"top\"", "[\"secret\"]", "null", "\"Secret\"", "\"\""}) {
    ExpectRefused(clearance, Claimed("clearance", clearance), "clearance");
  }
  ExpectRefused("another claim names the user", Claimed("email", ""), "principal");
}

// Keys and tokens come in the same header.
class Gate : public Tokens {
 protected:
  Gate() {
    const NewKey key = *MakeKey("default");
    bearer_ = key.bearer;
    Grant grant;
    grant.principal = "service:app";
    const auto shared = std::make_shared<const Grant>(grant);
    gate_ = std::make_unique<Authenticator>(
        [key, shared](std::string_view, std::string_view id) -> std::optional<StoredKey> {
          if (id != key.id) return std::nullopt;
          return StoredKey{key.digest, shared};
        },
        std::nullopt);
    gate_->AcceptTokens({world_.verifier.get(), [] { return kNow; },
                         [this](std::string_view tenant) { return tenant == tenant_; }});
  }
  static void ExpectClosed(const StatusOr<Authenticated>& caller, const std::string& field) {
    ASSERT_FALSE(caller.ok());
    EXPECT_EQ(caller.status().code(), StatusCode::kUnauthenticated);
    EXPECT_EQ(caller.status().field(), field);
  }

  std::string bearer_;
  std::string tenant_ = "default";
  std::unique_ptr<Authenticator> gate_;
};

TEST_F(Gate, AKeyIsTakenForAToken) {
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(LooksLikeToken(MakeKey("e30")->bearer));
  EXPECT_TRUE(LooksLikeToken(Rsa(GoodClaims())));
  EXPECT_TRUE(LooksLikeToken(TokenBy(world_.ec, "e1", GoodClaims())));
  const auto key = gate_->Authenticate("Bearer " + bearer_);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->user(), nullptr);
  const auto caller = gate_->Authenticate("bearer " + Rsa(GoodClaims()));
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->key_id(), "token:corp");
  EXPECT_EQ(caller->tenant(), "default");
  EXPECT_EQ(caller->grant().principal, "user:ana");
  EXPECT_EQ(caller->user()->principal(), "user:ana");
  EXPECT_FALSE(caller->forwards());
}

TEST_F(Gate, ABadTokenTellsWhy) {
  const std::string none = gate_->Authenticate("").status().ToString();
  for (const std::string& token :
       {Rsa(With(GoodClaims(), "aud", "\"other\"")), TokenBy(world_.stranger, "r1", GoodClaims()),
        Rsa(GoodClaims()) + "x", std::string(20000, 'x') + ".." + std::string(90, 'x')}) {
    const auto refused = gate_->Authenticate("Bearer " + token);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.status().ToString(), none);
  }
  tenant_ = "gone";
  ExpectClosed(gate_->Authenticate("Bearer " + Rsa(GoodClaims())), "authorization");
  const Authenticator without([](auto, auto) { return std::nullopt; }, std::nullopt);
  ExpectClosed(without.Authenticate("Bearer " + Rsa(GoodClaims())), "authorization");
}

TEST_F(Gate, AForwardedTokenIsPassedOver) {
  const auto app = *gate_->Authenticate("Bearer " + bearer_);
  const auto with = gate_->Forwarding(app, Rsa(GoodClaims()));
  ASSERT_TRUE(with.ok());
  EXPECT_TRUE(with->forwards());
  EXPECT_EQ(with->user()->principal(), "user:ana");
  EXPECT_EQ(with->grant().principal, "service:app") << "the application's rights are its own";
  EXPECT_NE(with->key_id(), "token:corp");
  const std::string field = "cordon-user-token";
  ExpectClosed(gate_->Forwarding(app, ""), field);
  ExpectClosed(gate_->Forwarding(app, bearer_), field);
  ExpectClosed(gate_->Forwarding(app, "Bearer " + Rsa(GoodClaims())), field);
  ExpectClosed(gate_->Forwarding(app, Rsa(Without(GoodClaims(), "exp"))), field);
  const auto user = *gate_->Authenticate("Bearer " + Rsa(GoodClaims()));
  ExpectClosed(gate_->Forwarding(user, Rsa(GoodClaims())), field);
  ExpectClosed(gate_->Forwarding(*with, Rsa(GoodClaims())), field);
  tenant_ = "rival";
  const auto rival =
      TokenBy(world_.partner, "p1", With(GoodClaims(), "iss", "\"https://partner.example.org\""));
  ASSERT_TRUE(gate_->Authenticate("Bearer " + rival).ok());
  ExpectClosed(gate_->Forwarding(app, rival), field);
}

}  // namespace
}  // namespace cordon
