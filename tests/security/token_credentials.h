// The columns of S3 that come with tokens of users: good ones, and what must not pass for one.
#pragma once

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "tests/security/credentials.h"
#include "tests/security/forged_issuer.h"
#include "tests/security/token_forge.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

// Issuers that a server trusts, and their keys.
class TokenIssuers {
 public:
  TokenIssuers() { std::ofstream(jwks_) << KeySetText({key_.Jwk("k"), rsa_.Jwk("r")}); }

  // One whose users may read, one whose users may do all that an issuer's users can be given, one
  // of another tenant, and one of a tenant that does not exist.
  std::vector<Issuer> Configured() const {
    auto wide = Named("wide", "default");
    for (const Right right : {Right::kIngest, Right::kLabel, Right::kGrant, Right::kAudit,
                              Right::kErase, Right::kExport}) {
      wide.grant.rights.Add(right);
    }
    return {Named("readers", "default"), wide, Named("theirs", "cobalt"), Named("lost", "nowhere")};
  }

  // The claims of a good token.
  static Members Claims(const std::string& issuer, const std::string& user) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    return {{"iss", Quoted("https://" + issuer)},
            {"sub", Quoted(user)},
            {"aud", "\"cordon\""},
            {"iat", std::to_string(now_s - 1)},
            {"exp", std::to_string(now_s + 1800)}};
  }
  std::string Token(const Members& claims) const { return TokenBy(key_, "k", claims); }
  std::string Good(const std::string& issuer, const std::string& user) const {
    return Token(Claims(issuer, user));
  }

  // What must not pass, by name; each is good but for what its name says.
  std::map<std::string, std::string> Bad() const {
    const auto with = [](const std::string& name, const std::string& value) {
      Members claims = Claims("readers", "ana");
      claims[name] = value;
      return claims;
    };
    const std::string claims = JsonOf(Claims("readers", "ana"));
    const auto headed = [&](const std::string& alg, const std::string& kid) {
      return SigningInput(R"({"alg":")" + alg + R"(","kid":")" + kid + "\"}", claims);
    };
    Members expired = with("iat", "1700000000");
    expired["exp"] = "1700001800";
    const std::string none = headed("none", "k"), confused = headed("HS256", "r");
    const std::string good = Token(with("x", "1"));
    std::string changed = good;
    char& character = changed[changed.size() - 10];
    character = character == 'A' ? 'B' : 'A';
    return {{"expired", Token(expired)},
            {"wrong audience", Token(with("aud", "\"other\""))},
            {"wrong issuer", Token(with("iss", "\"https://readers.example.org\""))},
            {"of no tenant", Good("lost", "ana")},
            {"forged", TokenBy(ForgeKey::Ec(), "k", with("x", "1"))},
            {"unknown key", TokenBy(key_, "other", with("x", "1"))},
            {"unsigned", none + "."},
            {"unsigned, with a signature", none + good.substr(good.rfind('.'))},
            {"signed by the public key",
             confused + "." + Base64UrlEncode(Hs256(rsa_.PublicDer(), confused))},
            {"one character off", changed},
            {"over-long", Token(with("x", Quoted(std::string(7000, 'x'))))}};
  }

 private:
  Issuer Named(const std::string& name, const std::string& tenant) const {
    Issuer issuer = ForgedIssuer(name, "https://" + name, jwks_);
    issuer.tenant = tenant;
    issuer.algorithms.push_back(TokenAlgorithm::kRs256);
    issuer.clock_skew_s = 0;  // it is one clock
    issuer.grant.destinations = {"chat"};
    return issuer;
  }

  ScratchDirectory scratch_;
  const std::string jwks_ = scratch_ / "keys.json";
  const ForgeKey key_ = ForgeKey::Ec(), rsa_ = ForgeKey::Rsa();
};

inline Metadata Forwarding(Metadata metadata, const std::string& token) {
  metadata.emplace("cordon-user-token", token);
  return metadata;
}

