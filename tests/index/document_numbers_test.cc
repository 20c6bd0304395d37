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

}  // namespace
}  // namespace cordon
