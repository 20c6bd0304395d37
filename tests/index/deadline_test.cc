// Fears about deadlines: that a search of rows which hardly any question is about does not listen
// to its caller while it counts them, makes masks, or passes them over.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "engine/index/geometry_file.h"
#include "tests/index/listed_world.h"

namespace cordon {
namespace {

constexpr size_t kAskedDimension = 16;
constexpr uint64_t kAskedRows = 30'000;  // in one segment
constexpr uint64_t kLooked = kAskedRows / kLooksBetweenStops;

// Which looks at every document to no avail.
class Nothing : public DocumentFilter {
 public:
  Nothing() : DocumentFilter(kAskedRows) {}

 private:
  uint64_t Word(uint32_t) const override { return 0; }
};

class DeadlineTest : public testing::Test {
 protected:
  // Documents of one class, which end at `until`.
  VectorIndex Rows(uint64_t rows, Micros until) {
    const VectorIndex empty(kAskedDimension, Metric::kL2);
    return Filled(empty, rows, [&] { return Drawn{clusters_.Next(), 0, until}; });
  }

  // In lists of a geometry that was trained on few rows, which is quicker.
  VectorIndex InLists(Micros until) {
    const VectorIndex few = Upkept(Rows(512, kNever), Upkeep::kTrain);
    const auto geometry = DecodeGeometry(EncodeGeometry(few.lists()->geometry()))->geometry;
    const VectorIndex frozen = Rows(kAskedRows, until).Frozen();
    return frozen.With(MakeListsUnder(geometry, 0, frozen, {}));
  }

  // That a search for nothing asks at least so often whether it goes on, and ends whenever it is
  // told not to.
  void ExpectAsks(const VectorIndex& index, const AllowedSet& allowed, SearchOptions options,
                  uint64_t least) {
    const std::vector<float> query = clusters_.Next();
    uint64_t asked = 0, stop_at = 0;
    options.stop = [&] { return ++asked == stop_at; };
    const auto ask = [&] {
      asked = 0;
      Nothing nothing;
      AllowedSet its = allowed;
      if (allowed.filter != nullptr) its.filter = &nothing;
      return index.Search(its, query, options);
    };
    ASSERT_TRUE(ask().ok());  // masks are there from now on
    const auto whole = ask();
    ASSERT_TRUE(whole.ok());
    EXPECT_TRUE(whole->empty());
    const uint64_t all = asked;
    EXPECT_GE(all, least);
    for (stop_at = 1; stop_at <= all; ++stop_at) {
      const auto hits = ask();
      ASSERT_EQ(hits.status().code(), StatusCode::kDeadlineExceeded) << stop_at << " of " << all;
      ASSERT_EQ(asked, stop_at) << "it went on after it was told to stop";
    }
  }

  Random random_{3};
  Clusters clusters_{random_, kAskedDimension, 10};
  Nothing nothing_;
};

TEST_F(DeadlineTest, EndsAScanThatPassesRowsOver) {
  AllowedSet allowed = AllowedOf({0}, 1, 10);
  const VectorIndex ended = Rows(kAskedRows, 5);
  ExpectAsks(ended, allowed, {}, kLooked);
  allowed.filter = &nothing_;
  const VectorIndex index = Rows(kAskedRows, kNever);
  ExpectAsks(index, allowed, {}, kLooked);
}

// The rows are counted, and then, since there are few, looked at once more.
TEST_F(DeadlineTest, EndsTheCountThatAPlanIsChosenBy) {
  AllowedSet allowed = AllowedOf({0}, 1);
  allowed.filter = &nothing_;
  const VectorIndex index = InLists(kNever);
  ExpectAsks(index, allowed, {.mode = SearchMode::kFast}, 2 * kLooked);
}

// Where lists are searched by all means: the rows in them, and all lists.
TEST_F(DeadlineTest, EndsTheCountOfWhatListsCover) {
  AllowedSet allowed = AllowedOf({0}, 1);
  allowed.filter = &nothing_;
  const VectorIndex index = InLists(kNever);
  const uint64_t lists = index.lists()->geometry().lists();
  ExpectAsks(index, allowed, Fast(10), kLooked + lists);
}

// Those of documents with times, row by row. A search that was told to stop leaves none behind.
TEST_F(DeadlineTest, EndsTheMakingOfMasks) {
  const VectorIndex index = InLists(5);
  const AllowedSet allowed = AllowedOf({0}, 1, 10);
  uint64_t asked = 0, stop_at = 0;
  const auto stop = [&] { return ++asked == stop_at; };
  for (stop_at = 1; stop_at <= kLooked; ++stop_at) {
    asked = 0;
    ASSERT_EQ(index.lists()->MasksOf(allowed, stop), nullptr) << stop_at;
    ASSERT_EQ(asked, stop_at);
    SearchOptions options = Fast(10);
    asked = 0;
    options.stop = stop;
    const auto hits = index.Search(allowed, clusters_.Next(), options);
    ASSERT_EQ(hits.status().code(), StatusCode::kDeadlineExceeded) << stop_at;
  }
  const auto masks = index.lists()->MasksOf(allowed, [] { return false; });
  ASSERT_NE(masks, nullptr);
  EXPECT_EQ(masks->rows().Count(), 0u);
  EXPECT_EQ(index.lists()->MasksOf(allowed, [] { return true; }), masks) << "it asks for nothing";
}

}  // namespace
}  // namespace cordon
