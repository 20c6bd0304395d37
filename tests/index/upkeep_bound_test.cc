// Fears about the memory that upkeep takes while it runs: that much which was erased is written
// anew at once; and that what is put off for this is never done, or after what is less urgent.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/index/listed_world.h"

namespace cordon {
namespace {

constexpr size_t kBoundDimension = 16;
constexpr size_t kFull = 50;  // rows of a segment
constexpr size_t kSegments = 20;

class UpkeepBoundTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto draw = [&] { return Drawn{clusters_.Next()}; };
    index_ = Upkept(Filled(index_, kFull * kSegments, draw), Upkeep::kTrain);
    ASSERT_EQ(index_.segments().size(), kSegments);
  }

  // The first `n` documents of a segment.
  void Change(size_t segment, size_t n, DocumentChange::Kind kind) {
    const SegmentRows& rows = index_.segments()[segment].rows();
    std::vector<DocumentChange> changes(n);
    for (uint32_t i = 0; i < n; ++i) {
      changes[i].document = rows.id(i);
      changes[i].kind = kind;
      if (kind == DocumentChange::Kind::kErase) erased_.emplace_back(rows.id(i));
    }
    index_ = index_.Apply(changes);
  }

  // How many of what was erased can still be read.
  size_t Readable() const {
    return static_cast<size_t>(
        std::count_if(erased_.begin(), erased_.end(), [&](const std::string& id) {
          const auto segments = index_.segments();
          return std::any_of(segments.begin(), segments.end(),
                             [&](const Segment& s) { return s.rows().Find(id).has_value(); });
        }));
  }

  // How many rows that takes.
  uint64_t Merge() {
    const VectorIndex frozen = index_.Frozen();
    const MadeLists made = MakeLists(frozen, Upkeep::kMerge, {});
    uint64_t written = 0;
    for (const Segment& segment : made.to) {
      const bool kept = std::any_of(made.from.begin(), made.from.end(), [&](const Segment& old) {
        return old.shared_rows() == segment.shared_rows();
      });
      if (!kept) written += segment.rows().size();
    }
    EXPECT_LE(written, RewrittenMax(frozen));
    index_ = frozen.With(made);
    return written;
  }

  Random random_{4};
  Clusters clusters_{random_, kBoundDimension, 10};
  VectorIndex index_{kBoundDimension, Metric::kL2, kFull* RowStride(kBoundDimension)};
  std::vector<std::string> erased_;
};

TEST_F(UpkeepBoundTest, ManyErasedSegmentsAreWrittenAnewAFewAtATime) {
  for (size_t s = 0; s < kSegments; ++s) Change(s, 1, DocumentChange::Kind::kErase);
  ASSERT_EQ(Readable(), kSegments);
  size_t merges = 0;
  for (; NeededUpkeep(index_, false) == Upkeep::kMerge; ++merges) {
    ASSERT_LT(merges, kSegments) << "it does not end";
    const size_t before = Readable();
    EXPECT_GT(Merge(), 0u);
    EXPECT_LT(Readable(), before);
  }
  EXPECT_EQ(Readable(), 0u);
  EXPECT_GE(merges, kSegments * (kFull - 1) / RewrittenMax(index_));
  EXPECT_EQ(index_.rows(), kSegments * (kFull - 1));
}

// More comes than one upkeep writes anew: the segments that wait longest are the next.
TEST_F(UpkeepBoundTest, WhatWasErasedFirstLeavesWhileMoreIsErased) {
  for (size_t s = 0; s < kSegments; ++s) Change(s, 1, DocumentChange::Kind::kErase);
  for (size_t merge = 0; merge < kSegments; ++merge) {
    Merge();
    for (size_t s = 0; s < index_.segments().size(); ++s) {
      Change(s, 1, DocumentChange::Kind::kErase);
    }
  }
  erased_.resize(kSegments);
  EXPECT_EQ(Readable(), 0u);
}

TEST_F(UpkeepBoundTest, WhatIsErasedGoesBeforeWhatIsDead) {
  for (size_t s = 0; s < 8; ++s) Change(s, kFull / 2 + 1, DocumentChange::Kind::kRemove);
  Change(kSegments - 1, 1, DocumentChange::Kind::kErase);
  Merge();
  EXPECT_EQ(Readable(), 0u);
}

}  // namespace
}  // namespace cordon
