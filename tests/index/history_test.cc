// Fears about the index: that after some history it answers anything but what a full scan over the
// permitted rows would, in this order; that a score lies outside of the range that a hit claims; or
// that a version changes after it was pinned.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/kernels.h"
#include "engine/index/vector_index.h"
#include "tests/effort.h"
#include "tests/index/world.h"

namespace cordon {
namespace {

constexpr Micros kTimes = 20;  // worlds live in [0, kTimes)

struct Question {
  std::set<uint32_t> classes;
  AllowedSet allowed;
  std::vector<float> query;
  size_t k;
};

class World {
 public:
  explicit World(uint64_t seed)
      : random_(seed),
        dimension_(Pick({1, 2, 3, 8, 16, 17, 33, 100})),
        metric_(Pick({Metric::kCosine, Metric::kInnerProduct, Metric::kL2})),
        classes_(Pick({1, 3, 20, 1000})),
        ids_(Pick({5, 40, 400})),
        segment_floats_(RowStride(dimension_) * Pick({2, 7, 50, 400, 100000})),
        vectors_(random_, dimension_),
        model(dimension_, metric_),
        index(dimension_, metric_, segment_floats_) {}

  void Write() {
    const size_t size = random_.OneIn(4) ? 1 + random_.Below(60) : 1 + random_.Below(4);
    std::vector<DocumentChange> changes(size);
    std::vector<std::unique_ptr<std::string>> ids;
    std::vector<std::unique_ptr<std::vector<float>>> vectors;
    for (DocumentChange& change : changes) {
      ids.push_back(std::make_unique<std::string>("d" + std::to_string(random_.Below(ids_))));
      change.document = *ids.back();
      Fill(change, vectors);
    }
    index = index.Apply(changes);
  }

  Question Ask() {
    Question question;
    const size_t known = random_.Below(classes_ + 3);  // classes beyond it are not known
    question.allowed.classes = Bitmap(known);
    const uint64_t rarity = Pick({1, 2, 10, 100});
    for (uint32_t c = 0; c < known; ++c) {
      if (!random_.OneIn(rarity)) continue;
      question.allowed.classes.Set(c);
      question.classes.insert(c);
    }
    question.allowed.now = static_cast<Micros>(random_.Below(kTimes));
    question.query = vectors_.Next();
    question.k = Pick({1, 2, 10, 100, 3000});
    return question;
  }

  // The same content without the history.
  VectorIndex Rebuilt() const {
    VectorIndexBuilder builder(VectorIndex(dimension_, metric_, segment_floats_));
    for (const auto& [id, document] : model.documents) builder.Add(model.Whole(id, false));
    return builder.Finish();
  }

  VectorIndex RewrittenBackwards() const {
    VectorIndex result(dimension_, metric_, segment_floats_ * 3);
    for (auto it = model.documents.rbegin(); it != model.documents.rend(); ++it) {
      const DocumentChange change = model.Whole(it->first, true);
      result = result.Apply({&change, 1});
    }
    return result;
  }

 private:
  template <typename T>
  T Pick(std::initializer_list<T> choices) {
    return *(choices.begin() + random_.Below(choices.size()));
  }

  void Fill(DocumentChange& change, std::vector<std::unique_ptr<std::vector<float>>>& vectors) {
    const std::string id(change.document);
    const auto found = model.documents.find(id);
    change.may_exist = found != model.documents.end() || random_.OneIn(2);
    const uint64_t kind = random_.Below(10);
    if (kind < 2) {
      change.kind = DocumentChange::Kind::kRemove;
      model.documents.erase(id);
      return;
    }
    change.valid_from = random_.OneIn(6) ? static_cast<Micros>(random_.Below(kTimes)) : kAlways;
    change.valid_until = random_.OneIn(6) ? static_cast<Micros>(random_.Below(kTimes)) : kNever;
    if (kind < 5 && found != model.documents.end()) {
      Reclass(change, found->second);
      return;
    }
    ModelDocument document = {change.valid_from, change.valid_until, {}};
    const size_t rows = random_.OneIn(20) ? 60 : random_.Below(5);
    for (size_t i = 0; i < rows; ++i) {
      const uint32_t ordinal = static_cast<uint32_t>(random_.Below(100));
      if (document.rows.contains(ordinal)) continue;
      const uint32_t class_id = static_cast<uint32_t>(random_.Below(classes_));
      vectors.push_back(std::make_unique<std::vector<float>>(vectors_.Next()));
      document.rows[ordinal] = {class_id, *vectors.back()};
      change.rows.push_back({ordinal, class_id, vectors.back()->data()});
    }
    model.documents[id] = document;
  }

