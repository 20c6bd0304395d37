// Fears: a version changes after it was copied; what is appended in place is seen by another.
#include "engine/base/persistent_vector.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "engine/base/random.h"

namespace cordon {
namespace {

void ExpectSame(const std::vector<int>& expected, const PersistentVector<int>& found) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(found[i], expected[i]) << i;
}

struct Version {
  PersistentVector<int> vector;
  std::vector<int> model;
};

TEST(PersistentVectorTest, AVersionChangesAfterItWasCopied) {
  Random random(1);
  std::deque<Version> versions(1);
  for (int step = 0; step < 4000; ++step) {
    // Of an old version, too: what was refused goes, and another takes its places.
    if (random.OneIn(40)) versions.push_back(versions[random.Below(versions.size())]);
    if (versions.size() > 8) versions.pop_front();
    Version& version = random.OneIn(4) ? versions.front() : versions.back();
    for (uint64_t n = random.Below(4); n > 0; --n) {
      version.vector.PushBack(step);
      version.model.push_back(step);
    }
    if (step % 100 > 0) continue;
    for (const Version& each : versions) ExpectSame(each.model, each.vector);
  }
  EXPECT_GT(versions.back().model.size(), 256u) << "one block";
}

// The place that one version takes behind the end of the other is taken for good, whatever becomes
// of either.
TEST(PersistentVectorTest, WhatAVersionHeldOutlivesAll) {
  const auto held = std::make_shared<int>(7), other = std::make_shared<int>(8);
  {
    PersistentVector<std::shared_ptr<int>> base;
    base.PushBack(held);
    {
      PersistentVector<std::shared_ptr<int>> refused = base;
      refused.PushBack(other);
    }
    base.PushBack(held);
    EXPECT_EQ(base.size(), 2u);
    EXPECT_EQ(base[1], held);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(other.use_count(), 1);
}

TEST(PersistentVectorTest, WhatStandsThereMovesWhenMoreIsAppended) {
  PersistentVector<int> vector;
  vector.PushBack(7);
  const int* const first = &vector[0];
  for (int i = 0; i < 1000; ++i) vector.PushBack(i);
  EXPECT_EQ(&vector[0], first);
  EXPECT_EQ(*first, 7);
}

}  // namespace
}  // namespace cordon
