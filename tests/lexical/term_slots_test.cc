// Fears about a segment's table of terms: that one is not found where many meet, or taken for
// another, and that those which only meet are looked at.
#include "engine/lexical/term_slots.h"

#include <gtest/gtest.h>

#include <vector>

namespace cordon {
namespace {

TEST(TermSlots, FindsEachOfThoseThatMeetAndLooksAtNoOther) {
  TermSlots slots(600);
  std::vector<uint32_t> hashes;
  for (uint32_t place = 0; place < slots.room(); ++place) {
    hashes.push_back(7 + (place / 2 << 24));  // all choose one slot
    slots.Put(hashes.back(), place);
  }
  for (uint32_t place = 0; place < hashes.size(); place += 37) {
    uint32_t looks = 0;
    const auto found = slots.Find(hashes[place], [&](uint32_t other) {
      ++looks;
      EXPECT_EQ(hashes[other], hashes[place]);
      return other == place;
    });
    EXPECT_EQ(found, place);
    EXPECT_LE(looks, 4u);  // so many have each hash
  }
  EXPECT_EQ(slots.Find(7, [](uint32_t) { return false; }), std::nullopt);
  EXPECT_EQ(slots.Find(8 + (1u << 23), [](uint32_t) { return true; }), std::nullopt);
}

}  // namespace
}  // namespace cordon
