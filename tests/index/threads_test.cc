// Fears about lists that are made by several threads: that they depend on how many there are, or
// that whoever is asked whether to go on is asked by all of them.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/index/calibrate.h"
#include "engine/index/geometry_file.h"
#include "engine/index/training.h"
#include "tests/index/listed_world.h"

namespace cordon {
namespace {

constexpr size_t kSharedDimension = 16;
constexpr size_t kSharedRows = 11'000;  // in one segment; nine slices of k-means are its sample

// Says so after some questions, which one thread alone asks.
std::function<bool()> StopAfter(int most) {
  return [caller = std::this_thread::get_id(), most, asked = 0]() mutable {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    return ++asked > most;
  };
}
const std::function<bool()> kNeverStops = [] { return false; };

void ExpectSameLists(const SegmentLists& lists, const SegmentLists& others, size_t centroids) {
  ASSERT_EQ(lists.pairs.size(), others.pairs.size());
  for (size_t row = 0; row < lists.pairs.size(); ++row) {
    ASSERT_EQ(lists.pairs[row].first, others.pairs[row].first) << row;
    ASSERT_EQ(lists.pairs[row].second, others.pairs[row].second) << row;
  }
  for (uint32_t l = 0; l < centroids; ++l) {
    ASSERT_EQ(lists.part->Find(l).begin, others.part->Find(l).begin);
    ASSERT_EQ(lists.part->Find(l).end, others.part->Find(l).end);
  }
  const CodeBlocks &blocks = lists.part->blocks(), &theirs = others.part->blocks();
  ASSERT_EQ(blocks.entries(), theirs.entries());
  const size_t bytes = blocks.blocks() * blocks.block_bytes();
  EXPECT_EQ(std::memcmp(blocks.block(0), theirs.block(0), bytes), 0);
}

class ThreadsTest : public testing::Test {
 protected:
  VectorIndex Built(size_t rows) {
    const VectorIndex empty(kSharedDimension, Metric::kL2);
    return Filled(empty, rows, [&] { return Drawn{clusters_.Next()}; }).Frozen();
  }
  const SegmentRows& rows() const { return index_.segments().front().rows(); }
  std::shared_ptr<Geometry> Trained(size_t threads) const {
    return Train(Metric::kL2, kSharedDimension, /*revision=*/1, index_.segments(), kNeverStops,
                 threads);
  }

  Random random_{23};
  Clusters clusters_{random_, kSharedDimension, 30};
  const VectorIndex index_ = Built(kSharedRows);
};

TEST_F(ThreadsTest, TheGeometryIsTheSame) {
  const std::string alone = EncodeGeometry(*Trained(1));
  for (const size_t threads : {2, 3, 8}) {
    EXPECT_TRUE(EncodeGeometry(*Trained(threads)) == alone) << threads;
  }
}

// With and without some whose codes are known.
TEST_F(ThreadsTest, RowsAreInTheSameListsWithTheSameCodes) {
  const auto geometry = Trained(2);
  const auto alone = ListAlone(*geometry, rows(), {}, {}, 1);
  std::vector<std::optional<KnownLists>> known(rows().size());
  for (uint32_t row = 0; row < rows().size(); row += 3) {
    known[row] = KnownLists{alone->pairs[row], alone->part.get(), row};
  }
  for (const size_t threads : {1, 2, 3, 8}) {
    ExpectSameLists(*alone, *ListAlone(*geometry, rows(), {}, {}, threads), geometry->lists());
    ExpectSameLists(*alone, *ListAlone(*geometry, rows(), known, {}, threads), geometry->lists());
  }
}

// By the sums of what several threads have found.
TEST_F(ThreadsTest, TheCalibrationIsTheSame) {
  const VectorIndex index = Built(3'000);
  const MadeLists made = MakeLists(index, Upkeep::kTrain, {});
  const SearchedLists searched{*made.lists, made.to, index.numbers(), made.live.get()};
  const Calibration& its = made.lists->geometry().calibration();
  for (const size_t threads : {1, 3}) {
    const auto again = Calibrate(searched, Metric::kL2, kSharedDimension, kNeverStops, threads);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->least, its.least) << threads;
    EXPECT_EQ(again->work, its.work) << threads;
    EXPECT_EQ(again->left, its.left) << threads;
  }
  for (const int most : {0, 1, 5}) {
    EXPECT_FALSE(Calibrate(searched, Metric::kL2, kSharedDimension, StopAfter(most), 8)) << most;
  }
}

TEST_F(ThreadsTest, OneThreadIsToldToStop) {
  const auto geometry = Trained(2);
  for (const int most : {0, 1, 5}) {  // at once, in the sample, and while it is compared
    EXPECT_EQ(Train(Metric::kL2, kSharedDimension, 1, index_.segments(), StopAfter(most), 8),
              nullptr)
        << most;
  }
  for (const int most : {0, 1, 3}) {
    EXPECT_EQ(ListAlone(*geometry, rows(), {}, StopAfter(most), 8), nullptr) << most;
  }
}

}  // namespace
}  // namespace cordon
