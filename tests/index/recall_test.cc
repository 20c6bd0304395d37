// The fear about a promise: that less of the best is found than was asked, for some part of the
// rows that is permitted, some k, or callers who ask far from what they may see.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/effort.h"
#include "tests/index/listed_world.h"

namespace cordon {
namespace {

constexpr size_t kGridDimension = 64;
constexpr size_t kShades = 20;  // classes of a centre

// How what a caller may see lies to what it asks.
enum class Correlation { kNone, kNear, kFar };

// Whom questions are asked for, and near which centres.
struct Asker {
  AllowedSet allowed;
  std::vector<size_t> centres;
};

// Vectors around some centres; a class is of one of them.
class Grid {
 public:
  Grid(Metric metric, size_t rows, size_t centres)
      : many_(centres),
        clusters_(random_, kGridDimension, centres),
        index_(kGridDimension, metric) {
    const auto draw = [&] {
      const size_t centre = random_.Below(many_);
      Drawn drawn{clusters_.Near(centre)};
      drawn.class_id = static_cast<uint32_t>(centre * kShades + random_.Below(kShades));
      return drawn;
    };
    index_ = Upkept(Filled(index_, rows, draw), Upkeep::kTrain);
  }

  const VectorIndex& index() const { return index_; }

  // Without correlation the part is of all classes; else it is all classes of some centres.
  Asker Draw(double part, Correlation correlation) {
    Asker asker{{Bitmap(many_ * kShades), 0}, {}};
    if (correlation == Correlation::kNone) {
      for (const size_t c : Some(many_ * kShades, part)) asker.allowed.classes.Set(c);
      for (size_t c = 0; c < many_; ++c) asker.centres.push_back(c);
      return asker;
    }
    std::vector<size_t> own = Some(many_, part), others;
    for (const size_t c : own) asker.allowed.classes.SetRange(c * kShades, (c + 1) * kShades);
    for (size_t c = 0; c < many_; ++c) {
      if (std::find(own.begin(), own.end(), c) == own.end()) others.push_back(c);
    }
    asker.centres = std::move(correlation == Correlation::kNear ? own : others);
    return asker;
  }

  std::vector<float> QueryOf(const Asker& asker) {
    return clusters_.Near(asker.centres[random_.Below(asker.centres.size())]);
  }

 private:
  // That part of the numbers below n.
  std::vector<size_t> Some(size_t n, double part) {
    std::vector<size_t> numbers(n);
    for (size_t i = 0; i < n; ++i) numbers[i] = i;
    for (size_t i = n; i > 1; --i) std::swap(numbers[i - 1], numbers[random_.Below(i)]);
    numbers.resize(static_cast<size_t>(part * static_cast<double>(n) + 0.5));
    return numbers;
  }

  const size_t many_;  // centres
  Random random_{23};
  Clusters clusters_;
  VectorIndex index_;
};

// What is asked of all callers of a cell.
struct Cell {
  size_t k;
  double sum = 0;    // of the callers' recalls
  double worst = 1;  // of them
  size_t lists = 0;  // searches of lists
};

// On average what is asked, and the worst caller gets at least 0.9 of it.
void ExpectRecall(const std::vector<Cell>& cells, int callers, double part,
                  Correlation correlation) {
  for (const Cell& cell : cells) {
    SCOPED_TRACE(testing::Message()
                 << part << " permitted, correlation " << static_cast<int>(correlation) << ", k "
                 << cell.k << ", lists " << cell.lists);
    EXPECT_GE(cell.sum / callers, kRecallDefault);
    EXPECT_GE(cell.worst, 0.9 * kRecallDefault);
  }
}

class RecallTest : public testing::TestWithParam<Metric> {};

// How many of the k best are among the hits.
size_t CountFound(const std::vector<Hit>& hits, const std::vector<Hit>& best, size_t k) {
  std::set<std::string> wanted;
  for (size_t i = 0; i < std::min(k, best.size()); ++i) wanted.insert(best[i].document);
  return static_cast<size_t>(std::count_if(
      hits.begin(), hits.end(), [&](const Hit& hit) { return wanted.contains(hit.document); }));
}

// Adds a caller to each cell.
void AskFor(Grid& grid, const Asker& asker, std::vector<Cell>* cells) {
  constexpr int kQueries = 25;
  std::vector<size_t> found(cells->size()), wanted(cells->size());
  for (int q = 0; q < kQueries; ++q) {
    const auto query = grid.QueryOf(asker);
    const auto best = grid.index().Search(asker.allowed, query, {.k = 50});
    for (size_t c = 0; c < cells->size(); ++c) {
      Cell& cell = (*cells)[c];
      SearchTrace trace;
      const SearchOptions options{.k = cell.k, .mode = SearchMode::kFast};
      const auto hits = grid.index().Search(asker.allowed, query, options, &trace);
      ASSERT_TRUE(hits.ok());
      ASSERT_EQ(hits->size(), std::min(cell.k, best->size()));
      found[c] += CountFound(*hits, *best, cell.k);
      wanted[c] += hits->size();
      cell.lists += trace.plan == SearchPlan::kLists ? 1 : 0;
    }
  }
  for (size_t c = 0; c < cells->size(); ++c) {
    Cell& cell = (*cells)[c];
    const double recall = static_cast<double>(found[c]) / static_cast<double>(wanted[c]);
    cell.sum += recall;
    cell.worst = std::min(cell.worst, recall);
  }
}

// Lists that are forced where the planner would not take them, as for callers far from what they
// may see, promise nothing.
TEST_P(RecallTest, IsWhatIsAskedInEveryCell) {
  if (kSanitized) GTEST_SKIP() << "of numbers alone, and takes minutes with sanitizers";
  constexpr int kCallers = 8;
  Grid grid(GetParam(), 8000, 30);
  size_t chosen = 0;
  for (const double part : {1.0, 0.3, 0.15, 0.1}) {
    for (const auto correlation : {Correlation::kNone, Correlation::kNear, Correlation::kFar}) {
      if (part == 1 && correlation != Correlation::kNone) continue;
      std::vector<Cell> cells = {{10}, {50}};
      for (int caller = 0; caller < kCallers; ++caller) {
        ASSERT_NO_FATAL_FAILURE(AskFor(grid, grid.Draw(part, correlation), &cells));
      }
      ExpectRecall(cells, kCallers, part, correlation);
      for (const Cell& cell : cells) chosen += cell.lists;
    }
  }
  EXPECT_GT(chosen, 0u) << "lists are never chosen: the test shows less than it should";
}

// Hundreds of lists have a little each of what a caller asks for, none of them much: all together
// decide how far a search goes. One metric: lists are made of 40,000 rows.
TEST(FarRecallTest, IsWhatIsAskedFarFromManyCentres) {
  if (kSanitized) GTEST_SKIP() << "of numbers alone, and takes minutes with sanitizers";
  constexpr int kCallers = 4;
  constexpr double kPart = 0.5;
  Grid grid(Metric::kL2, 40'000, 400);
  std::vector<Cell> cells = {{10}};
  for (int caller = 0; caller < kCallers; ++caller) {
    ASSERT_NO_FATAL_FAILURE(AskFor(grid, grid.Draw(kPart, Correlation::kFar), &cells));
  }
  ExpectRecall(cells, kCallers, kPart, Correlation::kFar);
  EXPECT_GT(cells.front().lists, 0u);
}

INSTANTIATE_TEST_SUITE_P(Metrics, RecallTest, kMetrics, NameOf);

}  // namespace
}  // namespace cordon
