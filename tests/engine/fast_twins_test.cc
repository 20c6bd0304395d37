// The fear about two stores in which a caller may see the same, among other documents that it may
// not: that a fast answer of one tells from that of the other. S2, where lists serve, for questions
// by vector, by text and by both, of callers of everything to a hundredth.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "engine/index/calibrate.h"
#include "engine/index/training.h"
#include "engine/ingest/upkeep_worker.h"
#include "tests/effort.h"
#include "tests/engine/twin_store.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

constexpr size_t kHiddenAtFirst = 1'000;
constexpr size_t kSeenAtFirst = 6'000;
// A few less than the caller of a tenth sees at first.
constexpr double kListedFrom = 597;

using TwinQuestions = std::vector<v1::RetrieveRequest>;
using TwinAnswers = std::vector<v1::RetrieveResponse>;

// Lists that are searched from so many permitted rows on, the deeper the fewer there are: a row
// more or less is another search. What is calibrated at this size has half of the rows read flat.
std::shared_ptr<const Geometry> TwinGeometry(const TwinDocuments& documents) {
  const VectorIndex empty(kTwinDimension, Metric::kCosine);
  VectorIndexBuilder builder(empty);
  for (const TwinDocument& document : documents) {
    DocumentChange change;
    change.document = document.id;
    change.rows = {{0, 0, document.vector.data()}};
    builder.Add(change);
  }
  const VectorIndex index = builder.Finish();
  const auto geometry =
      Train(Metric::kCosine, kTwinDimension, 1, index.segments(), [] { return false; });
  Calibration calibration;
  for (size_t f = 0; f < Calibration::kFractions.size(); ++f) {
    calibration.least[f].fill(0.3f / static_cast<float>(f + 1));
    calibration.work[f].fill(static_cast<float>(FlatWork(kListedFrom, kTwinDimension)));
    calibration.left[f].fill(0.3f);
  }
  geometry->set_calibration(calibration);
  return geometry;
}

// As upkeep does, for the first collection of a store that nobody has open.
void PutGeometry(const Geometry& geometry, const std::string& path) {
  const auto keys = OpenKeys({path, "", ""});
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  const Vault vault(keys->get());
  const auto sealed = vault.SealFor("geometry default.1", EncodeGeometry(geometry));
  ASSERT_TRUE(sealed.ok()) << sealed.status().ToString();
  const std::string dir = path + "/index";
  std::filesystem::create_directories(dir);
  std::ofstream(dir + "/default.1.geometry", std::ios::binary) << *sealed;
  ASSERT_TRUE(ReadGeometry(vault, dir, {"default", 1}).ok());
}

// Makes `path` a store at rest that will have lists.
void MakeTwin(const std::string& path) {
  ASSERT_TRUE(CreateStore({path, "", ""}, {"default.k", "default.k.s", "digest"}, false).ok());
  ASSERT_NO_FATAL_FAILURE(TwinStore(path).CreateDocs());
  TwinDocuments documents = DrawTwinDocuments("hidden-", 2, kHiddenAtFirst, "user:ana");
  for (auto& document : DrawTwinDocuments("d", 3, kSeenAtFirst)) {
    documents.push_back(std::move(document));
  }
  ASSERT_NO_FATAL_FAILURE(PutGeometry(*TwinGeometry(documents), path));
  TwinStore(path).Ingest(documents);
}

bool ByLists(const v1::RetrieveResponse& answer) { return answer.explain().plan() == "lists"; }

bool AreSame(const v1::RetrieveRequest& question, const v1::RetrieveResponse& left,
             const v1::RetrieveResponse& right) {
  const bool same = left.SerializeAsString() == right.SerializeAsString();
  EXPECT_TRUE(same) << question.scope().as() << " asked for " << question.k() << " by "
                    << v1::Rank_Name(question.rank()) << "\nleft: " << left.ShortDebugString()
                    << "\nright: " << right.ShortDebugString();
  return same;
}

// Two open stores, in which by chance something changes.
class RandomTwins {
 public:
  RandomTwins(uint64_t seed, TwinStore* left, TwinStore* right)
      : random_(seed), left_(*left), right_(*right) {}

  // Another pair of twins: what no caller sees changes in one alone, and often what some see in
  // both. Near what is asked, so that it would matter.
  void Round() {
    DrawQuestions();
    const bool first = random_.OneIn(2);
    for (uint64_t n = 1 + random_.Below(2); n > 0; --n) ChangeHidden(first ? left_ : right_);
    if (random_.OneIn(2)) ChangeVisible();
    if (random_.OneIn(4)) ChangeHidden(first ? right_ : left_);
    Ask();
  }

  uint64_t answers = 0;
  uint64_t different = 0;
  uint64_t lists = 0;       // answers by them
  uint64_t of_a_tenth = 0;  // those of the caller who sees a tenth

