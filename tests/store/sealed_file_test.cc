// Fears about sealed files: that something of a damaged one is used, or another's in its place.
#include "engine/store/sealed_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/crypto/digest.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

const SecretKey kKey{Sha256("a key")};

class SealedFile : public testing::Test {
 protected:
  std::filesystem::path Path() const { return scratch_ / "file"; }
  static std::string TextOf(size_t bytes) {
    Random random(bytes + 1);
    std::string text;
    for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(random.Below(256));
    return text;
  }
  void Write(const std::string& text, const std::string& place = "here") {
    auto file = SealedFileWriter::Create(Path(), kKey, place);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    const size_t half = text.size() / 2;
    ASSERT_TRUE((*file)->Write(std::string_view(text).substr(0, half)).ok());
    ASSERT_TRUE((*file)->Write(std::string_view(text).substr(half)).ok());
    ASSERT_TRUE((*file)->Finish().ok());
  }
  StatusOr<std::string> Read(const SecretKey& key = kKey, const std::string& place = "here") {
    ASSIGN_OR_RETURN(const auto file, SealedFileReader::Open(Path(), key, place));
    std::string text(file->left(), '\0');
    RETURN_IF_ERROR(file->Read(text.data(), text.size()));
    EXPECT_EQ(file->left(), 0u);
    return text;
  }
  std::string Bytes() const {
    std::ifstream in(Path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Put(const std::string& bytes) const {
    std::ofstream(Path(), std::ios::binary | std::ios::trunc) << bytes;
  }

  ScratchDirectory scratch_;
};

TEST_F(SealedFile, SaysWhatWasWritten) {
  for (const size_t bytes : {size_t{1}, size_t{1000}, kSealedBlock - 1, kSealedBlock,
                             kSealedBlock + 1, 2 * kSealedBlock, 3 * kSealedBlock + 77}) {
    const std::string text = TextOf(bytes);
    Write(text);
    const auto read = Read();
    ASSERT_TRUE(read.ok()) << bytes << " " << read.status().ToString();
    EXPECT_EQ(*read, text) << bytes;
  }
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "file.tmp"));
}

// A piece may begin and end in any block: some of it is opened in place, the rest from what is
// kept.
TEST_F(SealedFile, PieceByPieceItIsTheSameOrNothing) {
  const std::string text = TextOf(3 * kSealedBlock + 77);
  Write(text);
  const std::string good = Bytes();
  Random random(4);
  for (int i = 0; i < 40; ++i) {
    std::string bytes = good;
    const bool damaged = i % 2 == 1;
    if (damaged) {
      char& byte = bytes[8 + random.Below(good.size() - 8)];
      byte = static_cast<char>(byte ^ 1);
    }
    Put(bytes);
    const auto file = SealedFileReader::Open(Path(), kKey, "here");
    ASSERT_TRUE(file.ok());
    Status status;
    size_t at = 0;
    while (at < text.size() && status.ok()) {
      const size_t most = random.OneIn(2) ? 3 * kSealedBlock : 5'000;
      std::string piece(std::min(1 + random.Below(most), text.size() - at), '\0');
      status = (*file)->Read(piece.data(), piece.size());
      if (!status.ok()) break;
      ASSERT_EQ(piece, std::string_view(text).substr(at, piece.size())) << at;
      at += piece.size();
      ASSERT_EQ((*file)->left(), text.size() - at);
    }
    EXPECT_EQ(status.code(), damaged ? StatusCode::kDataLoss : StatusCode::kOk);
  }
}

// From anywhere in a block to its end, then block by block.
TEST_F(SealedFile, ManyValuesAreThoseThatWereWritten) {
  const std::string text = TextOf(9 * kSealedBlock + 77);
  Write(text);
  for (const size_t first :
       {size_t{0}, size_t{1}, size_t{40}, kSealedBlock - 1, kSealedBlock, 5 * kSealedBlock - 3}) {
    const auto file = SealedFileReader::Open(Path(), kKey, "here");
    ASSERT_TRUE(file.ok());
    std::string read(first, '\0'), rest;
    std::vector<uint32_t> values;
    ASSERT_TRUE((*file)->Read(read.data(), first).ok());
    ASSERT_TRUE((*file)->ReadAll((*file)->left() / sizeof(uint32_t), &values).ok());
    ASSERT_TRUE((*file)->ReadAll((*file)->left(), &rest).ok());
    read.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(uint32_t));
    EXPECT_TRUE(read + rest == text) << first;
    EXPECT_EQ((*file)->ReadAll(1, &rest).code(), StatusCode::kDataLoss);
  }
}

TEST_F(SealedFile, NothingOfItCanBeReadWithoutItsKey) {
  const std::string text = "what the patient said, over and over";
  Write(text);
  EXPECT_EQ(Bytes().find("patient"), std::string::npos);
  EXPECT_EQ(Read(SecretKey{Sha256("another")}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Read(kKey, "there").status().code(), StatusCode::kDataLoss);
  std::filesystem::remove(Path());
  EXPECT_EQ(Read().status().code(), StatusCode::kNotFound);
}

TEST_F(SealedFile, DamageIsFound) {
  Write(TextOf(2 * kSealedBlock + 500));
  const std::string good = Bytes();
  const size_t block = kSealedBlock + kSealOverhead;
  Random random(3);
  for (int i = 0; i < 60; ++i) {
    std::string bad = good;
    // Each part at times: magic, nonces, tags, and anything.
    const size_t places[] = {random.Below(8), 8 + random.Below(12),
                             8 + block - 1 - random.Below(16), 8 + block + random.Below(12),
                             random.Below(good.size())};
    const size_t place = places[static_cast<size_t>(i) % std::size(places)];
    bad[place] = static_cast<char>(bad[place] ^ (1 << random.Below(8)));
    Put(bad);
    EXPECT_EQ(Read().status().code(), StatusCode::kDataLoss) << place;
  }
  for (const size_t size : {good.size() - 1, good.size() - 500, 8 + 2 * block, 8 + block,
                            8 + block + 1, size_t{8}, size_t{5}, size_t{0}}) {
    Put(good.substr(0, size));
    EXPECT_EQ(Read().status().code(), StatusCode::kDataLoss) << size;
  }
  // Blocks in another order, and one too many.
  Put(good.substr(0, 8) + good.substr(8 + block, block) + good.substr(8, block) +
      good.substr(8 + 2 * block));
  EXPECT_EQ(Read().status().code(), StatusCode::kDataLoss);
  Put(good + good.substr(8, block));
  EXPECT_EQ(Read().status().code(), StatusCode::kDataLoss);
  Put(good);
  EXPECT_TRUE(Read().ok());
}

TEST_F(SealedFile, WhatWasNotFinishedIsNotThere) {
  {
    auto file = SealedFileWriter::Create(Path(), kKey, "here");
    ASSERT_TRUE(file.ok() && (*file)->Write(TextOf(kSealedBlock * 2)).ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(std::filesystem::path(scratch_ / "file").parent_path()));
}

}  // namespace
}  // namespace cordon
