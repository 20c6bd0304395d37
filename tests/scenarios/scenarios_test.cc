// The stories of stories/, one test for each file, and the sentences of the design that they prove.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "tests/scenarios/quotes.h"
#include "tests/scenarios/runner.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

// CORDON_STORIES reads another folder, so that a story can be tried where it is written.
std::string Folder() {
  const char* const other = std::getenv("CORDON_STORIES");
  return other != nullptr ? other : CORDON_STORIES;
}

std::vector<std::string> Files() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(Folder())) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The file's name in the characters that a test's name may have.
std::string NameOf(const testing::TestParamInfo<std::string>& info) {
  std::string name = fs::path(info.param).stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0 && c != '_'; }, '_');
  return name;
}

std::string Design() {
  std::ifstream file(CORDON_DESIGN);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Stories : public testing::TestWithParam<std::string> {};

TEST_P(Stories, Holds) {
  const auto story = ReadStory(GetParam());
  if (!story.ok()) {
    ADD_FAILURE_AT(GetParam().c_str(), 1) << "no story: " << story.status().ToString();
    return;
  }
  if (!story->pending.empty()) std::cout << "pending: " << story->pending << "\n";
  Runner(GetParam(), *story).Run();
  if (HasFailure()) {
    for (const auto& quote : story->proves) std::cout << "not proved: " << quote << "\n";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Stories, testing::ValuesIn(Files()), NameOf);

// What these stories prove; one that is pending proves nothing yet.
std::vector<std::string> QuotesOf(const std::vector<std::string>& files) {
  std::vector<std::string> quotes;
  for (const auto& file : files) {
    const auto story = ReadStory(file);
    if (!story.ok()) continue;  // its own test says so
    if (!story->pending.empty()) continue;
    for (const auto& quote : story->proves) quotes.push_back(Plain(quote));
  }
  return quotes;
}

TEST(Quotes, ASentenceOfTheDecisionHasNoStory) {
  const auto quotes = QuotesOf(Files());
  const auto paragraphs = Paragraphs(Design(), 2);
  ASSERT_GT(paragraphs.size(), 8u) << "docs/DESIGN.md has no section 2 as this test knows it";
  for (const auto& paragraph : paragraphs) {
    for (const auto& stretch : Uncovered(paragraph, quotes)) {
      ADD_FAILURE() << "no story in tests/scenarios/stories quotes this of docs/DESIGN.md §2:\n  "
                    << stretch;
    }
  }
  // Of the words, those below the table, which carry decisions.
  for (const auto& paragraph : Paragraphs(Design(), 1)) {
    for (const auto& stretch : Uncovered(paragraph, quotes)) {
      ADD_FAILURE() << "no story in tests/scenarios/stories quotes this of docs/DESIGN.md §1:\n  "
                    << stretch;
    }
  }
}

TEST(Quotes, AStoryProvesWhatNobodyPromised) {
  const std::string design = Plain(Design());
  for (const auto& quote : QuotesOf(Files())) {
    EXPECT_NE(design.find(quote), std::string::npos) << "not in docs/DESIGN.md: " << quote;
  }
}

TEST(Quotes, APendingStoryIsTakenForAProof) {
  const ScratchDirectory folder;
  const std::string path = folder / "story.yaml", story = "proves: a\nsteps: [{restart: true}]\n";
  std::ofstream(path) << story;
  EXPECT_EQ(QuotesOf({path}), std::vector<std::string>{"a"});
  std::ofstream(path) << story << "pending: b\n";
  EXPECT_TRUE(QuotesOf({path}).empty());
}

TEST(Quotes, ANewSentenceIsNotNoticed) {
  const std::string text =
      "## 2. The decision\n\nOne holds. Two\nholds `too`.\n1. first;\n2. second.\n## 3. Next\nNo.";
  const auto paragraphs = Paragraphs(text, 2);
  ASSERT_EQ(paragraphs.size(), 3u);
  EXPECT_EQ(paragraphs[0], "One holds. Two holds too.");
  EXPECT_EQ(paragraphs[2], "second.");
  EXPECT_EQ(Uncovered(paragraphs[0], {"One holds."}),
            (std::vector<std::string>{" Two holds too."}));
  EXPECT_TRUE(Uncovered(paragraphs[0], {"One holds", "Two holds too."}).empty());
}

}  // namespace
}  // namespace cordon
