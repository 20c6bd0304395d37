// Fears about masks that are kept: that a caller is given another's, or that they fill the memory.
#include "engine/index/caller_masks.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/index/listed_world.h"

namespace cordon {
namespace {

class CallerMasksTest : public testing::Test {
 protected:
  void SetUp() override {
    Random random(3);
    Clusters clusters(random, 16, 10);
    std::vector<std::vector<float>> vectors;
    std::vector<std::string> ids;
    for (size_t i = 0; i < 1000; ++i) {
      vectors.push_back(clusters.Next());
      ids.push_back(std::to_string(i));
    }
    std::vector<DocumentChange> changes(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      changes[i].document = ids[i];
      changes[i].rows = {{0, static_cast<uint32_t>(i % 4), vectors[i].data()}};
    }
    index_ = Upkept(index_.Apply(changes), Upkeep::kTrain);
  }

  const ListPart& part() const { return index_.lists()->part(); }
  size_t lists() const { return index_.lists()->geometry().lists(); }

  uint32_t ClassOf(size_t entry) const {
    const uint32_t id = part().blocks().id(entry);
    return index_.segments()[index_.numbers().segment(id)].rows().class_id(
        index_.numbers().row(id));
  }
  // Rows by id: those of one class.
  Bitmap RowsOf(uint32_t permitted) const {
    Bitmap rows(index_.rows());  // of one segment
    for (size_t entry = 0; entry < part().blocks().entries(); ++entry) {
      if (ClassOf(entry) == permitted) rows.Set(part().blocks().id(entry));
    }
    return rows;
  }

  // The masks of whoever may see one class.
  std::shared_ptr<CallerMasks> Find(MaskCache* cache, uint64_t key, uint32_t permitted) {
    return cache->Find({&key, 1}, 0, [&] {
      return std::make_shared<CallerMasks>(part(), lists(), RowsOf(permitted), cache->total());
    });
  }
  void ReadAll(CallerMasks* masks) const {
    for (uint32_t list = 0; list < lists(); ++list) masks->Of(list);
  }

  VectorIndex index_{16, Metric::kCosine};
};

TEST_F(CallerMasksTest, WhatGrowsAfterItWasFoundCountsToo) {
  constexpr uint64_t kCallers = 20;
  size_t small = 0;
  {
    MaskCache any(1);
    Find(&any, 1, 0);
    small = any.bytes();
  }
  MaskCache cache(kCallers * small);
  std::vector<std::weak_ptr<CallerMasks>> callers;
  for (uint64_t c = 0; c < kCallers; ++c) callers.push_back(Find(&cache, c, c % 4));
  EXPECT_EQ(cache.bytes(), kCallers * small);
  for (const auto& caller : callers) {
    ASSERT_FALSE(caller.expired());
    ReadAll(caller.lock().get());
  }
  ASSERT_GT(cache.bytes(), 2 * kCallers * small);
  const auto last = Find(&cache, 0, 0);  // known already
  EXPECT_LE(cache.bytes(), kCallers * small);
  EXPECT_EQ(last, callers[0].lock());
  EXPECT_TRUE(callers[1].expired());  // the least recently used went first
}

TEST_F(CallerMasksTest, BytesAreGivenBack) {
  MaskCache cache(1 << 20);
  auto masks = Find(&cache, 1, 2);
  const size_t unread = cache.bytes();
  ReadAll(masks.get());
  const size_t held = cache.bytes();
  EXPECT_GT(held, unread);
  const CallerMasks::Total total = cache.total();
  {
    CallerMasks others(part(), lists(), RowsOf(1), total);
    ReadAll(&others);
    EXPECT_GT(cache.bytes(), held);
  }
  EXPECT_EQ(cache.bytes(), held);
}

TEST_F(CallerMasksTest, OneOfAnotherKeyIsAnother) {
  MaskCache cache(1 << 20);
  const auto one = Find(&cache, 1, 1), two = Find(&cache, 2, 2);
  for (uint32_t list = 0; list < lists(); ++list) {
    const ListRange range = part().Find(list);
    uint32_t ones = 0, twos = 0;
    for (size_t entry = range.begin; entry < range.end; ++entry) {
      ones += ClassOf(entry) == 1 ? 1 : 0;
      twos += ClassOf(entry) == 2 ? 1 : 0;
    }
    EXPECT_EQ(one->Of(list).count, ones);
    EXPECT_EQ(two->Of(list).count, twos);
  }
  EXPECT_EQ(Find(&cache, 1, 3), one);
}

// A caller of whom nothing is remembered is dear, and no other search is to wait for it.
TEST_F(CallerMasksTest, WhatIsMadeHoldsUpNobody) {
  MaskCache cache(1 << 20);
  std::promise<void> begun, found;
  auto slow = std::async(std::launch::async, [&] {
    const uint64_t key = 1;
    return cache.Find({&key, 1}, 0, [&] {
      begun.set_value();
      EXPECT_EQ(found.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
      return std::make_shared<CallerMasks>(part(), lists(), RowsOf(1), cache.total());
    });
  });
  begun.get_future().wait();
  EXPECT_NE(Find(&cache, 2, 2), nullptr);
  const auto first = Find(&cache, 1, 1);  // faster than the one that began earlier
  const size_t held = cache.bytes();
  found.set_value();
  EXPECT_EQ(slow.get(), first);
  EXPECT_EQ(cache.bytes(), held);
}

// Whoever may see the same has the same masks, classes aside that came after the lists.
TEST_F(CallerMasksTest, EqualCallersShareThem) {
  const Lists& all = *index_.lists();
  const auto masks = all.MasksOf(AllowedOf({0, 2}, 4));
  EXPECT_EQ(all.MasksOf(AllowedOf({0, 2}, 4)), masks);
  EXPECT_EQ(all.MasksOf(AllowedOf({0, 2, 700}, 1000)), masks);
  EXPECT_NE(all.MasksOf(AllowedOf({0, 1}, 4)), masks);
  EXPECT_NE(all.MasksOf(AllowedOf({0, 1, 2}, 4)), masks);
}

// All that is told from them, masks and numbers of rows, is of these.
TEST_F(CallerMasksTest, TheRowsAreThoseOfThePermittedClasses) {
  for (const std::set<uint32_t>& classes :
       {std::set<uint32_t>{}, {0}, {1, 2}, {0, 3}, {0, 1, 2, 3}}) {
    const auto masks = index_.lists()->MasksOf(AllowedOf(classes, 4));
    for (size_t s = 0; s < index_.lists()->segments(); ++s) {
      const SegmentRows& rows = index_.segments()[s].rows();
      for (uint32_t row = 0; row < rows.size(); ++row) {
        ASSERT_EQ(masks->rows().Test(index_.numbers().Of(s, row)),
                  classes.contains(rows.class_id(row)))
            << row;
      }
    }
    EXPECT_EQ(masks->rows().Count(), index_.CountAllowed(AllowedOf(classes, 4)));
  }
}

TEST_F(CallerMasksTest, RowsAreKnownBeforeTheyAreCounted) {
  MaskCache cache(1 << 20);
  const auto masks = Find(&cache, 1, 1);
  EXPECT_FALSE(masks->covered_rows().has_value());
  masks->SetCoveredRows({7, 0});
  ASSERT_TRUE(masks->covered_rows().has_value());
  EXPECT_EQ(masks->covered_rows()->version, 7u);
  EXPECT_EQ(masks->covered_rows()->rows, 0u);
}

}  // namespace
}  // namespace cordon
