// Fears about searches of lists: that an answer holds what is not permitted, not enough of it, or
// less of the best than asked; and that it goes by whoever asked before.
#include "engine/index/list_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "engine/index/kernels.h"
#include "engine/index/training.h"
#include "tests/effort.h"
#include "tests/index/listed_world.h"

namespace cordon {
namespace {

constexpr size_t kClasses = Listed::kClasses;

class ListSearchTest : public testing::TestWithParam<Metric> {
 protected:
  // Another metric is other numbers; TwinsTest searches the lists of each in all builds.
  void SetUp() override {
    if (kSanitized && GetParam() != Metric::kL2) GTEST_SKIP() << "with sanitizers of one metric";
  }
};

// The worst caller gets at least 0.9 of what was asked.
TEST_P(ListSearchTest, FindsAsMuchOfTheBestAsIsAsked) {
  // It measures recall, a number that sanitizers do not change; the tests below search alike.
  if (kSanitized) GTEST_SKIP() << "of numbers alone";
  Listed world(11, 32, GetParam(), 6000);
  world.index = Upkept(world.index, Upkeep::kTrain);
  for (const double recall : {0.8, 0.95, 0.99}) {
    double sum = 0, worst = 1;
    constexpr int kCallers = 8, kQueries = 25;
    for (int c = 0; c < kCallers; ++c) {
      const auto classes = world.SomeClasses(c % 2 == 0 ? 1 : 3);
      const AllowedSet allowed = AllowedOf(classes, kClasses);
      size_t found = 0;
      for (int q = 0; q < kQueries; ++q) {
        const auto query = world.Query();
        const auto expected = world.model.Search(classes, 0, query, 10);
        const auto hits = world.index.Search(allowed, query, Fast(10, recall));
        ASSERT_TRUE(hits.ok());
        ASSERT_EQ(hits->size(), expected.size());
        for (const Hit& hit : *hits) {
          ASSERT_TRUE(classes.contains(hit.class_id));
          found += std::any_of(expected.begin(), expected.end(),
                               [&](const ModelHit& e) { return e.document == hit.document; })
                       ? 1
                       : 0;
        }
      }
      const double own = static_cast<double>(found) / (10.0 * kQueries);
      sum += own;
      worst = std::min(worst, own);
    }
    EXPECT_GE(sum / kCallers, recall) << "asked " << recall;
    EXPECT_GE(worst, 0.9 * recall) << "asked " << recall;
  }
}

TEST_P(ListSearchTest, AlwaysFindsAsManyAsThereAre) {
  Listed world(5, 16, GetParam(), 800);
  world.index = Upkept(world.index, Upkeep::kTrain);
  for (int q = 0; q < 60; ++q) {
    const auto classes = world.SomeClasses(1 + world.random.Below(30));
    const size_t k = 1 + world.random.Below(q % 3 == 0 ? 1000 : 20);
    const AllowedSet allowed = AllowedOf(classes, kClasses);
    const auto hits = world.index.Search(allowed, world.Query(), Fast(k));
    ASSERT_TRUE(hits.ok());
    ASSERT_EQ(hits->size(), std::min<size_t>(k, world.index.CountAllowed(allowed)));
  }
}

// With `least` so small that every list is read, a fast answer is the exact one.
TEST_P(ListSearchTest, ReadingAllListsFindsTheBest) {
  Listed world(6, 48, GetParam(), 1500);
  world.index = Upkept(world.index, Upkeep::kTrain);
  size_t found = 0, wanted = 0;
  for (int q = 0; q < 50; ++q) {
    const auto classes = world.SomeClasses(2);
    const auto query = world.Query();
    SearchOptions options = Fast(10);
    options.least = 1e-30f;
    const auto hits = world.index.Search(AllowedOf(classes, kClasses), query, options);
    const auto expected = world.model.Search(classes, 0, query, 10);
    for (size_t i = 0; i < expected.size(); ++i, ++wanted) {
      found += (*hits)[i].document == expected[i].document ? 1 : 0;
    }
  }
  EXPECT_GE(static_cast<double>(found), 0.99 * static_cast<double>(wanted));
}

// From the fewest dimensions that lists take to the most, and every instruction set finds the same.
TEST_P(ListSearchTest, ServesTheFewestAndTheMostDimensions) {
  for (const size_t dimension : {kListedDimensionMin, limits::kDimensionMax}) {
    Listed world(17, dimension, GetParam(), 300);
    world.index = Upkept(world.index, Upkeep::kTrain);
    SearchOptions options = Fast(10);
    options.least = 1e-30f;
    size_t found = 0, wanted = 0;
    for (int q = 0; q < 5; ++q) {
      const auto classes = world.SomeClasses(2);
      const auto query = world.Query();
      const auto expected = world.model.Search(classes, 0, query, 10);
      for (const std::string_view set : InstructionSets()) {
        ASSERT_TRUE(UseInstructionSet(set));
        SearchTrace trace;
        const auto hits = world.index.Search(AllowedOf(classes, kClasses), query, options, &trace);
        ASSERT_TRUE(hits.ok());
        ASSERT_EQ(trace.plan, SearchPlan::kLists);
        ASSERT_EQ(hits->size(), expected.size());
        for (size_t i = 0; i < expected.size(); ++i, ++wanted) {
          found += (*hits)[i].document == expected[i].document ? 1 : 0;
        }
      }
      ASSERT_TRUE(UseInstructionSet(""));
    }
    EXPECT_GE(static_cast<double>(found), 0.99 * static_cast<double>(wanted)) << dimension;
  }
}

// A filter is applied inside the lists, the merged ones and those beside them: there are as many
// answers as there are rows that it admits, and of the best of those as many as are found without
// it.
TEST_P(ListSearchTest, FiltersInsideTheLists) {
  Listed world(15, 32, GetParam(), 2000);
  world.index = Upkept(world.index, Upkeep::kTrain);
  for (int i = 0; i < 300; ++i) {
    const std::string id = "d" + std::to_string(world.random.Below(2300));
    world.random.OneIn(3) ? world.Remove(id) : world.Put(id);
  }
  for (const size_t one_in : {1, 2, 10, 100}) {
    const Model model = world.Filtered(one_in);
    size_t found = 0, wanted = 0;
    for (int q = 0; q < 30; ++q) {
      const auto classes = world.SomeClasses(1 + world.random.Below(3));
      const auto query = world.Query();
      Numbered filter = world.Filter(one_in);
      AllowedSet allowed = AllowedOf(classes, kClasses);
      allowed.filter = &filter;
      ASSERT_EQ(world.index.CountAllowed(allowed), model.Count(classes, 0));
      const auto expected = model.Search(classes, 0, query, 10);
      SearchOptions options = Fast(10);
      if (q % 2 == 0) options.least = 1e-30f;
      const auto hits = world.index.Search(allowed, query, options);
      ASSERT_EQ(hits->size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_TRUE(Listed::Admits((*hits)[i].document, one_in));
        ASSERT_TRUE(classes.contains((*hits)[i].class_id));
        if (q % 2 == 0) found += (*hits)[i].document == expected[i].document ? 1 : 0;
      }
      if (q % 2 == 0) wanted += expected.size();
    }
    EXPECT_GE(static_cast<double>(found), 0.98 * static_cast<double>(wanted));
  }
}

// The plan goes by what the filter admits: so few rows are all read, and the answer is exact. Nor
// does what one question's filter admits count for the next question.
TEST_P(ListSearchTest, PlansByWhatTheFilterAdmits) {
  Listed world(16, 128, GetParam(), 8000);
  world.index = Upkept(world.index, Upkeep::kTrain);
  const std::set<uint32_t> all = world.SomeClasses(1);
  AllowedSet allowed = AllowedOf(all, kClasses);
  const SearchOptions fast = {.k = 10, .mode = SearchMode::kFast, .recall = 0.8};
  SearchTrace before, filtered, after;
  const auto query = world.Query();
  ASSERT_TRUE(world.index.Search(allowed, query, fast, &before).ok());
  ASSERT_EQ(before.plan, SearchPlan::kLists);
  Numbered filter = world.Filter(50);
  allowed.filter = &filter;
  const auto hits = world.index.Search(allowed, query, fast, &filtered);
  EXPECT_EQ(filtered.plan, SearchPlan::kFlat);
  const auto expected = world.Filtered(50).Search(all, 0, query, 10);
  ASSERT_EQ(hits->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ((*hits)[i].document, expected[i].document);
  }
  allowed.filter = nullptr;
  ASSERT_TRUE(world.index.Search(allowed, query, fast, &after).ok());
  EXPECT_EQ(after.plan, before.plan);
  EXPECT_EQ(after.lists_scanned, before.lists_scanned);
}

// Equal vectors in plenty: which of them are found goes by document.
TEST_P(ListSearchTest, TiesGoByDocument) {
  Listed world(8, 16, GetParam(), 600);
  const std::vector<float> same = world.Query();
  for (int i = 0; i < 300; ++i) {
    const std::string id = "same-" + std::to_string(i * 7 % 300);
    world.model.documents[id] = {kAlways, kNever, {{0, {2, same}}}};
    world.Apply(id);
  }
  world.index = Upkept(world.index, Upkeep::kTrain);
  const auto hits = world.index.Search(AllowedOf({2}, kClasses), same, Fast(40));
  const auto expected = world.model.Search({2}, 0, same, 40);
  ASSERT_EQ(hits->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ((*hits)[i].document, expected[i].document) << i;
  }
}

// Deleted, re-labelled and expired rows are gone from the lists of every caller, at once.
TEST_P(ListSearchTest, WhatIsGoneIsFoundByNobody) {
  Listed world(9, 16, GetParam(), 700);
  world.index = Upkept(world.index, Upkeep::kTrain);
  const std::set<uint32_t> all = world.SomeClasses(1);
  const AllowedSet allowed = AllowedOf(all, kClasses);
  for (int i = 0; i < 700; ++i) {
    const std::string id = "d" + std::to_string(i);
    const std::vector<float> query = world.model.documents[id].rows[0].vector;
    const VectorIndex pinned = world.index;
    ASSERT_FALSE(pinned.Search(allowed, query, Fast(1))->empty());
    world.Remove(id);
    const auto hits = world.index.Search(allowed, query, Fast(3));
    for (const Hit& hit : *hits) ASSERT_NE(hit.document, id);
    if (i % 100 == 50) world.index = Upkept(world.index, Upkeep::kMerge);
    if (i > 600) break;
  }
}

// What is written while lists are made is there when they are, and what was deleted is not, also
// where rows were written anew meanwhile.
TEST_P(ListSearchTest, WritesGoOnWhileListsAreMade) {
  Listed world(13, 16, GetParam(), 900);
  Random random(14);
  const std::set<uint32_t> all = world.SomeClasses(1);
  const AllowedSet allowed = AllowedOf(all, kClasses);
  for (int round = 0; round < 12; ++round) {
    const VectorIndex frozen = world.index.Frozen();
    const Upkeep upkeep = round % 4 == 0 ? Upkeep::kTrain : Upkeep::kMerge;
    const MadeLists made = MakeLists(frozen, upkeep, {});
    world.index = frozen;
    for (int i = 0; i < 120; ++i) {
      const std::string id = "d" + std::to_string(random.Below(1000));
      random.OneIn(2) ? world.Remove(id) : world.Put(id);
    }
    world.index = world.index.With(made);
    ASSERT_EQ(world.index.rows(), world.model.Rows());
    size_t found = 0, wanted = 0;
    for (int q = 0; q < 10; ++q) {
      const auto query = world.Query();
      const auto expected = world.model.Search(all, 0, query, 10);
      const auto exact = world.index.Search(allowed, query, {.k = 10});
      SearchOptions options = Fast(10);
      options.least = 1e-30f;
      const auto fast = world.index.Search(allowed, query, options);
      ASSERT_EQ(exact->size(), expected.size());
      ASSERT_EQ(fast->size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i, ++wanted) {
        ASSERT_EQ((*exact)[i].document, expected[i].document);
        ASSERT_TRUE(world.model.documents.contains((*fast)[i].document));
        found += (*fast)[i].document == expected[i].document ? 1 : 0;
      }
    }
    ASSERT_GE(found * 100, wanted * 98);
  }
  size_t rows = 0;
  for (const Segment& segment : world.index.segments()) rows += segment.rows().size();
  EXPECT_LE(rows, 3 * world.model.Rows()) << "dead rows pile up";
}

TEST_P(ListSearchTest, CallersDoNotShareMasks) {
  Listed world(10, 16, GetParam(), 500);
  world.index = Upkept(world.index, Upkeep::kTrain);
  for (uint32_t c = 0; c < kClasses; ++c) {
    const auto hits = world.index.Search(AllowedOf({c}, kClasses), world.Query(), Fast(50));
    ASSERT_EQ(hits->size(), std::min<size_t>(50, world.model.Count({c}, 0)));
    ASSERT_FALSE(hits->empty());
    for (const Hit& hit : *hits) ASSERT_EQ(hit.class_id, c);
  }
}

// The way of a search and what it finds.
std::string Told(const VectorIndex& index, const AllowedSet& allowed,
                 const std::vector<float>& query) {
  SearchTrace trace;
  const auto hits =
      index.Search(allowed, query, {.k = 10, .mode = SearchMode::kFast, .recall = 0.8}, &trace);
  return Way(trace) + "\n" + Describe(*hits);
}

// Two callers who differ only in a class that came after the lists share their masks. How many rows
// each may see decides the plan, and must not be the other's number, whoever asks first.
TEST_P(ListSearchTest, ClassesBesideTheListsAreCountedForTheirCallersOnly) {
  constexpr uint32_t kLate = 200;  // far beyond the classes that the lists know
  Listed world(16, 128, GetParam(), 8000);
  const VectorIndex frozen = world.index.Frozen();
  world.index = frozen.With(MakeLists(frozen, Upkeep::kTrain, {}));
  std::vector<std::vector<float>> vectors;
  std::vector<std::string> ids;
  for (size_t i = 0; i < 600; ++i) {
    vectors.push_back(world.Query());
    ids.push_back("late-" + std::to_string(i));
  }
  std::vector<DocumentChange> changes(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    changes[i].document = ids[i];
    changes[i].number = world.documents.Add(ids[i]);
    changes[i].rows = {{0, kLate, vectors[i].data()}};
  }
  std::set<uint32_t> classes = world.SomeClasses(1);
  classes.erase(0);
  const AllowedSet few = AllowedOf(classes, kLate + 1);
  classes.insert(kLate);
  const AllowedSet many = AllowedOf(classes, kLate + 1);
  const auto query = world.Query();
  // Each asks the first search of its lists in one of these.
  const VectorIndex before = world.index.Apply(changes);
  const VectorIndex other = frozen.With(MakeLists(frozen, Upkeep::kTrain, {})).Apply(changes);
  const std::string of_few = Told(before, few, query);
  const std::string of_many = Told(other, many, query);
  ASSERT_NE(of_few.substr(0, of_few.find('\n')), of_many.substr(0, of_many.find('\n')));
  EXPECT_EQ(Told(before, many, query), of_many);
  EXPECT_EQ(Told(other, few, query), of_few);
  // Nor do the rows that are hidden from the one change what is done for them.
  EXPECT_EQ(Told(world.index, few, query), of_few);
}

TEST_P(ListSearchTest, StopsWhenToldTo) {
  Listed world(12, 16, GetParam(), 500);
  world.index = Upkept(world.index, Upkeep::kTrain);
  SearchOptions options = Fast(10);
  options.stop = [] { return true; };
  const auto hits = world.index.Search(AllowedOf({1, 2}, kClasses), world.Query(), options);
  EXPECT_EQ(hits.status().code(), StatusCode::kDeadlineExceeded);
}

INSTANTIATE_TEST_SUITE_P(Metrics, ListSearchTest, kMetrics, NameOf);

}  // namespace
}  // namespace cordon
