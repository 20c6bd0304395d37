// A caller who is taken for another, or for anybody.
#include "engine/identity/api_key.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <type_traits>

#include "engine/base/limits.h"

namespace cordon {
namespace {

// Proofs come from Authenticator alone: nothing else compiles.
static_assert(!std::is_default_constructible_v<Authenticated>);
static_assert(!std::is_constructible_v<Authenticated, std::string, std::string,
                                       std::shared_ptr<const Grant>, bool>);

class Keys : public testing::Test {
 protected:
  // A key in force.
  NewKey Add(const std::string& tenant, const std::string& principal) {
    NewKey key = *MakeKey(tenant);
    Grant grant;
    grant.principal = principal;
    stored_[{tenant, key.id}] = {key.digest, std::make_shared<const Grant>(grant)};
    return key;
  }
  Authenticator Gate(std::optional<std::string> dev_key = std::nullopt) {
    return Authenticator(
        [this](std::string_view tenant, std::string_view id) -> std::optional<StoredKey> {
          const auto it = stored_.find({std::string(tenant), std::string(id)});
          if (it == stored_.end()) return std::nullopt;
          return it->second;
        },
        std::move(dev_key));
  }
  static void ExpectRefused(const Authenticator& gate, const std::string& header) {
    const auto refused = gate.Authenticate(header);
    ASSERT_FALSE(refused.ok()) << header;
    const Status none = gate.Authenticate("").status();
    EXPECT_EQ(refused.status().ToString(), none.ToString()) << "tells why: " << header;
    EXPECT_EQ(refused.status().code(), StatusCode::kUnauthenticated);
  }

  std::map<std::pair<std::string, std::string>, StoredKey> stored_;
};

TEST_F(Keys, AGoodKeyIsRefused) {
  const NewKey key = Add("acme", "service:x");
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER ", "bEaReR "}) {
    const auto caller = Gate().Authenticate(scheme + key.bearer);
    ASSERT_TRUE(caller.ok()) << scheme;
    EXPECT_EQ(caller->tenant(), "acme");
    EXPECT_EQ(caller->key_id(), key.id);
    EXPECT_EQ(caller->grant().principal, "service:x");
    EXPECT_FALSE(caller->dev());
  }
}

TEST_F(Keys, AHeaderThatIsNoneIsAccepted) {
  const NewKey key = Add("acme", "service:x");
  const Authenticator gate = Gate();
  for (const std::string& header :
       {std::string(), key.bearer, "Bearer" + key.bearer, "Bearer  " + key.bearer,
        "Bearer\t" + key.bearer, " Bearer " + key.bearer, "Basic " + key.bearer,
        "Bearer " + key.bearer + " ", "Bearer " + key.bearer + "\n", "Bearer " + key.bearer + "=",
        "Bearer " + key.bearer + ", Bearer " + key.bearer, std::string("Bearer "),
        std::string("Bearer ."), std::string("Bearer .."), std::string("Bearer ...")}) {
    ExpectRefused(gate, header);
  }
}

TEST_F(Keys, AnotherSecretOpens) {
  const NewKey key = Add("acme", "service:x");
  const NewKey other = Add("acme", "service:y");
  const Authenticator gate = Gate();
  const std::string secret(ParseKey(key.bearer)->secret);
  const std::string other_secret(ParseKey(other.bearer)->secret);
  for (const std::string& wrong :
       {other_secret, std::string(), secret.substr(1), secret.substr(0, secret.size() - 1),
        secret + "A", "." + secret, secret + ".", secret + "." + secret, key.digest,
        std::string(32, '\0')}) {
    ExpectRefused(gate, "Bearer " + key.id + "." + wrong);
  }
  std::string flipped = secret;
  flipped[0] = flipped[0] == 'A' ? 'B' : 'A';
  ExpectRefused(gate, "Bearer " + key.id + "." + flipped);
}

TEST_F(Keys, AKeyOpensAnotherTenant) {
  const NewKey key = Add("acme", "service:x");
  Add("rival", "service:x");
  const auto parts = *ParseKey(key.bearer);
  const std::string number(parts.id.substr(parts.id.find('.') + 1));
  ExpectRefused(Gate(), "Bearer rival." + number + "." + std::string(parts.secret));
  ExpectRefused(Gate(), "Bearer ." + number + "." + std::string(parts.secret));
}

TEST_F(Keys, ARevokedKeyStillOpens) {
  const NewKey key = Add("acme", "service:x");
  const Authenticator gate = Gate();
  ASSERT_TRUE(gate.Authenticate("Bearer " + key.bearer).ok());
  stored_.clear();
  ExpectRefused(gate, "Bearer " + key.bearer);
}

TEST_F(Keys, AStoredKeyWithoutADigestOpensToAll) {
  const NewKey key = Add("acme", "service:x");
  stored_.begin()->second.digest = "";
  ExpectRefused(Gate(), "Bearer " + key.bearer);
  stored_.begin()->second.digest = std::string(32, '\0');
  ExpectRefused(Gate(), "Bearer " + key.bearer);
}

TEST_F(Keys, OverlongKeysCostTime) {
  const auto of_bytes = [](size_t bytes) { return "a.b." + std::string(bytes - 4, 'x'); };
  EXPECT_TRUE(ParseKey(of_bytes(limits::kKeyBytes)));
  EXPECT_FALSE(ParseKey(of_bytes(limits::kKeyBytes + 1)));
  EXPECT_FALSE(ParseKey(of_bytes(1000)));
  EXPECT_FALSE(ParseKey("a.b"));
  EXPECT_FALSE(ParseKey(""));
  ExpectRefused(Gate(), "Bearer " + std::string(1 << 20, '.'));
}

TEST_F(Keys, TheDevelopmentKeyOpensInProduction) {
  const NewKey dev = *MakeDevKey("default");
  ExpectRefused(Gate(), "Bearer " + dev.bearer);
  const Authenticator gate = Gate(dev.bearer);
  const auto caller = gate.Authenticate("Bearer " + dev.bearer);
  ASSERT_TRUE(caller.ok());
  EXPECT_TRUE(caller->dev());
  EXPECT_EQ(caller->grant().principal, "service:dev");
  ExpectRefused(gate, "Bearer " + dev.id + ".wrong");
  // Another run's development key.
  ExpectRefused(gate, "Bearer " + MakeDevKey("default")->bearer);
}

TEST_F(Keys, ADamagedDevelopmentKeyOpensToAll) {
  for (const char* damaged : {"", "garbage", "a.b"}) {
    const Authenticator gate = Gate(damaged);
    ExpectRefused(gate, "");
    ExpectRefused(gate, std::string("Bearer ") + damaged);
    ExpectRefused(gate, "Bearer ..");
  }
}

TEST_F(Keys, TwoKeysAreOne) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const NewKey key = *MakeKey("t");
    EXPECT_TRUE(seen.insert(key.id).second);
    EXPECT_TRUE(seen.insert(key.bearer).second);
    EXPECT_NE(key.id, MakeDevKey("t")->id);
    EXPECT_EQ(ParseKey(key.bearer)->secret.size(), 43u);  // 256 bits
    EXPECT_EQ(key.digest.find(ParseKey(key.bearer)->secret), key.digest.npos);
  }
}

}  // namespace
}  // namespace cordon
