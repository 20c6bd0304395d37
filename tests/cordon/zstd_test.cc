// Files packed by zstd: that half of one passes for the whole, or that one eats all memory.
#include <gmock/gmock.h>

#include <cstring>

#include "engine/base/random.h"
#include "tests/cordon/test_files.h"
#include "tools/cordon/extract.h"
#include "tools/cordon/gzip.h"

namespace cordon {
namespace {

using ::testing::HasSubstr;

constexpr size_t kTextMax = 1 << 20;

class ZstdFiles : public FilesTest {
 protected:
  StatusOr<std::string> Read(std::string_view packed) const {
    return ReadFileUnpacked(Write("a.zst", packed), kTextMax);
  }
  std::string Refusal(std::string_view packed) const {
    const auto read = Read(packed);
    EXPECT_EQ(read.status().field(), "file");
    return std::string(read.status().message());
  }
};

std::string ManyWords() {
  std::string text;
  Random random(5);
  while (text.size() < 700'000) text += "word " + std::to_string(random.Below(5000)) + "\n";
  return text;
}

// A frame that readers pass over.
std::string Skippable(std::string_view content) {
  const auto size = static_cast<uint32_t>(content.size());
  std::string frame("\x53\x2a\x4d\x18\0\0\0\0", 8);
  std::memcpy(frame.data() + 4, &size, sizeof size);
  return frame + std::string(content);
}

TEST_F(ZstdFiles, DifferFromTheirText) {
  const std::string text = ManyWords();
  EXPECT_EQ(*Read(Zstd(text)), text);
  EXPECT_EQ(*ReadFileUnpacked(Write("unnamed", Zstd(text)), kTextMax), text);
  EXPECT_EQ(*Read(Zstd(text) + Zstd("") + Zstd("more")), text + "more");
  EXPECT_EQ(*Read(Skippable("an index") + Zstd("text") + Skippable("")), "text");
  EXPECT_EQ(*Read(Zstd("")), "");
  EXPECT_EQ(*ReadFileAsIs(Write("as it is", Zstd(text)), kTextMax), Zstd(text));
}

TEST_F(ZstdFiles, HaveOtherLines) {
  std::string text;
  for (int i = 1; i < 400; ++i) text += std::string(static_cast<size_t>(i * 7), 'x') + "\n";
  auto reader = LineReader::Open(Write("a.jsonl.zst", Zstd(text)));
  ASSERT_TRUE(reader.ok());
  Line line;
  for (int i = 1; i < 400; ++i) {
    ASSERT_TRUE(*reader->Next(line));
    ASSERT_EQ(line.text.size(), static_cast<size_t>(i * 7));
  }
  EXPECT_FALSE(*reader->Next(line));
  EXPECT_EQ(reader->Fraction(), 0) << "how long the text is, is not known beforehand";
}

TEST_F(ZstdFiles, CutAnywhereAreRead) {
  const std::string packed = Zstd("some text that is long enough to be cut in many places");
  for (size_t size = 0; size < packed.size(); ++size) {
    ASSERT_FALSE(Read(packed.substr(0, size)).ok()) << size;
  }
  EXPECT_THAT(Refusal(packed.substr(0, packed.size() - 1)), HasSubstr("cut off"));
  EXPECT_THAT(Refusal(Zstd(ManyWords()).substr(0, 5000)), HasSubstr("cut off"));
}

TEST_F(ZstdFiles, WithAFlippedBitAreAnotherText) {
  const std::string text = "some text that is long enough to be damaged in many places";
  const std::string packed = Zstd(text);
  for (size_t bit = 0; bit < packed.size() * 8; ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto read = Read(damaged);
    EXPECT_TRUE(!read.ok() || *read == text) << bit;
  }
}

TEST_F(ZstdFiles, FollowedByAnythingAreRead) {
  for (std::string_view tail : {"\n", "x", "garbage", "\x28\xb5", "\x28\xb5\x2f\xfdgarbage...."}) {
    EXPECT_FALSE(Read(Zstd("text") + std::string(tail)).ok());
  }
  EXPECT_FALSE(Read(Zstd("text") + std::string(8, '\0')).ok());
  EXPECT_FALSE(Read(Zstd("text") + Gzip("text")).ok());
}

TEST_F(ZstdFiles, ByNameOnlyAreRead) {
  EXPECT_THAT(Refusal("plain"), HasSubstr("named .zst"));
  EXPECT_THAT(Refusal(""), HasSubstr("named .zst"));
  EXPECT_THAT(Refusal(Gzip("text").substr(1)), HasSubstr("named .zst"));
}

TEST_F(ZstdFiles, EatAllMemory) {
  EXPECT_THAT(Refusal(Zstd(std::string(64 << 20, '\0'))), HasSubstr("1048576"));
  // A window of 2 GiB, as of --long=31: descriptor 0xa8, and then one raw block, the last.
  const std::string header("\x28\xb5\x2f\xfd\0\xa8\x09\0\0x", 10);
  EXPECT_THAT(Refusal(header), HasSubstr("--long"));
}

TEST_F(ZstdFiles, OfADirectoryAreNotKnown) {
  EXPECT_EQ(FormatOf("a.txt.zst"), FileFormat::kText);
  EXPECT_EQ(FormatOf("a.HTML.ZST"), FileFormat::kHtml);
  EXPECT_EQ(FormatOf("a.zst"), std::nullopt);
  EXPECT_EQ(FormatOf("a.txt.zst.gz"), std::nullopt);
  const auto read = ExtractFile(Write("note.md.zst", Zstd("# Leave\n\nTwelve months.\n")));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->title, "Leave");
}

}  // namespace
}  // namespace cordon
