// Fears about questions that share a scan: that one is answered otherwise than alone, by another's
// rows or floor; or that the scan does not stop when it is told to.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/kernels.h"
#include "engine/index/scan.h"
#include "engine/index/vector_index.h"
#include "tests/index/listed_world.h"
#include "tests/index/world.h"

namespace cordon {
namespace {

// Documents that came, changed and went, some of them bounded, and vectors that are hard to tell
// apart.
class Shared {
 public:
  explicit Shared(uint64_t seed)
      : random(seed),
        dimension_(Pick({1, 3, 16, 33, 100})),
        classes_(Pick({1, 4, 50})),
        vectors_(random, dimension_),
        index(dimension_, Pick({Metric::kCosine, Metric::kInnerProduct, Metric::kL2}),
              RowStride(dimension_) * Pick({50, 700, 100000})) {
    const size_t documents = Pick({3, 60, 700, 2500});
    VectorIndexBuilder builder(index);
    for (size_t d = 0; d < documents; ++d) {
      Draw(d, [&](const DocumentChange& change) { builder.Add(change); });
    }
    index = builder.Finish();
    for (size_t i = random.Below(100); i > 0; --i) {
      const size_t d = random.Below(documents);
      if (random.OneIn(2)) {
        Draw(d, [&](const DocumentChange& change) { index = index.Apply({&change, 1}); });
      } else {
        Remove(d);
      }
    }
  }

  AllowedSet Caller() {
    AllowedSet allowed{Bitmap(classes_), static_cast<Micros>(random.Below(10))};
    const uint64_t rarity = Pick({1, 2, 20});
    for (size_t c = 0; c < classes_; ++c) {
      if (random.OneIn(rarity)) allowed.classes.Set(c);
    }
    return allowed;
  }

  std::vector<float> Vector() { return vectors_.Next(); }

  template <typename T>
  T Pick(std::initializer_list<T> choices) {
    return *(choices.begin() + random.Below(choices.size()));
  }

  Random random;

 private:
  template <typename Use>
  void Draw(size_t d, Use use) {
    const std::string id = "d" + std::to_string(d);
    DocumentChange change;
    change.document = id;
    if (random.OneIn(10)) change.valid_from = static_cast<Micros>(random.Below(10));
    if (random.OneIn(10)) change.valid_until = static_cast<Micros>(random.Below(10));
    std::vector<std::vector<float>> rows(1 + random.Below(3));
    for (std::vector<float>& row : rows) row = vectors_.Next();
    for (uint32_t i = 0; i < rows.size(); ++i) {
      change.rows.push_back({i, static_cast<uint32_t>(random.Below(classes_)), rows[i].data()});
    }
    use(change);
  }

  void Remove(size_t d) {
    const std::string id = "d" + std::to_string(d);
    DocumentChange change;
    change.document = id;
    change.kind = DocumentChange::Kind::kRemove;
    index = index.Apply({&change, 1});
  }

  const size_t dimension_;
  const size_t classes_;
  VectorSource vectors_;

