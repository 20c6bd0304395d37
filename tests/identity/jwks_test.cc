// Keys that are old, of somebody else, or gone, and still believed. Real files and sockets.
#include "engine/identity/jwks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "engine/base/limits.h"
#include "tests/effort.h"
#include "tests/http/loopback_server.h"
#include "tests/security/token_forge.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr KeySet::Times kQuick = {milliseconds(20), milliseconds(5), milliseconds(2000),
                                  milliseconds(60'000)};
constexpr TokenAlgorithm kEs256 = TokenAlgorithm::kEs256;

// Whether `condition` comes true within 5 s.
bool Soon(const std::function<bool()>& condition) {
  const auto until = steady_clock::now() + std::chrono::seconds(5);
  while (steady_clock::now() < until) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return false;
}

class KeyFileTest : public testing::Test {
 protected:
  // As operators should: beside it, then renamed over it.
  void Publish(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    std::filesystem::rename(path_ + ".new", path_);
  }
  std::unique_ptr<KeySet> Watch(KeySet::Times times) {
    return std::make_unique<KeySet>("corp", MakeKeySource(path_, "", milliseconds(1000)), times,
                                    &room_);
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "keys.json";
  WaitingRoom room_{1};
};

// At kKeysPerSet and beyond.
TEST(KeySetText, AnUnsafeKeyIsUsed) {
  const ForgeKey rsa = ForgeKey::Rsa(), ec = ForgeKey::Ec(), ed = ForgeKey::Ed();
  const auto usable = [](const std::vector<std::string>& jwks) {
    const auto keys = ParseKeySet(KeySetText(jwks));
    return keys.ok() ? static_cast<int>(keys->size()) : -1;
  };
  EXPECT_EQ(usable({rsa.Jwk("a"), ec.Jwk("b"), ed.Jwk("c")}), 3);
  EXPECT_EQ(usable({rsa.Jwk("a", R"(,"use":"sig","alg":"RS256","key_ops":["verify"])")}), 1);
  EXPECT_EQ(usable({rsa.Jwk("a"), ec.Jwk("a")}), 2) << "the algorithm tells them apart";
  EXPECT_EQ(usable({ec.Jwk("a"), ForgeKey::Ec().Jwk("a"), ec.Jwk("b")}), 1) << "which of two?";
  EXPECT_EQ(usable({}), 0);
  std::vector<std::string> many(limits::kKeysPerSet, ec.Jwk("a"));
  EXPECT_EQ(usable(many), 0) << "which of them?";
  many.push_back(ec.Jwk("b"));
  EXPECT_EQ(usable(many), -1);
  for (const char* more :
       {R"(,"use":"enc")", R"(,"use":1)", R"(,"alg":"PS256")", R"(,"alg":"RS512")",
        R"(,"alg":"ES256")", R"(,"key_ops":["sign"])", R"(,"key_ops":"verify")", R"(,"d":"AQ")"}) {
    EXPECT_EQ(usable({rsa.Jwk("a", more)}), 0) << more;
  }
  EXPECT_EQ(usable({ForgeKey::Rsa(1024).Jwk("a")}), 0);
  EXPECT_EQ(usable({rsa.Jwk("")}), 0);
  EXPECT_EQ(usable({rsa.Jwk(std::string(300, 'k'))}), 0);
  for (const char* jwk :
       {R"({"kty":"oct","kid":"a","k":"c2VjcmV0"})", R"({"kty":"oct","kid":"a","alg":"RS256"})",
        R"({"kty":"RSA","kid":"a","n":"AQAB"})", R"({"kty":"RSA","kid":"a","n":1,"e":"AQAB"})",
        R"({"kty":"EC","crv":"P-384","kid":"a","x":"AQ","y":"AQ"})",
        R"({"kty":"EC","crv":"P-256","kid":"a","x":"AQ","y":"AQ"})",
        R"({"kty":"OKP","crv":"Ed448","kid":"a","x":"AQ"})",
        R"({"kty":"RSA","kid":"a","x5u":"https://evil.example.org/"})", "1", "null", "[]"}) {
    EXPECT_EQ(usable({jwk}), 0) << jwk;
    EXPECT_EQ(usable({jwk, ec.Jwk("b")}), 1) << "one bad key spoils the others: " << jwk;
  }
  EXPECT_EQ(usable(std::vector<std::string>(limits::kKeysPerSet + 1, "{}")), -1);
  for (const char* text : {"", "{}", "[]", R"({"keys":{}})", R"({"keys":[],"keys":[]})",
                           "{\"keys\":[", "{\"keys\":[]} x"}) {
    EXPECT_FALSE(ParseKeySet(text).ok()) << text;
  }
}

// Keys of RSA by the size of their modulus; to make such ones takes long, to write one does not.
TEST(KeySetText, AnRsaKeyOfAnUnsafeSizeIsUsed) {
  const auto usable = [](unsigned bits) {
    std::string modulus(bits / 8, '\xc5');
    const std::string jwk =
        R"({"kid":"a","kty":"RSA","e":"AQAB","n":")" + Base64UrlEncode(modulus) + "\"}";
    const auto keys = ParseKeySet(KeySetText({jwk}));
    return keys.ok() && keys->size() == 1;
  };
  EXPECT_TRUE(usable(limits::kRsaBitsMin));
  EXPECT_FALSE(usable(limits::kRsaBitsMin - 8));
  EXPECT_TRUE(usable(limits::kRsaBitsMax));
  EXPECT_FALSE(usable(limits::kRsaBitsMax + 8));
}

TEST(KeyPlaces, AnUnsafeOneIsTaken) {
  for (const char* good :
       {"/etc/keys.json", "keys.json", "https://a.example.org/keys", "https://10.0.0.1:8443/k?x=1",
        "http://127.0.0.1:80/k", "http://localhost/k", "http://[::1]:1/k"}) {
    EXPECT_TRUE(CheckKeySource("jwks", good).ok()) << good;
  }
  for (const char* bad :
       {"", "http://a.example.org/keys", "http://10.0.0.1/k", "http://127.0.0.1.example.org/k",
        "http://127.0.0.1@evil.example.org/k", "http://localhost@evil.example.org/", "ftp://x/y",
        "file:///etc/keys", "https://", "https://user:pass@a.example.org/k", "gopher://127.0.0.1/",
        "http://localhost.example.org/", "http://127.1.example.org/", "https://a b/"}) {
    EXPECT_EQ(CheckKeySource("jwks", bad).field(), "jwks") << bad;
  }
}

// Keys rotate while four threads verify: each is believed only while it is published.
TEST_F(KeyFileTest, ARotationLosesOrKeepsAKey) {
  const ForgeKey never = ForgeKey::Ec();
  std::vector<ForgeKey> keys;
  for (int i = 0; i < 4; ++i) keys.push_back(ForgeKey::Ec());
  const auto token = [&](const ForgeKey& key) { return TokenBy(key, "k", {{"a", "1"}}); };
  std::vector<std::string> tokens;
  for (const auto& key : keys) tokens.push_back(token(key));
  const std::string forged = token(never);
  Publish(KeySetText({keys[0].Jwk("0")}));
  const auto set = Watch(kQuick);
  ASSERT_TRUE(set->FirstRead(milliseconds(5000)).ok());
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> wrong{0}, verified{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        for (size_t i = 0; i < keys.size(); ++i) {
          const auto key = set->Find(std::to_string(i), kEs256);
          if (!key) continue;
          if (!IsSignedBy(*key, tokens[i]) || IsSignedBy(*key, forged)) ++wrong;
          if (IsSignedBy(*key, tokens[(i + 1) % keys.size()])) ++wrong;
          ++verified;
        }
        if (set->Find("never", kEs256)) ++wrong;
      }
    });
  }
  Effort effort("S6", 40);
  for (uint64_t i = 1; effort.More(); ++i) {
    const auto now = std::to_string(i % 4), before = std::to_string((i + 3) % 4);
    Publish(KeySetText({keys[i % 4].Jwk(now)}));
    EXPECT_TRUE(Soon([&] { return set->Find(now, kEs256).has_value(); })) << "not taken up";
    EXPECT_FALSE(set->Find(before, kEs256)) << "a key that was withdrawn";
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(verified, 0u);
  effort.Report("rotations={} verified={} wrong={}", effort.rounds(), verified.load(),
                wrong.load());
}

