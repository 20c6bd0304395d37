// Fears about fast searches of a store at work: that lists never serve one, that they serve what is
// hidden, filtered out or withdrawn, or that a restart changes an answer.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "engine/base/random.h"
#include "engine/engine.h"
#include "engine/view/index_files.h"
#include "tests/engine/wait_until.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

constexpr size_t kDimension = 128;
constexpr size_t kDocuments = 12'000;
constexpr size_t kBatch = 1'000;

bool Hidden(size_t document) { return document % 4 == 0; }
int64_t Year(size_t document) { return 2000 + static_cast<int64_t>(document % 20); }

class FastSearches : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateStore({path_, "", ""}, {"default.k", "default.k.s", "digest"}, false).ok());
    Open();
    const auto request = FromText<v1::CreateCollectionRequest>(
        "config { name: 'docs' dimension: 128 metric: METRIC_COSINE embedder: EMBEDDER_NONE "
        "default_label { level: 'public' } attributes { name: 'year' type: ATTRIBUTE_TYPE_INT } }");
    const auto made = Asked<v1::CreateCollectionResponse>(
        [&](auto done) { CreateCollection(engine_->WriteAs(Anyone()), request, done); });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    for (size_t i = 0; i < 40; ++i) centres_.push_back(Draw(1));
    for (size_t from = 0; from < kDocuments; from += kBatch) Ingest(from);
  }

  void Open() {
    engine_.reset();
    auto opened = Engine::Open({{path_, "", ""}, Durability::kBuffered, std::nullopt});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }

  std::vector<float> Draw(double scale) {
    std::vector<float> vector(kDimension);
    for (float& x : vector) x = static_cast<float>((random_.Unit() * 2 - 1) * scale);
    return vector;
  }
  // Near one of the centres.
  std::vector<float> Vector() {
    std::vector<float> vector = Draw(0.6);
    const std::vector<float>& centre = centres_[random_.Below(centres_.size())];
    for (size_t i = 0; i < kDimension; ++i) vector[i] += centre[i];
    return vector;
  }

  void Ingest(size_t from) {
    v1::IngestRequest request;
    request.set_collection("docs");
    for (size_t i = from; i < from + kBatch; ++i) {
      v1::Document* const document = request.add_documents();
      document->set_id(std::to_string(i));
      document->mutable_acl()->add_allow()->set_principal(Hidden(i) ? "user:ana" : "everyone");
      (*document->mutable_attributes())["year"].set_int_value(Year(i));
      const auto vector = Vector();
      document->add_chunks()->mutable_embedding()->Add(vector.begin(), vector.end());
    }
    const auto answer = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    ASSERT_EQ(answer->response.accepted(), kBatch) << answer->response.ShortDebugString();
  }

  v1::RetrieveRequest Question(v1::Mode mode = v1::MODE_FAST) {
    v1::RetrieveRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_as("user:eve");
    const auto vector = Vector();
    request.mutable_vector()->Add(vector.begin(), vector.end());
    request.set_k(10);
    request.set_mode(mode);
    request.set_recall_target(0.8);
    request.set_explain(true);
    return request;
  }
  StatusOr<v1::RetrieveResponse> Ask(const v1::RetrieveRequest& request,
                                     const Authenticated& caller = Anyone()) {
    return Asked<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(engine_->ReadAs(caller, {}), request, done); });
  }
  // "document score …", in order.
  std::string Told(const v1::RetrieveRequest& request) {
    const auto answer = Ask(request);
    if (!answer.ok()) return answer.status().ToString();
    std::string text = answer->explain().plan();
    for (const auto& passage : answer->passages()) {
      text += " " + passage.document() + " " + std::to_string(passage.score());
    }
    return text;
  }
  // The files of geometries, by name.
  std::map<std::string, std::string> Geometries() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(path_ + "/index")) {
      if (IndexFileName::Parse(entry.path().filename().string())) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      files[entry.path().filename()] = {std::istreambuf_iterator<char>(file),
                                        std::istreambuf_iterator<char>()};
    }
    return files;
  }
  // Whether the index holds rows of the document, dead or alive.
  bool Holds(const std::string& document) {
    const ReadContext context = engine_->ReadAs(Anyone(), {});
    const PinnedView view = context.tenant->publisher.Pin(context.clock);
    for (const auto& [id, index] : view->indexes()) {
      for (const Segment& segment : index.vectors.segments()) {
        if (segment.rows().Find(document)) return true;
      }
    }
    return false;
  }
  void WaitForLists() {
    ASSERT_TRUE(WaitUntil([&] {
      const auto answer = Ask(Question());
      EXPECT_TRUE(answer.ok()) << answer.status().ToString();
      return !answer.ok() || answer->explain().geometry() > 0;
    }));
  }

  Random random_{7};
  std::vector<std::vector<float>> centres_;
  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "data";
  std::unique_ptr<Engine> engine_;
};

