// Sealed texts that open where they should not.
#include "engine/crypto/aead.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/crypto/digest.h"
#include "engine/crypto/encoding.h"

namespace cordon {
namespace {

SecretKey KeyOf(std::string_view word) { return SecretKey{Sha256(word)}; }

TEST(Aead, AnotherCipherThanAes256Gcm) {
  // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
  const SecretKey key = *SecretKey::FromBytes(
      *HexDecode("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  SealNonce nonce;
  const std::string bytes = *HexDecode("cafebabefacedbaddecaf888");
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  const std::string text = *HexDecode(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const std::string place = *HexDecode("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  std::string sealed;
  SealText(key, nonce, place, text, &sealed);
  EXPECT_EQ(HexEncode(sealed.substr(kSealNonceBytes)),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
  std::string opened;
  ASSERT_TRUE(OpenSealed(key, place, sealed, &opened));
  EXPECT_EQ(opened, text);
}

TEST(Aead, AChangedOneOpens) {
  std::string sealed, opened;
  SealText(KeyOf("a"), *RandomSealNonce(), "here", "a text", &sealed);
  ASSERT_TRUE(OpenSealed(KeyOf("a"), "here", sealed, &opened));
  EXPECT_FALSE(OpenSealed(KeyOf("b"), "here", sealed, &opened));
  EXPECT_FALSE(OpenSealed(KeyOf("a"), "there", sealed, &opened));
  EXPECT_FALSE(OpenSealed(KeyOf("a"), "", sealed, &opened));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(OpenSealed(KeyOf("a"), "here", changed, &opened)) << i;
    EXPECT_FALSE(OpenSealed(KeyOf("a"), "here", sealed.substr(0, i), &opened)) << i;
    EXPECT_EQ(opened, "");
  }
}

TEST(Aead, AnEmptyTextOrPlaceFails) {
  std::string sealed, opened = "left over";
  SealText(KeyOf("a"), *RandomSealNonce(), "", "", &sealed);
  EXPECT_EQ(sealed.size(), kSealOverhead);
  EXPECT_TRUE(OpenSealed(KeyOf("a"), "", sealed, &opened));
  EXPECT_EQ(opened, "");
}

TEST(Aead, TwoNoncesOfOneDrawAreEqual) {
  SealNonce nonce;
  nonce.fill(0xff);
  nonce[0] = 0;
  std::set<SealNonce> seen;
  for (uint32_t i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(NonceAfter(nonce, i)).second);
  EXPECT_TRUE(seen.insert(NonceAfter(nonce, UINT32_MAX)).second);
  EXPECT_EQ(NonceAfter(nonce, 1)[0], 1) << "the carry runs through";
}

TEST(Aead, ARandomNonceIsGivenTwice) {
  std::mutex mutex;
  std::set<SealNonce> seen;
  const auto draw = [&] {
    for (int i = 0; i < 1000; ++i) {
      const SealNonce nonce = *RandomSealNonce();
      std::lock_guard lock(mutex);
      EXPECT_TRUE(seen.insert(nonce).second);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(draw);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(seen.contains(SealNonce{}));
}

TEST(Aead, AForkedProcessDrawsTheNoncesOfItsParent) {
  ASSERT_TRUE(RandomSealNonce().ok());  // and more are drawn with it
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const SealNonce nonce = *RandomSealNonce();
    _exit(write(ends[1], nonce.data(), nonce.size()) == ssize_t{kSealNonceBytes} ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  SealNonce of_child;
  ASSERT_EQ(read(ends[0], of_child.data(), of_child.size()), ssize_t{kSealNonceBytes});
  for (const int end : ends) close(end);
  for (int i = 0; i < 64; ++i) EXPECT_NE(*RandomSealNonce(), of_child);
}

}  // namespace
}  // namespace cordon