TEST_F(KeyFileTest, DamageDropsGoodKeysOrKeepsThemForEver) {
  const ForgeKey key = ForgeKey::Ec();
  const std::string good = KeySetText({key.Jwk("a")});
  Publish(good);
  const KeySet::Times times = {milliseconds(10), milliseconds(5), milliseconds(50),
                               milliseconds(400)};
  const auto set = Watch(times);
  ASSERT_TRUE(set->FirstRead(milliseconds(5000)).ok());
  // A file that stays as it is is confirmed by every look.
  std::this_thread::sleep_for(milliseconds(600));
  EXPECT_TRUE(set->Find("a", kEs256));
  for (const std::string& damaged : {std::string("{\"keys\":["), std::string(), good + "x",
                                     std::string(limits::kKeySetBytes + 1, ' ')}) {
    Publish(damaged);
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_TRUE(set->Find("a", kEs256)) << "dropped at once";
    EXPECT_TRUE(Soon([&] { return !set->Find("a", kEs256); })) << "kept beyond its time";
    Publish(good);
    EXPECT_TRUE(Soon([&] { return set->Find("a", kEs256).has_value(); })) << "lost for ever";
  }
  std::filesystem::remove(path_);
  EXPECT_TRUE(Soon([&] { return !set->Find("a", kEs256); }));
  Publish(good);
  EXPECT_TRUE(Soon([&] { return set->Find("a", kEs256).has_value(); }));
  std::filesystem::permissions(path_, std::filesystem::perms(0666));
  EXPECT_TRUE(Soon([&] { return !set->Find("a", kEs256); })) << "everybody could write it";
  Publish(good);
  EXPECT_TRUE(Soon([&] { return set->Find("a", kEs256).has_value(); }));
  Publish(R"({"keys":[]})");
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_FALSE(set->Find("a", kEs256)) << "an empty set withdraws all keys at once";
}

