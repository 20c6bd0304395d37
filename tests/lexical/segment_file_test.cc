// Fears about a file of words: that one is found in another row, or that any bytes are believed.
#include "engine/lexical/segment_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "tests/index/memory_stream.h"

namespace cordon {
namespace {

constexpr Language kLanguage = Language::kEnglish;

class WordsFile : public testing::Test {
 protected:
  WordsFile() {
    for (uint32_t i = 0; i < kRows; ++i) {
      std::string text = "running number" + std::to_string(i);
      for (uint64_t w = random_.Below(9); w > 0; --w) {
        text += " word" + std::to_string(random_.Below(30));
      }
      terms_.push_back(CountTerms(kLanguage, text));
    }
    std::vector<LexicalSource> sources;
    for (uint32_t i = 0; i < kRows; ++i) {
      sources.push_back({i / 2, i % 2, i % 3, kAlways, kNever, &terms_[i]});
    }
    rows_ = LexicalRows::Build(sources);
  }

  std::string Written() const {
    const auto named = NameWords(*rows_, [](uint32_t number) { return 100 + number; });
    MemorySink sink;
    EXPECT_TRUE(named.has_value());
    EXPECT_TRUE(WriteWords(kLanguage, *rows_, *named, &sink).ok());
    return sink.bytes();
  }
  // "document/ordinal: count" of each term, by term.
  static std::map<std::string, std::map<std::string, int>> WordsOf(const LexicalRows& rows) {
    std::map<std::string, std::map<std::string, int>> words;
    rows.ForEachTerm([&](std::string_view text, uint32_t hash, std::span<const Posting> postings) {
      const auto found = rows.Find(text, hash);
      EXPECT_EQ(found->postings.data(), postings.data());
      uint32_t count_max = 0, length_min = UINT16_MAX;
      for (const Posting& posting : postings) {
        count_max = std::max<uint32_t>(count_max, posting.count);
        length_min = std::min(length_min, rows.length(posting.row));
        words[std::string(text)][std::to_string(rows.document(posting.row)) + "/" +
                                 std::to_string(rows.ordinal(posting.row))] = posting.count;
      }
      EXPECT_EQ(found->count_max, count_max);
      EXPECT_EQ(found->length_min, length_min);
    });
    return words;
  }

  static constexpr uint32_t kRows = 200;
  Random random_{5};
  std::vector<TermCounts> terms_;
  std::shared_ptr<const LexicalRows> rows_;
};

TEST_F(WordsFile, WordsComeBackInTheirRows) {
  const std::string bytes = Written();
  MemorySource source(bytes);
  auto filed = ReadWords(kLanguage, &source);
  ASSERT_TRUE(filed.ok()) << filed.status().ToString();
  std::vector<std::optional<KeptWords>> kept;
  for (const FiledRow& row : filed->named().rows) {
    const auto number = static_cast<uint32_t>(filed->named().documents[row.document] - 100);
    kept.push_back(KeptWords{number, kAlways, number == 3 ? Micros{77} : kNever});
  }
  kept[9].reset();
  kept[10]->dead = true;
  const auto segment = filed->Take(kept);
  ASSERT_TRUE(segment.has_value());
  const LexicalRows& read = segment->rows();
  EXPECT_EQ(segment->live(), kRows - 2);
  EXPECT_TRUE(segment->Dead(9) && segment->Dead(10));
  EXPECT_EQ(read.bounded().size(), 2u);
  ASSERT_EQ(read.runs().size(), rows_->runs().size());
  for (size_t run = 0; run < read.runs().size(); ++run) {
    EXPECT_EQ(read.runs()[run].class_id, rows_->runs()[run].class_id);
    EXPECT_EQ(read.runs()[run].words, rows_->runs()[run].words);
  }
  EXPECT_EQ(read.rows_of(40).size(), 2u);
  // A dead one is its document's still: an erasure looks for it.
  EXPECT_EQ(read.document(10), rows_->document(10));
  auto expected = WordsOf(*rows_);
  auto words = WordsOf(read);
  // The other dead row is of no document any more.
  const std::string dead =
      std::to_string(rows_->document(9)) + "/" + std::to_string(rows_->ordinal(9));
  const std::string nobody = std::to_string(UINT32_MAX) + "/" + std::to_string(rows_->ordinal(9));
  for (auto& [term, rows] : expected) rows.erase(dead);
  for (auto& [term, rows] : words) rows.erase(nobody);
  EXPECT_EQ(words, expected);
}

TEST_F(WordsFile, AnotherLanguageIsRefused) {
  const std::string bytes = Written();
  MemorySource source(bytes);
  EXPECT_EQ(ReadWords(Language::kNone, &source).status().code(), StatusCode::kDataLoss);
}

TEST_F(WordsFile, AnyBytesAreRefusedOrASegment) {
  const std::string good = Written();
  for (size_t size = 0; size < good.size(); size += 1 + random_.Below(30)) {
    MemorySource source(std::string_view(good).substr(0, size));
    EXPECT_EQ(ReadWords(kLanguage, &source).status().code(), StatusCode::kDataLoss) << size;
  }
  for (int i = 0; i < 3000; ++i) {
    std::string bad = good;
    const size_t place = random_.OneIn(2) ? random_.Below(60) : random_.Below(bad.size());
    bad[place] = static_cast<char>(bad[place] ^ (1 << random_.Below(8)));
    MemorySource source(bad);
    auto read = ReadWords(kLanguage, &source);
    if (!read.ok()) {
      EXPECT_EQ(read.status().code(), StatusCode::kDataLoss);
      continue;
    }
    std::vector<std::optional<KeptWords>> kept(read->named().rows.size());
    for (uint32_t row = 0; row < kept.size(); ++row) kept[row] = {row, kAlways, kNever};
    const auto segment = read->Take(kept);
    ASSERT_TRUE(segment.has_value());
    segment->rows().ForEachTerm([&](std::string_view, uint32_t, std::span<const Posting> all) {
      uint32_t next = 0;
      for (const Posting& posting : all) {
        ASSERT_GE(posting.row, next);
        ASSERT_GT(posting.count, 0);
        next = posting.row + uint32_t{1};
      }
      ASSERT_LE(next, segment->rows().size());
    });
  }
}

}  // namespace
}  // namespace cordon
