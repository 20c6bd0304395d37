// Fears about what a caller may not see: that it shapes a fast answer, the plan that is chosen for
// it, or how far the lists are searched.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "engine/index/calibrate.h"
#include "engine/index/training.h"
#include "tests/effort.h"
#include "tests/index/listed_world.h"

namespace cordon {
namespace {

constexpr size_t kTwinDimension = 24;
// Three quarters of them are permitted: about twice as many as are always read flat, so that a
// filter of every second one leaves a few more or less than that.
constexpr size_t kTwinDocuments = 1340;

class TwinsTest : public testing::TestWithParam<Metric> {};

// Lists that are searched from so many permitted rows on, the deeper the fewer there are: a row
// more or less is another search.
VectorIndex ListedFrom(double rows, const VectorIndex& index) {
  const VectorIndex frozen = index.Frozen();
  const auto geometry =
      Train(frozen.metric(), frozen.dimension(), 1, frozen.segments(), [] { return false; });
  Calibration calibration;
  for (size_t f = 0; f < Calibration::kFractions.size(); ++f) {
    calibration.least[f].fill(0.3f / static_cast<float>(f + 1));
    calibration.work[f].fill(static_cast<float>(FlatWork(rows, frozen.dimension())));
    calibration.left[f].fill(0.3f);  // of some searches, so that these go through lists again
  }
  geometry->set_calibration(calibration);
  return frozen.With(MakeListsUnder(geometry, 0, frozen, {}));
}

// Of the searches that were free to choose one.
struct Plans {
  uint64_t lists = 0;
  uint64_t flat = 0;
};

std::string Told(const VectorIndex& index, const AllowedSet& allowed,
                 const std::vector<VectorQuestion>& questions, const SearchOptions& options,
                 Plans* plans) {
  const auto answers = index.SearchMany(allowed, questions, options);
  std::string told;
  for (const auto& [hits, trace] : *answers) {
    told += Way(trace) + "\n" + Describe(hits);
    if (options.plan == SearchPlan::kAuto) {
      ++(trace.plan == SearchPlan::kLists ? plans->lists : plans->flat);
    }
  }
  return told;
}

// A visible history in one world, and the same among other hidden rows, with other merges, in
// another.
void LiveAsTwins(uint64_t seed, Metric metric, Plans* plans) {
  Random random(seed + 77);
  Listed left(seed, kTwinDimension, metric, kTwinDocuments);
  Listed right = left;
  left.index = ListedFrom(static_cast<double>(500 * random.Below(3)), left.index);
  right.index = left.index;  // with the same geometry
  std::set<uint32_t> visible;
  for (uint32_t c = 0; c < Listed::kClasses; ++c) {
    if (c % 4 != 3) visible.insert(c);
  }
  for (int step = 0; step < 120; ++step) {
    for (uint64_t i = random.Below(4); i > 0; --i) {
      left.Hide("left-" + std::to_string(random.Below(400)), visible);
    }
    for (uint64_t i = random.Below(8); i > 0; --i) {
      right.Hide("another-" + std::to_string(random.Below(400)), visible);
    }
    if (random.OneIn(2)) {  // what the caller sees goes alike in both
      const std::string id = "d" + std::to_string(random.Below(kTwinDocuments));
      if (random.OneIn(3)) {
        left.Remove(id);
        right.Remove(id);
      } else {
        left.Put(id);
        right.model.documents[id] = left.model.documents[id];
        right.Apply(id);
      }
    }
    if (random.OneIn(20)) left.index = Upkept(left.index, Upkeep::kMerge);
    if (random.OneIn(30)) right.index = Upkept(right.index, Upkeep::kMerge);
    const size_t one_in = 1 + random.Below(3);
    Numbered of_left = left.Filter(one_in), of_right = right.Filter(one_in);
    AllowedSet left_allowed = AllowedOf(visible, Listed::kClasses), right_allowed = left_allowed;
    if (one_in > 1) left_allowed.filter = &of_left;
    if (one_in > 1) right_allowed.filter = &of_right;
    const std::vector<float> query = left.Query(), other = left.Query();
    // With scores: how near the ends of a range are to it goes by how rows lie.
    const std::vector<VectorQuestion> questions = {
        {query, 1, true}, {other, 10, true}, {query, 40, true}};
    const SearchOptions options{.mode = SearchMode::kFast,
                                .plan = step % 3 == 0 ? SearchPlan::kLists : SearchPlan::kAuto};
    ASSERT_EQ(Told(left.index, left_allowed, questions, options, plans),
              Told(right.index, right_allowed, questions, options, plans))
        << "step " << step;
  }
}

TEST_P(TwinsTest, HiddenRowsShapeNoAnswer) {
  Effort effort("S2-lists", 24);
  Plans plans;
  while (effort.More()) {
    SCOPED_TRACE("seed " + std::to_string(effort.seed() + effort.rounds()));
    ASSERT_NO_FATAL_FAILURE(LiveAsTwins(effort.seed() + effort.rounds(), GetParam(), &plans));
  }
  EXPECT_GT(plans.lists, 0u) << "the test shows less than it should";
  EXPECT_GT(plans.flat, 0u) << "the test shows less than it should";
  effort.Report("different={} lists={} flat={}", HasFatalFailure() ? 1 : 0, plans.lists,
                plans.flat);
}

INSTANTIATE_TEST_SUITE_P(Metrics, TwinsTest, kMetrics, NameOf);

}  // namespace
}  // namespace cordon
