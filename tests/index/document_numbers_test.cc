// Fears about numbers: that two documents share one, or that a version changes.
#include "engine/index/document_numbers.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "engine/base/random.h"

namespace cordon {
namespace {

TEST(DocumentNumbers, TwoShareANumber) {
  Random random(3);
  std::map<std::string, uint32_t> model;
  DocumentNumbers documents;
  DocumentNumbers pinned;
  std::map<std::string, uint32_t> of_pinned;
  for (int i = 0; i < 20000; ++i) {
    const std::string id = "d" + std::to_string(random.Below(3000));
    const auto found = documents.Find(id);
    ASSERT_EQ(found.has_value(), model.contains(id));
    if (found && random.OneIn(2)) {
      documents.Remove(*found);
      model.erase(id);
    } else {
      model[id] = documents.Add(id);
    }
    if (!random.OneIn(2000)) continue;
    std::set<uint32_t> numbers;
    for (const auto& [name, number] : model) {
      EXPECT_EQ(documents.id(number), name);
      EXPECT_EQ(documents.Find(name), number);
      EXPECT_LT(number, documents.bound());
      EXPECT_TRUE(numbers.insert(number).second);
    }
    EXPECT_EQ(documents.size(), model.size());
    for (const auto& [name, number] : of_pinned) EXPECT_EQ(pinned.Find(name), number);
    EXPECT_EQ(pinned.size(), of_pinned.size());
    pinned = documents;
    of_pinned = model;
  }
  EXPECT_LE(documents.bound(), 3000u) << "numbers are not given again";
}

// What a start makes at once is what it made one by one, for whatever comes afterwards.
TEST(DocumentNumbers, OthersComeOfAllAtOnce) {
  DocumentNumbers added;
  DocumentNumbersBuilder builder;
  // More than one for some buckets.
  for (uint32_t i = 0; i < 20'000; ++i) {
    const std::string id = "d" + std::to_string(i * 7919 % 20'000);
    const uint32_t number = added.Add(id);
    added.SetStored(number, 5 + uint64_t{i});
    ASSERT_EQ(builder.Add(id, 5 + uint64_t{i}), number);
  }
  DocumentNumbers built = builder.Finish();
  ASSERT_EQ(built.size(), added.size());
  ASSERT_EQ(built.bound(), added.bound());
  for (uint32_t number = 0; number < built.bound(); ++number) {
    ASSERT_EQ(built.id(number), added.id(number));
    ASSERT_EQ(built.Find(added.id(number)), number);
    ASSERT_EQ(built.stored(number), added.stored(number));
  }
  EXPECT_FALSE(built.Find("d20000").has_value());
  built.Remove(77);
  EXPECT_EQ(built.Add("another"), 77u);
  EXPECT_EQ(DocumentNumbersBuilder().Finish().size(), 0u);
}

TEST(DocumentNumbersDeathTest, AnIdComesTwice) {
  DocumentNumbersBuilder builder;
  for (const char* id : {"a", "b", "a"}) builder.Add(id, 1);
  EXPECT_DEATH(builder.Finish(), "");
}

}  // namespace
}  // namespace cordon
