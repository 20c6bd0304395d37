// Files of vectors: that a row is another's, or that half a file passes for the whole.
#include "tools/cordon/vector_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/cordon/npy_bytes.h"
#include "tests/cordon/test_files.h"

namespace cordon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class VectorFiles : public FilesTest {
 protected:
  // "1 2|3 4" of a file's rows; last "!" and the message if it ends badly.
  std::string Rows(const std::string& name, const std::string& bytes) {
    auto file = VectorFile::Open(Write(name, bytes));
    rows_.reset();
    if (!file.ok()) return Refusal(file.status());
    rows_ = file->rows();
    std::string text;
    std::vector<float> row;
    while (true) {
      const auto more = file->Next(&row);
      if (!more.ok()) return text + Refusal(more.status());
      if (!*more) return text;
      for (const float number : row) text += std::to_string(std::lround(number)) + " ";
      text.back() = '|';
    }
  }
  static std::string Refusal(const Status& status) {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(status.field(), "vectors");
    return "!" + std::string(status.message());
  }

  std::optional<uint64_t> rows_;  // as the last file said
};

std::string FvecsRow(std::initializer_list<float> numbers) {
  return Bytes<int32_t>({static_cast<int32_t>(numbers.size())}) + Bytes<float>(numbers);
}

TEST_F(VectorFiles, GiveOtherRows) {
  EXPECT_EQ(Rows("a.npy", Npy("<f4", "(3, 2)", Bytes<float>({1, 2, 3, 4, 5, 6}))), "1 2|3 4|5 6|");
  EXPECT_EQ(rows_, 3u);
  EXPECT_EQ(Rows("a", Npy("<f2", "(2, 1)", Bytes<uint16_t>({0x3C00, 0xC000}))), "1|-2|");
  EXPECT_EQ(Rows("a.npy", Npy("<f8", "(1, 2)", Bytes<double>({7, 8}))), "7 8|");
  EXPECT_EQ(Rows("a.npy", Npy("<f4", "(0, 2)", "")), "");
  EXPECT_EQ(rows_, 0u);
  EXPECT_EQ(Rows("a.fvecs", FvecsRow({1, 2}) + FvecsRow({3, 4})), "1 2|3 4|");
  EXPECT_EQ(rows_, 2u);
  EXPECT_EQ(Rows("a.fvecs", ""), "");
  EXPECT_EQ(rows_, 0u);
}

TEST_F(VectorFiles, ArePackedAndAnother) {
  const std::string rows = FvecsRow({1, 2}) + FvecsRow({3, 4});
  EXPECT_EQ(Rows("a.fvecs.gz", Gzip(rows)), "1 2|3 4|");
  EXPECT_EQ(rows_, std::nullopt);
  EXPECT_EQ(Rows("a.fvecs.zst", Zstd(rows)), "1 2|3 4|");
  EXPECT_EQ(Rows("a.npy.zst", Zstd(Npy("<f4", "(1, 2)", Bytes<float>({7, 8})))), "7 8|");
  EXPECT_EQ(rows_, 1u);
}

TEST_F(VectorFiles, OfManyReadsMixRows) {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i) {
    bytes += FvecsRow({static_cast<float>(i), static_cast<float>(-i), 1});
  }
  auto file = VectorFile::Open(Write("a.fvecs", bytes));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->rows(), 300'000u);
  std::vector<float> row;
  for (int i = 0; i < 300'000; ++i) {
    ASSERT_TRUE(*file->Next(&row));
    ASSERT_THAT(row, ElementsAre(i, -i, 1));
  }
  EXPECT_FALSE(*file->Next(&row));
}

// Of a plain file it is known before the first row; of a packed one when it comes to it.
TEST_F(VectorFiles, ThatAreCutOrTooLongAreRead) {
  const std::string npy = Npy("<f4", "(2, 2)", Bytes<float>({1, 2, 3, 4}));
  const std::string fvecs = FvecsRow({1, 2}) + FvecsRow({3, 4});
  for (size_t size = 0; size < npy.size(); ++size) {
    ASSERT_EQ(Rows("a.npy", npy.substr(0, size))[0], '!') << size;
  }
  for (size_t size = 1; size < fvecs.size(); ++size) {
    if (size == fvecs.size() / 2) continue;
    ASSERT_EQ(Rows("a.fvecs", fvecs.substr(0, size))[0], '!') << size;
  }
  EXPECT_EQ(Rows("a.npy", npy + "x")[0], '!');
  EXPECT_THAT(Rows("a.npy.gz", Gzip(npy + "x")), HasSubstr("1 2|3 4|!"));
  EXPECT_THAT(Rows("a.npy.gz", Gzip(npy.substr(0, npy.size() - 1))), HasSubstr("1 2|!"));
  EXPECT_THAT(Rows("a.fvecs.gz", Gzip(fvecs.substr(0, fvecs.size() - 1))), HasSubstr("1 2|!"));
  EXPECT_THAT(Rows("a.fvecs.gz", Gzip(fvecs).substr(0, 20)), HasSubstr("cut off"));
}

TEST_F(VectorFiles, OfWrongShapeAreRead) {
  const std::string four = Bytes<float>({1, 2, 3, 4});
  for (const char* shape : {"(4,)", "(1, 2, 2)", "()", "(4, 0)", "(2, 3)",
                            "(18446744073709551615, 2)", "(9223372036854775808, 2)"}) {
    EXPECT_EQ(Rows("a.npy", Npy("<f4", shape, four))[0], '!') << shape;
  }
  EXPECT_EQ(Rows("a.npy", Npy("<i4", "(2, 2)", four))[0], '!');
  EXPECT_EQ(Rows("a.npy", Npy("<f4", "(2, 2)", four, "True"))[0], '!');
  EXPECT_EQ(Rows("a.npy", Npy("<f4", "(1, 5000)", std::string(20000, '\0')))[0], '!');
  EXPECT_THAT(Rows("a.fvecs", FvecsRow({1, 2, 3}) + FvecsRow({4}) + Bytes<float>({1, 2})),
              HasSubstr("1 2 3|!"));
  EXPECT_EQ(Rows("a.fvecs", Bytes<int32_t>({0, 0}))[0], '!');
  EXPECT_EQ(Rows("a.fvecs", Bytes<int32_t>({-1, 0}))[0], '!');
  EXPECT_EQ(Rows("a.bin", FvecsRow({1, 2}))[0], '!');
  EXPECT_EQ(Rows("a.npy", "no numbers")[0], '!');
  EXPECT_FALSE(VectorFile::Open((folder_ / "missing.npy").native()).ok());
}

}  // namespace
}  // namespace cordon