  void Reclass(DocumentChange& change, ModelDocument& document) {
    change.kind = DocumentChange::Kind::kReclass;
    document.from = change.valid_from;
    document.until = change.valid_until;
    for (auto it = document.rows.begin(); it != document.rows.end();) {
      if (random_.OneIn(30)) {  // left out, so it goes
        it = document.rows.erase(it);
        continue;
      }
      it->second.class_id = static_cast<uint32_t>(random_.Below(classes_));
      change.rows.push_back({it->first, it->second.class_id, nullptr});
      ++it;
    }
    if (random_.OneIn(2)) std::reverse(change.rows.begin(), change.rows.end());
  }

  Random random_;
  const size_t dimension_;
  const Metric metric_;
  const size_t classes_;
  const size_t ids_;
  const size_t segment_floats_;
  VectorSource vectors_;

 public:
  Model model;
  VectorIndex index;
};

void ExpectAnswers(const VectorIndex& index, const Model& model, const Question& question) {
  const auto expected =
      model.Search(question.classes, question.allowed.now, question.query, question.k);
  const auto hits = index.Search(question.allowed, question.query, {.k = question.k});
  ASSERT_TRUE(hits.ok()) << hits.status().ToString();
  ASSERT_EQ(hits->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ((*hits)[i].document, expected[i].document) << "rank " << i;
    ASSERT_EQ((*hits)[i].ordinal, expected[i].ordinal) << "rank " << i;
    ASSERT_EQ((*hits)[i].class_id, expected[i].class_id) << "rank " << i;
    const ScoreRange range = (*hits)[i].score;
    ASSERT_LE(range.low, expected[i].score) << "rank " << i;
    ASSERT_GE(range.high, expected[i].score) << "rank " << i;
    // The order is proven: the next score is lower, or both are known and equal.
    if (i == 0) continue;
    const ScoreRange above = (*hits)[i - 1].score;
    ASSERT_TRUE(range.high < above.low ||
                (range.high == above.low && range.low == range.high && above.low == above.high))
        << "rank " << i;
  }
  ASSERT_EQ(index.CountAllowed(question.allowed),
            model.Count(question.classes, question.allowed.now));
}

void ExpectSame(const VectorIndex& index, const Model& model) {
  ASSERT_EQ(index.rows(), model.Rows());
  for (Micros time = -1; time <= kTimes; ++time) {
    ASSERT_EQ(index.NextEvent(time), model.NextEvent(time)) << "after " << time;
  }
}

void LiveThrough(uint64_t seed, int writes) {
  World world(seed);
  Random random(seed + 1000000);
  const auto instruction_sets = InstructionSets();
  std::vector<std::pair<VectorIndex, Model>> pinned;
  for (int i = 0; i < writes; ++i) {
    world.Write();
    ASSERT_NO_FATAL_FAILURE(ExpectSame(world.index, world.model));
    ASSERT_TRUE(UseInstructionSet(instruction_sets[random.Below(instruction_sets.size())]));
    for (int q = 0; q < 3; ++q) {
      ASSERT_NO_FATAL_FAILURE(ExpectAnswers(world.index, world.model, world.Ask()));
    }
    if (random.OneIn(10)) pinned.emplace_back(world.index, world.model);
  }
  for (const auto& [index, model] : pinned) {
    ASSERT_NO_FATAL_FAILURE(ExpectSame(index, model));
    ASSERT_NO_FATAL_FAILURE(ExpectAnswers(index, model, world.Ask()));
  }
  const VectorIndex rebuilt = world.Rebuilt();
  const VectorIndex backwards = world.RewrittenBackwards();
  ASSERT_NO_FATAL_FAILURE(ExpectSame(rebuilt, world.model));
  for (int q = 0; q < 10; ++q) {
    const Question question = world.Ask();
    ASSERT_NO_FATAL_FAILURE(ExpectAnswers(world.index, world.model, question));
    ASSERT_NO_FATAL_FAILURE(ExpectAnswers(rebuilt, world.model, question));
    ASSERT_NO_FATAL_FAILURE(ExpectAnswers(backwards, world.model, question));
  }
}

TEST(HistoryTest, EveryAnswerIsThatOfAFullScanWhateverTheHistory) {
  constexpr uint64_t kHistories = kSanitized ? 30 : 150;
  for (uint64_t seed = 1; seed <= kHistories; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LiveThrough(seed, 60);
    ASSERT_TRUE(UseInstructionSet(""));
    if (HasFatalFailure()) return;
  }
}

// A built index, with documents across segments, goes on like any other.
TEST(HistoryTest, WritesGoOnAfterARestart) {
  for (uint64_t seed = 1001; seed <= 1040; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    for (int i = 0; i < 20; ++i) world.Write();
    world.index = world.Rebuilt();
    for (int i = 0; i < 20; ++i) {
      world.Write();
      ASSERT_NO_FATAL_FAILURE(ExpectSame(world.index, world.model));
      ASSERT_NO_FATAL_FAILURE(ExpectAnswers(world.index, world.model, world.Ask()));
    }
  }
}

}  // namespace
}  // namespace cordon