class KeyUrlTest : public testing::Test {
 protected:
  std::unique_ptr<KeySet> Watch(KeySet::Times times) {
    return std::make_unique<KeySet>("corp", MakeKeySource(server_.url(), "", milliseconds(300)),
                                    times, &room_);
  }
  LoopbackServer server_;
  WaitingRoom room_{1};
  const ForgeKey key_ = ForgeKey::Ec();
  const std::string good_ = KeySetText({key_.Jwk("a")});
};

// At kKeySetBytes and beyond.
TEST_F(KeyUrlTest, AnIssuerThatIsGoneIsBelievedForEver) {
  server_.Say("200 OK", good_);
  const auto set = Watch({milliseconds(30), milliseconds(10), milliseconds(50), milliseconds(500)});
  ASSERT_TRUE(set->FirstRead(milliseconds(5000)).ok());
  const std::pair<const char*, std::string> bad[] = {
      {"500 Internal Server Error", good_},
      {"204 No Content", ""},
      {"200 OK", "<html>sign in</html>"},
      {"200 OK", std::string(limits::kKeySetBytes + 1, ' ')},
      {"302 Found\r\nLocation: /elsewhere", good_}};
  for (const auto& [status, body] : bad) {
    EXPECT_TRUE(set->Find("a", kEs256)) << status;
    server_.Say(status, body);
    EXPECT_TRUE(Soon([&] { return !set->Find("a", kEs256); })) << status;
    server_.Say("200 OK", good_);
    EXPECT_TRUE(Soon([&] { return set->Find("a", kEs256).has_value(); })) << status;
  }
  server_.Say("200 OK", good_ + std::string(limits::kKeySetBytes - good_.size(), ' '));
  std::this_thread::sleep_for(milliseconds(1000));  // longer than what came before is believed
  EXPECT_TRUE(set->Find("a", kEs256)) << "it has just as many bytes as it may";
  server_.Wait(milliseconds(1000));  // more than one fetch may take
  EXPECT_TRUE(Soon([&] { return !set->Find("a", kEs256); })) << "too slow";
}

// However many tokens name however many keys: one request in a pause, and one thread that waits.
TEST_F(KeyUrlTest, UnknownKeysFloodTheIssuer) {
  server_.Say("200 OK", good_);
  const auto set =
      Watch({milliseconds(60'000), milliseconds(300), milliseconds(2000), milliseconds(120'000)});
  ASSERT_TRUE(set->FirstRead(milliseconds(5000)).ok());
  const auto began = steady_clock::now();
  for (int i = 0; i < 2000; ++i) EXPECT_FALSE(set->Find("x" + std::to_string(i), kEs256));
  EXPECT_LT(steady_clock::now() - began, milliseconds(2500)) << "each waited";
  EXPECT_LE(server_.asked(), 10);
  // After the pause, one waits for a slow answer; the next is turned away at once.
  const ForgeKey next = ForgeKey::Ec();
  std::this_thread::sleep_for(milliseconds(800));
  server_.Say("200 OK", KeySetText({key_.Jwk("a"), next.Jwk("b")}));
  const int asked = server_.asked();
  server_.Wait(milliseconds(150));
  std::optional<PublicKey> found;
  std::thread first([&] { found = set->Find("b", kEs256); });
  ASSERT_TRUE(Soon([&] { return server_.asked() > asked; }));
  const auto second = steady_clock::now();
  set->Find("c", kEs256);
  EXPECT_LT(steady_clock::now() - second, milliseconds(100)) << "no room was left to wait in";
  first.join();
  EXPECT_TRUE(found) << "a rotated key was not looked for";
}

TEST_F(KeyUrlTest, StoppingWaitsForASlowIssuer) {
  server_.Wait(milliseconds(100));
  server_.Say("200 OK", good_);
  const auto began = steady_clock::now();
  { const auto set = Watch(kQuick); }
  EXPECT_LT(steady_clock::now() - began, milliseconds(2000));
}

}  // namespace
}  // namespace cordon