// Users who call with their token, and applications that forward one.
inline std::vector<Credential> UsersInForce(ServedStore* store, const ServedStore::Key& elsewhere,
                                            const TokenIssuers& issuers) {
  using namespace v1;  // NOLINT: the rights
  const std::set<v1::Right> reads = {RIGHT_QUERY};
  const std::set<v1::Right> wide = {RIGHT_QUERY, RIGHT_INGEST, RIGHT_LABEL, RIGHT_GRANT,
                                    RIGHT_AUDIT, RIGHT_ERASE,  RIGHT_EXPORT};
  const auto every = EveryRight();
  auto idle = every;
  idle.erase(RIGHT_ACT_AS);
  const auto app = store->MakeKey(store->admin(), GrantOf(every, kEveryReach));
  const auto no_actor = store->MakeKey(store->admin(), GrantOf(idle, kEveryReach));
  const std::string few = "clearance { symbol: SYMBOL_ALL } collections: '*' destinations: 'chat' ";
  const auto asserts_nobody = store->MakeKey(store->admin(), GrantOf(every, few));
  const auto theirs = store->MakeKey(elsewhere, GrantOf(every, kEveryReach));
  const auto forwards = [&](const ServedStore::Key& key, const std::string& issuer,
                            const std::string& user) {
    return Forwarding(BearerOf(key.bearer), issuers.Good(issuer, user));
  };
  return {
      {"a user's token", BearerOf(issuers.Good("readers", "bo")), std::nullopt, true,
       "token:readers", reads, Reach::kAll},
      {"a token with many rights", BearerOf(issuers.Good("wide", "bo")), std::nullopt, true,
       "token:wide", wide, Reach::kAll},
      {"a token of another tenant", BearerOf(issuers.Good("theirs", "bo")), std::nullopt, true,
       "token:theirs", reads, Reach::kOtherTenant},
      {"forwards ana's token", forwards(asserts_nobody, "readers", "ana"), std::nullopt, true,
       asserts_nobody.id, every, Reach::kAll},
      {"forwards another's token", forwards(app, "readers", "bo"), std::nullopt, true, app.id,
       every, Reach::kOtherUsers},
      {"forwards without act-as", forwards(no_actor, "readers", "ana"), std::nullopt, true,
       no_actor.id, idle, Reach::kForwardsInVain},
      {"forwards in another tenant", forwards(theirs, "theirs", "ana"), std::nullopt, true,
       theirs.id, every, Reach::kOtherTenant},
  };
}

// Bad tokens, as one's own and beside a key that would open everything.
inline std::vector<Credential> FalseUsers(ServedStore* store, const TokenIssuers& issuers) {
  const auto key = store->MakeKey(store->admin(), GrantOf(EveryRight(), kEveryReach));
  std::vector<Credential> all;
  const auto add = [&](const std::string& name, Metadata metadata) {
    all.push_back({name, std::move(metadata), std::nullopt, false, "", {}, Reach::kAll});
  };
  for (const auto& [name, token] : issuers.Bad()) {
    add("token " + name, BearerOf(token));
    add("forwards a token " + name, Forwarding(BearerOf(key.bearer), token));
  }
  const std::string good = issuers.Good("readers", "ana");
  add("a bad key beside a good token", Forwarding(BearerOf(key.bearer + "x"), good));
  add("no key beside a good token", Forwarding({}, good));
  add("forwards nothing", Forwarding(BearerOf(key.bearer), ""));
  add("forwards a key", Forwarding(BearerOf(key.bearer), key.bearer));
  add("forwards two", Forwarding(Forwarding(BearerOf(key.bearer), good), good));
  add("forwards another tenant's", Forwarding(BearerOf(key.bearer), issuers.Good("theirs", "ana")));
  add("a token beside a token", Forwarding(BearerOf(good), good));
  return all;
}

}  // namespace cordon