 public:
  VectorIndex index;
};

// To the last bit, ends of ranges included.
void ExpectEach(const VectorIndex& index, const AllowedSet& allowed,
                const std::vector<VectorQuestion>& questions, SearchOptions options) {
  const auto answers = index.SearchMany(allowed, questions, options);
  ASSERT_TRUE(answers.ok()) << answers.status().ToString();
  ASSERT_EQ(answers->size(), questions.size());
  for (size_t q = 0; q < questions.size(); ++q) {
    SCOPED_TRACE(testing::Message() << "question " << q << " of " << questions.size());
    options.k = questions[q].k;
    SearchTrace trace;
    const auto alone = index.Search(allowed, questions[q].vector, options, &trace);
    ASSERT_TRUE(alone.ok());
    const auto& [hits, shared] = (*answers)[q];
    ASSERT_EQ(hits.size(), alone->size());
    for (size_t i = 0; i < hits.size(); ++i) {
      ASSERT_EQ(hits[i].document, (*alone)[i].document) << "rank " << i;
      ASSERT_EQ(hits[i].ordinal, (*alone)[i].ordinal) << "rank " << i;
      ASSERT_EQ(hits[i].class_id, (*alone)[i].class_id) << "rank " << i;
      ASSERT_EQ(hits[i].score.low, (*alone)[i].score.low) << "rank " << i;
      ASSERT_EQ(hits[i].score.high, (*alone)[i].score.high) << "rank " << i;
    }
    ASSERT_EQ(shared.plan, trace.plan);
    ASSERT_EQ(shared.geometry, trace.geometry);
    ASSERT_EQ(shared.lists_scanned, trace.lists_scanned);
    ASSERT_EQ(shared.rows_reranked, trace.rows_reranked);
  }
}

TEST(SearchManyTest, FindsForEachWhatItWouldAlone) {
  const auto instruction_sets = InstructionSets();
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Shared world(seed);
    ASSERT_TRUE(UseInstructionSet(instruction_sets[seed % instruction_sets.size()]));
    for (int caller = 0; caller < 4; ++caller) {
      const AllowedSet allowed = world.Caller();
      // More than one scan takes, too.
      const size_t n = world.Pick({1, 2, 3, 4, 5, 8, 31, 70});
      std::vector<std::vector<float>> vectors;
      for (size_t q = 0; q < n; ++q) vectors.push_back(world.Vector());
      std::vector<VectorQuestion> questions;
      for (const auto& vector : vectors) {
        questions.push_back({vector, static_cast<size_t>(world.Pick({1, 2, 10, 100, 3000}))});
      }
      ASSERT_NO_FATAL_FAILURE(ExpectEach(world.index, allowed, questions, {}));
    }
  }
  ASSERT_TRUE(UseInstructionSet(""));
}

// Of the same caller some questions are searched in lists, and some, by their k, are not.
TEST(SearchManyTest, FindsForEachWhatItWouldAloneWhereThereAreLists) {
  constexpr size_t kDimension = 32;
  constexpr size_t kRows = 3000;
  constexpr size_t kClasses = 10;
  Random random(5);
  Clusters clusters(random, kDimension, 30);
  const auto draw = [&] {
    return Drawn{clusters.Next(), static_cast<uint32_t>(random.Below(kClasses))};
  };
  const VectorIndex empty(kDimension, Metric::kCosine, 700 * kDimension);
  const VectorIndex index = Upkept(Filled(empty, kRows, draw), Upkeep::kTrain);
  ASSERT_NE(index.lists(), nullptr);
  std::vector<std::vector<float>> vectors;
  for (int q = 0; q < 40; ++q) vectors.push_back(clusters.Next());
  std::vector<VectorQuestion> questions;
  for (const auto& vector : vectors) questions.push_back({vector, random.OneIn(2) ? 10u : 1000u});
  for (const SearchPlan plan : {SearchPlan::kAuto, SearchPlan::kFlat, SearchPlan::kLists}) {
    for (const SearchMode mode : {SearchMode::kFast, SearchMode::kExact}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(plan) << static_cast<int>(mode));
      ASSERT_NO_FATAL_FAILURE(ExpectEach(index, AllowedOf({0, 1, 2, 3, 4, 5, 6}, kClasses),
                                         questions, {.mode = mode, .plan = plan}));
    }
  }
}

// One index of many blocks for the rest.
VectorIndex Rows(size_t rows, const std::vector<float>& vector) {
  const VectorIndex empty(vector.size(), Metric::kCosine);
  return Filled(empty, rows, [&] { return Drawn{vector}; });
}

TEST(SearchManyTest, AsksOnceABlockWhetherItGoesOn) {
  const std::vector<float> one(16, 1.0f);
  const VectorIndex index = Rows(10'000, one);
  const AllowedSet allowed = AllowedOf({0}, 1);
  size_t alone = 0;
  ASSERT_TRUE(index.Search(allowed, one, {.stop = [&] { return ++alone, false; }}).ok());
  const std::vector<VectorQuestion> questions(Scan::kQueriesMax, {one, 10});
  size_t asked = 0, stop_at = SIZE_MAX;
  const SearchOptions options{.stop = [&] { return ++asked == stop_at; }};
  ASSERT_TRUE(index.SearchMany(allowed, questions, options).ok());
  EXPECT_EQ(asked, alone) << "it reads the rows more than once, or does not ask";
  for (stop_at = 1; stop_at <= alone; ++stop_at) {
    asked = 0;
    const auto answers = index.SearchMany(allowed, questions, options);
    ASSERT_FALSE(answers.ok());
    ASSERT_EQ(answers.status().code(), StatusCode::kDeadlineExceeded);
    ASSERT_EQ(asked, stop_at) << "it went on after it was told to stop";
  }
}

TEST(SearchManyTest, RefusesWhatSearchRefusesAndAnswersNothing) {
  const std::vector<float> one(3, 1.0f);
  const VectorIndex index = Rows(10, one);
  const AllowedSet allowed = AllowedOf({0}, 1);
  EXPECT_TRUE(index.SearchMany(allowed, {}, {})->empty());
  std::vector<float> nan = one;
  nan[1] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> short_one(2, 1.0f);
  for (const auto& bad : {nan, short_one}) {
    const std::vector<VectorQuestion> questions = {{one, 1}, {bad, 1}};
    EXPECT_EQ(index.SearchMany(allowed, questions, {}).status().field(), "vector");
  }
  const std::vector<VectorQuestion> none = {{one, 0}};
  EXPECT_EQ(index.SearchMany(allowed, none, {}).status().field(), "k");
  const std::vector<VectorQuestion> questions = {{one, 3}, {one, 20}};
  const auto of_nobody = index.SearchMany(AllowedSet{}, questions, {});
  ASSERT_TRUE(of_nobody.ok());
  for (const VectorAnswer& answer : *of_nobody) EXPECT_TRUE(answer.hits.empty());
}

}  // namespace
}  // namespace cordon