TEST_F(FastSearches, ListsServeWhatIsPermittedAndAskedForAndSurviveARestart) {
  // What was trained on the first documents is no geometry for all of them.
  engine_.reset();
  std::filesystem::remove_all(path_ + "/index");
  Open();
  WaitForLists();
  std::vector<v1::RetrieveRequest> questions;
  size_t of_lists = 0, found = 0, wanted = 0;
  for (int q = 0; q < 40; ++q) {
    questions.push_back(Question());
    const bool filtered = q % 4 == 3;
    if (filtered) {
      *questions.back().mutable_filter() =
          FromText<v1::Filter>("condition { attribute: 'year' range { gte { int_value: 2002 } } }");
    }
    v1::RetrieveRequest exact = questions.back();
    exact.set_mode(v1::MODE_EXACT);
    const auto best = Ask(exact), answer = Ask(questions.back());
    ASSERT_TRUE(best.ok() && answer.ok()) << answer.status().ToString();
    ASSERT_EQ(best->explain().plan(), "flat");
    ASSERT_EQ(answer->passages_size(), 10);
    of_lists += answer->explain().plan() == "lists" ? 1 : 0;
    std::set<std::string> expected;
    for (const auto& passage : best->passages()) expected.insert(passage.document());
    for (const auto& passage : answer->passages()) {
      const size_t document = std::stoul(passage.document());
      EXPECT_FALSE(Hidden(document));
      EXPECT_TRUE(!filtered || Year(document) >= 2002) << document;
      found += expected.contains(passage.document()) ? 1 : 0;
    }
    wanted += expected.size();
  }
  EXPECT_GT(of_lists, 20u);
  EXPECT_GE(static_cast<double>(found), 0.8 * static_cast<double>(wanted));

  // A change of access holds at once.
  const auto before = Ask(questions[0]);
  ASSERT_TRUE(before.ok());
  const std::string gone = before->passages(0).document();
  auto change = FromText<v1::SetAccessRequest>(
      "collection: 'docs' acl { allow { principal: "
      "'user:ana' } } label { level: 'public' }");
  change.set_document(gone);
  const auto changed = Asked<v1::SetAccessResponse>(
      [&](auto done) { SetAccess(engine_->WriteAs(Anyone()), change, done); });
  ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  std::vector<std::string> told;
  for (const auto& question : questions) told.push_back(Told(question));
  const auto after = Ask(questions[0]);
  ASSERT_TRUE(after.ok());
  for (const auto& passage : after->passages()) EXPECT_NE(passage.document(), gone);

  // The geometry is kept, and with it every answer; a new one would have been written, under
  // another nonce.
  ASSERT_TRUE(WaitUntil([&] { return Geometries().size() == 1; }));  // no draft beside it
  const auto files = Geometries();
  Open();
  WaitForLists();
  EXPECT_EQ(Geometries(), files);
  for (size_t q = 0; q < questions.size(); ++q) EXPECT_EQ(Told(questions[q]), told[q]) << q;
}

// Those of documents that lists cover as well, which no write copies.
TEST_F(FastSearches, ErasedVectorsLeaveTheListsAndGeometriesGoWithTheirCollection) {
  WaitForLists();
  ASSERT_TRUE(Holds("17"));
  const auto erased = Asked<v1::EraseResponse>([&](auto done) {
    Erase(engine_->WriteAs(Anyone()),
          FromText<v1::EraseRequest>("collection: 'docs' document: '17'"), done);
  });
  ASSERT_TRUE(erased.ok()) << erased.status().ToString();
  EXPECT_TRUE(WaitUntil([&] { return !Holds("17"); }));
  ASSERT_TRUE(Holds("18"));
  ASSERT_TRUE(WaitUntil([&] { return Geometries().size() == 1; }));  // no draft beside it
  const auto dropped = Asked<v1::DeleteCollectionResponse>([&](auto done) {
    DeleteCollection(engine_->WriteAs(Anyone()),
                     FromText<v1::DeleteCollectionRequest>("name: 'docs'"), done);
  });
  ASSERT_TRUE(dropped.ok()) << dropped.status().ToString();
  EXPECT_TRUE(WaitUntil([&] { return Geometries().empty(); }));
}

TEST_F(FastSearches, WhoMayNotAuditIsToldNothingOfTheSearch) {
  Grant grant = Anyone().grant();
  grant.rights = {};
  grant.rights.Add(Right::kQuery);
  grant.rights.Add(Right::kActAs);
  const Authenticated caller = Authenticator::Prove(grant, /*dev=*/true);
  v1::RetrieveRequest request = Question();
  EXPECT_EQ(Ask(request, caller).status().code(), StatusCode::kPermissionDenied);
  request.set_explain(false);
  const auto answer = Ask(request, caller);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_FALSE(answer->has_explain());
  for (const double recall : {-0.5, 0.4, 1.0, 2.0}) {
    request.set_recall_target(recall);
    EXPECT_EQ(Outcome(Ask(request, caller)), "INVALID_ARGUMENT: recall_target") << recall;
  }
  request = Question();
  request.set_rank(v1::RANK_LEXICAL);
  request.set_text("words");
  const auto lexical = Ask(request);
  ASSERT_TRUE(lexical.ok()) << lexical.status().ToString();
  EXPECT_FALSE(lexical->has_explain());
}

}  // namespace
}  // namespace cordon