 private:
  static constexpr size_t kQuestions = 6;
  static constexpr size_t kSecrets = 500;                            // ids of hidden documents
  static constexpr size_t kSeen = kSeenAtFirst + kSeenAtFirst / 10;  // of others

  void DrawQuestions() {
    constexpr v1::Rank kRanks[] = {v1::RANK_VECTOR, v1::RANK_VECTOR, v1::RANK_VECTOR,
                                   v1::RANK_HYBRID, v1::RANK_HYBRID, v1::RANK_LEXICAL};
    constexpr uint32_t kAsked[] = {1, 10, 40};
    constexpr double kRecalls[] = {0.8, 0.95, 0.99};
    near_ = DrawTwins(random_.Next(), kQuestions);
    questions_.clear();
    for (const auto& vector : near_) {
      const TwinCaller& caller = kTwinCallers[random_.Below(std::size(kTwinCallers))];
      v1::RetrieveRequest& question = questions_.emplace_back(TwinQuestion(caller.user, vector));
      question.set_rank(kRanks[random_.Below(std::size(kRanks))]);
      question.set_k(kAsked[random_.Below(std::size(kAsked))]);
      question.set_recall_target(kRecalls[random_.Below(std::size(kRecalls))]);
      if (random_.OneIn(8)) question.set_mode(v1::MODE_EXACT);
    }
  }

  std::vector<float> NearAQuestion() {
    std::vector<float> vector = near_[random_.Below(near_.size())];
    for (float& x : vector) x += static_cast<float>((random_.Unit() - 0.5) * 0.2);
    return vector;
  }

  std::vector<std::string> Others() {
    std::vector<std::string> readers;
    for (const char* user : {"user:ana", "user:bob", "user:carl", "user:dora"}) {
      if (random_.OneIn(2)) readers.emplace_back(user);
    }
    if (readers.empty()) readers.emplace_back("user:ana");
    return readers;
  }

  void ChangeHidden(TwinStore& store) {
    const size_t number = random_.Below(kSecrets);
    const std::string id = fmt::format("secret-{}", number);
    const uint64_t what = random_.Below(100);
    if (what < 1) return store.EraseOne(id);
    if (what < 15) return store.Delete(id);
    if (what < 30) return store.SetReaders(id, Others());
    TwinDocuments documents;
    for (size_t i = number, end = number + 1 + random_.Below(8); i < end; ++i) {
      documents.push_back({fmt::format("secret-{}", i), NearAQuestion(), Others()});
    }
    store.Ingest(documents);
  }

  // In batches of another size.
  void ChangeVisible() {
    const size_t number = random_.Below(kSeen);
    const std::string id = fmt::format("d{}", number);
    const uint64_t what = random_.Below(8);
    if (what < 2) {
      left_.Delete(id);
      return right_.Delete(id);
    }
    if (what < 4) {  // which may take it from all of them
      const auto readers = random_.OneIn(4) ? Others() : TwinReaders(random_.Below(200));
      left_.SetReaders(id, readers);
      return right_.SetReaders(id, readers);
    }
    TwinDocuments documents;
    for (size_t i = number, end = number + 1 + random_.Below(6); i < end; ++i) {
      documents.push_back({fmt::format("d{}", i), NearAQuestion(), TwinReaders(i)});
    }
    left_.Ingest(documents);
    right_.Ingest(documents, 2);
  }

  void Ask() {
    const bool batched = random_.OneIn(2);
    TwinAnswers of_left, of_right;
    left_.Ask(questions_, batched, &of_left);
    right_.Ask(questions_, batched, &of_right);
    ASSERT_EQ(of_left.size(), questions_.size());
    ASSERT_EQ(of_right.size(), questions_.size());
    for (size_t i = 0; i < questions_.size(); ++i) {
      ++answers;
      different += !AreSame(questions_[i], of_left[i], of_right[i]);
      if (!ByLists(of_left[i])) continue;
      ++lists;
      of_a_tenth += questions_[i].scope().as() == "user:tenth";
    }
  }

  Random random_;
  TwinStore& left_;
  TwinStore& right_;
  TwinQuestions questions_;
  std::vector<std::vector<float>> near_;  // what is asked by
};

// Every third by both, one by text alone.
TwinQuestions QuestionsOfStages() {
  TwinQuestions questions;
  for (const auto& vector : DrawTwins(5, 40)) {
    const size_t number = questions.size();
    const TwinCaller& caller = kTwinCallers[number / 4 % std::size(kTwinCallers)];
    v1::RetrieveRequest& request = questions.emplace_back(TwinQuestion(caller.user, vector));
    request.set_rank(number % 3 == 0 ? v1::RANK_HYBRID : v1::RANK_VECTOR);
    if (number == 7) request.set_rank(v1::RANK_LEXICAL);
    request.set_k(number % 4 == 0 ? 50 : 10);
    request.set_recall_target(number > 20 ? 0.95 : 0.8);
  }
  return questions;
}

