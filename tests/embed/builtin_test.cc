#include "engine/embed/builtin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "engine/base/checksum.h"
#include "engine/base/random.h"

namespace cordon {
namespace {

using ::testing::Each;

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0;
  for (size_t i = 0; i < a.size(); ++i) dot += static_cast<double>(a[i]) * b[i];
  return dot;
}

double Cosine(const BuiltinEmbedder& embedder, std::string_view a, std::string_view b) {
  return Dot(embedder.Embed(a), embedder.Embed(b));
}

TEST(BuiltinEmbedder, NormIsOne) {
  for (size_t dimension : {1, 3, 256, 512, 4096}) {
    const BuiltinEmbedder embedder(dimension);
    for (std::string_view text : {"vacuum", "what does VACUUM do?", "漢字", "the", "a b c d e f"}) {
      const auto vector = embedder.Embed(text);
      ASSERT_EQ(vector.size(), dimension);
      EXPECT_NEAR(Dot(vector, vector), 1.0, 1e-6) << dimension << text;
    }
  }
}

TEST(BuiltinEmbedder, TextWithoutWordsIsTheZeroVector) {
  const BuiltinEmbedder embedder(64);
  for (std::string_view text : {"", " \n", "!?…", "🙂"})
    EXPECT_THAT(embedder.Embed(text), Each(0));
}

// The fear: another compiler, flag or version changes the numbers, so that stored vectors and new
// queries no longer fit. Change this value only together with a new name of the embedder.
TEST(BuiltinEmbedder, BitsAreFrozen) {
  const auto vector = BuiltinEmbedder(256).Embed(
      "How do I set up streaming replication with pg_basebackup? Replication, replication; 3.14.");
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  EXPECT_EQ(Crc32(0, bytes), 826429177u);
}

TEST(BuiltinEmbedder, CaseAndWrappingDoNotCount) {
  const BuiltinEmbedder embedder(256);
  EXPECT_EQ(embedder.Embed("Streaming\n  REPLICATION"), embedder.Embed("streaming replication"));
}

TEST(BuiltinEmbedder, SharedWordsComeNearer) {
  for (size_t dimension : {256, 512}) {
    const BuiltinEmbedder embedder(dimension);
    const std::string_view question = "how do I vacuum a table?";
    const double same = Cosine(embedder, question, "VACUUM reclaims storage of a table");
    const double form = Cosine(embedder, question, "Routine vacuuming of tables");
    const double none = Cosine(embedder, question, "The client sends a certificate to the server");
    EXPECT_GT(same, none + 0.2);
    EXPECT_GT(form, none + 0.2);
  }
}

TEST(BuiltinEmbedder, StopWordsCountLittle) {
  const BuiltinEmbedder embedder(512);
  EXPECT_LT(Cosine(embedder, "what is the replication", "what is the certificate"), 0.3);
  EXPECT_GT(Cosine(embedder, "what is the replication", "replication"), 0.9);
}

TEST(BuiltinEmbedder, PartsOfIdentifiersAreFound) {
  const BuiltinEmbedder embedder(512);
  EXPECT_GT(Cosine(embedder, "dump", "pg_dump"), Cosine(embedder, "dump", "pg_restore") + 0.2);
}

TEST(BuiltinEmbedder, OrderOfWordsCountsALittle) {
  const BuiltinEmbedder embedder(512);
  const double swapped = Cosine(embedder, "base backup", "backup base");
  EXPECT_LT(swapped, 0.999);
  EXPECT_GT(swapped, 0.7);
}

TEST(BuiltinEmbedder, HostileTextsDoNotCrash) {
  const BuiltinEmbedder embedder(256);
  Random random(3);
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (size_t n = random.Below(500); n > 0; --n) text += static_cast<char>(random.Next());
    for (float x : embedder.Embed(text)) EXPECT_TRUE(std::isfinite(x));
  }
  for (const std::string& text :
       {std::string(65536, 'a'), std::string(65536, '_'), std::string(65536, '\xcc') + "\x81"}) {
    for (float x : embedder.Embed(text)) EXPECT_TRUE(std::isfinite(x));
  }
}

}  // namespace
}  // namespace cordon