void AskAtStage(TwinStore& store, TwinAnswers* told) {
  const auto questions = QuestionsOfStages();
  for (const bool batched : {false, true}) store.Ask(questions, batched, told);
}

// What the callers see changes alike in both, in batches of another size.
void ChangeAtStage(TwinStore& store, uint64_t stage, size_t at_once) {
  const std::string prefix = fmt::format("stage{}-", stage);
  store.Ingest(DrawTwinDocuments(prefix, 10 + stage, 150), at_once);
  store.Ingest(DrawTwinDocuments(prefix + "own-", 20 + stage, 50, "user:eve"), at_once);
  store.Ingest(DrawTwinDocuments("d", 30 + stage, 100), at_once);
  const size_t first = 1000 * (stage + 1);
  store.Delete("d", first, first + 50);
}

void LiveLeft(TwinStore& left, TwinAnswers* told) {
  AskAtStage(left, told);
  left.Delete("hidden-", 0, 100);
  ChangeAtStage(left, 1, 100);
  AskAtStage(left, told);
  left.EraseOne("hidden-500");  // the lists are merged, without it
  ASSERT_NO_FATAL_FAILURE(
      left.WaitForIndex([](const VectorIndex& index) { return index.unlisted() == 0; }));
  AskAtStage(left, told);
  ChangeAtStage(left, 2, 100);
  AskAtStage(left, told);
}

void LiveRight(TwinStore& right, TwinAnswers* told) {
  AskAtStage(right, told);
  right.Ingest(DrawTwinDocuments("foreign-", 40, 400, "user:emil"), 90);  // that the other lacks
  ChangeAtStage(right, 1, 70);
  AskAtStage(right, told);
  AskAtStage(right, told);
  ChangeAtStage(right, 2, 70);
  // So many that the lists are merged, whenever it was that the rounds before had them merged.
  constexpr size_t kMany = 2500;
  right.Ingest(DrawTwinDocuments("foreign-", 41, kMany, "user:emil"));
  ASSERT_NO_FATAL_FAILURE(
      right.WaitForIndex([](const VectorIndex& index) { return index.unlisted() < kMany; }));
  AskAtStage(right, told);
}

// Merges at times of which it is known that they come.
void LiveByStages(TwinStore& left, TwinStore& right) {
  TwinAnswers of_left, of_right;
  ASSERT_NO_FATAL_FAILURE(LiveLeft(left, &of_left));
  ASSERT_NO_FATAL_FAILURE(LiveRight(right, &of_right));
  ASSERT_EQ(of_left.size(), of_right.size());
  const auto questions = QuestionsOfStages();
  uint64_t by_vector = 0, by_both = 0;
  for (size_t i = 0; i < of_left.size(); ++i) {
    const auto& question = questions[i % questions.size()];
    SCOPED_TRACE(i);
    AreSame(question, of_left[i], of_right[i]);
    by_vector += question.rank() == v1::RANK_VECTOR && ByLists(of_left[i]);
    by_both += question.rank() == v1::RANK_HYBRID && ByLists(of_left[i]);
  }
  EXPECT_GT(by_vector, 30u) << "the test shows less than it should";
  EXPECT_GT(by_both, 10u) << "the test shows less than it should";
}

TEST(FastTwins, HiddenDocumentsShapeNoAnswerOfLists) {
  Effort effort("S2-fast", 500);
  const ScratchDirectory scratch;
  ASSERT_NO_FATAL_FAILURE(MakeTwin(scratch / "left"));
  std::filesystem::copy(scratch / "left", scratch / "right",
                        std::filesystem::copy_options::recursive);
  TwinStore left(scratch / "left"), right(scratch / "right");
  ASSERT_NO_FATAL_FAILURE(left.WaitForLists());
  ASSERT_NO_FATAL_FAILURE(right.WaitForLists());
  RandomTwins twins(effort.seed(), &left, &right);
  while (!HasFailure() && effort.More()) {
    SCOPED_TRACE(fmt::format("round {}", effort.rounds()));
    twins.Round();
  }
  effort.Report("different={} answers={} lists={} of_a_tenth={}", twins.different, twins.answers,
                twins.lists, twins.of_a_tenth);
  if (HasFailure()) return;
  EXPECT_GT(5 * twins.lists, twins.answers) << "the test shows less than it should";
  EXPECT_GT(twins.of_a_tenth, 0u) << "the test shows less than it should";
  LiveByStages(left, right);
}

}  // namespace
}  // namespace cordon
