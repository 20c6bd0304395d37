// A store with something of every kind, and what every later build must read in it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/engine/restoring.h"

namespace cordon {

class GoldenWorld : public Restoring {
 protected:
  void SetUp() override { index_file_rows_ = 1; }  // files of however few rows

  // Numbers of documents, in the order in which they are written.
  enum Number : uint64_t { kOpen, kHr, kTwiceBefore, kTwice, kHeld, kDue, kDeleted, kErased };

  // Makes the store, in scratch_, and closes it.
  void Write() {
    ASSERT_TRUE(CreateStore(paths(), {"default.k", "default.k.s", "digest"}, false).ok());
    Open();
    WritePolicy();
    WriteDocuments();
    BeginSpace();
    WaitForSecondSpace();
    EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
    WaitForFiles();
    engine_.reset();
  }

  // Checks all that Write() wrote and that no call has changed since.
  void ExpectWritten() {
    ExpectAccess();
    ExpectAnswers();
    ExpectPolicy();
    ExpectHeldAndErased();
    ExpectSources();
  }

  void WaitForSecondSpace() {
    ASSERT_TRUE(
        WaitUntil([&] { return Docs()->other && Docs()->other->documents == Docs()->documents; }));
  }
  void WaitForFiles() {
    ASSERT_TRUE(WaitUntil([&] {
      const PinnedView view = Pin();
      bool stale = false;
      for (const auto& [space, index] : view->indexes()) {
        stale = stale || engine_->index_files().Stale(1, space, index);
      }
      return !stale;
    }));
  }

  // The texts of a document's chunks, or a refusal's code.
  std::string TextOf(const std::string& id, const std::string& user) {
    const auto got = Get(id, user);
    if (!got.ok()) return std::string(CodeName(got.status().code()));
    std::string text;
    for (const auto& chunk : got->chunks()) text += (text.empty() ? "" : "|") + chunk.text();
    return text;
  }
  // The passages that a question finds, each as "document/chunk".
  std::string Found(const std::string& user, const std::string& question, uint32_t k = 20) {
    return Told(user, question, k, [](const auto& passage) {
      return fmt::format("{}/{}", passage.document(), passage.chunk());
    });
  }
  // The same with their scores.
  std::string Scored(const std::string& user, const std::string& question) {
    return Told(user, question, 20, [](const auto& passage) {
      return fmt::format("{}/{} {:g}", passage.document(), passage.chunk(), passage.score());
    });
  }
  v1::Checkpoint CheckpointOf(const std::string& run) {
    const auto request = FromText<v1::IngestRequest>("collection: 'docs' run: '" + run + "'");
    const auto answer = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? answer->response.checkpoint() : v1::Checkpoint();
  }
  int Holds() {
    v1::ListHoldsRequest request;
    request.set_collection("docs");
    const auto holds = Asked<v1::ListHoldsResponse>(
        [&](auto done) { ListHolds(engine_->ReadAs(Anyone(), {}), request, done); });
    EXPECT_TRUE(holds.ok()) << holds.status().ToString();
    return holds.ok() ? holds->holds_size() : -1;
  }

 private:
  template <typename Tell>
  std::string Told(const std::string& user, const std::string& question, uint32_t k, Tell tell) {
    auto request = FromText<v1::RetrieveRequest>(question);
    request.set_collection("docs");
    request.mutable_scope()->set_as(user);
    request.set_k(k);
    const auto answer = Asked<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(engine_->ReadAs(Anyone(), {}), request, done); });
    if (!answer.ok()) return answer.status().ToString();
    std::string told;
    for (const auto& passage : answer->passages()) {
      told += (told.empty() ? "" : ", ") + tell(passage);
    }
    return told;
  }
  // Of the version that is stored.
  uint64_t NumberOf(const std::string& id) {
    store::v1::DocumentRecord record;
    const auto found = Pin()->documents().Read(Docs()->id, id, &record);
    EXPECT_TRUE(found.ok() && *found) << id;
    return record.number();
  }

  static constexpr char kLate[] = "{ seconds: 4102444800 }";     // 2100
  static constexpr char kPast[] = "{ seconds: 1000000000 }";     // 2001
  static constexpr char kDueTime[] = "{ seconds: 4000000000 }";  // 2096

  // At (1, y): the further from the question of ExpectAnswers(), the higher.
  static std::vector<float> At(float y) { return {1, y, 0, 0}; }
  static std::string Listed() {
    return Doc("listed", "", "from the wiki", At(7)) + "commit { documents: 1 }";
  }
  static std::string Loading() {
    return "collection: 'docs' run: 'load' batch: 1 position: 'line 7' " +
           Doc("loaded", "", "from a run", At(6));
  }

  void WritePolicy() {
    Register();
    Do<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
        ApplyPolicy,
        "compartments { names: 'people' } tags { names: 'pii' } containers { container { name: "
        "'folder:/hr' acl { allow { principal: 'group:hr' } } } } destinations { destination { "
        "name: 'chat' scope: 2 ceiling { level: 'internal' } } }");
    Do<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
        ApplyDirectory, fmt::format("principals {{ name: 'group:hr' sets_members: true "
                                    "members {{ principal: 'user:ana' until {0} }} "
                                    "members {{ principal: 'user:cy' until {1} }} "
                                    "members {{ principal: 'user:dan' from {0} }} }} "
                                    "principals {{ name: 'user:anna' alias_of: 'user:ana' }} ",
                                    kLate, kPast) +
                            Cleared("ana") + Cleared("bo") + Cleared("cy") + Cleared("dan"));
    Do<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
        CreateCollection,
        "config { name: 'docs' dimension: 4 metric: METRIC_L2 embedder: EMBEDDER_NONE "
        "attributes { name: 'year' type: ATTRIBUTE_TYPE_INT } "
        "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }");
    const auto key = FromText<v1::CreateKeyRequest>(
        fmt::format("grant {{ principal: 'service:reader' rights: RIGHT_QUERY collections: 'docs' "
                    "destinations: 'chat' clearance {{ level: 'internal' }} expires {} quota {{ "
                    "passages_per_day: 100 }} }}",
                    kLate));
    const auto made = Asked<v1::CreateKeyResponse>([&](auto done) {
      CreateKey(engine_->WriteAs(Anyone()), key,
                {"default.reader", "default.reader.s", std::string(32, 'd')}, done);
    });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
  }
  static std::string Cleared(const std::string& user) {
    return "principals { name: 'user:" + user +
           "' clearance { level: 'confidential' compartments: 'people' } } ";
  }

  void WriteDocuments() {
    Ingest("open", "version: 7 attributes { key: 'year' value { int_value: 2026 } }",
           "for all to read", At(0));
    Ingest("hr",
           "acl { inherit: 'folder:/hr' } label { level: 'confidential' compartments: 'people' "
           "tags: 'pii' } subjects: 'person:1' provenance { source: 'hris' }",
           "salaries", At(1));
    Ingest("twice", "subjects: 'person:2'", "first", At(2));
    Ingest("twice", "", "second", At(2));
    Ingest("held", "", "what a court wants", At(3));
    ASSERT_EQ(Hold("document: 'held'"), StatusCode::kOk);
    ASSERT_EQ(Hold("subject: 'person:1'"), StatusCode::kOk);
    Ingest("due", std::string("erase_after ") + kDueTime, "not for ever", At(4));
    Ingest("deleted", "subjects: 'person:3'", "gone again", At(9));
    DeleteDocument("deleted");
    Ingest("doc/secret", kSecret, kText);
    Export("doc/secret");
    Ingest("parts",
           "chunks { ordinal: 7 text: 'for one' embedding: 1 embedding: 5 embedding: 0 embedding: "
           "0 acl { allow { principal: 'user:bo' } } }",
           "for all", At(8));
    Do<IngestedBatch, v1::IngestRequest>(IngestDocuments, Loading());
    SyncSource("begin { collection: 'docs' source: 'wiki' } " + Listed());
  }

  void ExpectAccess() {
    EXPECT_EQ(TextOf("open", "user:eve"), "for all to read");
    EXPECT_EQ(TextOf("hr", "user:ana"), "salaries");
    EXPECT_EQ(TextOf("hr", "user:anna"), "salaries") << "an alias";
    for (const char* user : {"user:bo", "user:cy", "user:dan", "user:eve"}) {
      EXPECT_EQ(TextOf("hr", user), "NOT_FOUND") << user;
    }
    EXPECT_EQ(TextOf("twice", "user:eve"), "second");
    EXPECT_EQ(TextOf("parts", "user:eve"), "for all");
    EXPECT_EQ(TextOf("parts", "user:bo"), "for all|for one");
    EXPECT_EQ(TextOf("deleted", "user:eve"), "NOT_FOUND");
    EXPECT_EQ(TextOf("doc/secret", "user:eve"), "NOT_FOUND");
  }
  void ExpectAnswers() {
    const std::string near = "vector: [1, -1, 0, 0] ";
    EXPECT_EQ(Scored("user:ana", near),
              "open/0 -1, hr/0 -4, twice/0 -9, held/0 -16, due/0 -25, loaded/0 -49, listed/0 -64, "
              "parts/1 -81");
    EXPECT_EQ(Scored("user:bo", near),
              "open/0 -1, twice/0 -9, held/0 -16, due/0 -25, parts/7 -36, loaded/0 -49, listed/0 "
              "-64, parts/1 -81");
    EXPECT_EQ(Found("user:ana", "text: 'salaries' rank: RANK_LEXICAL"), "hr/0");
    EXPECT_EQ(Found("user:bo", "text: 'salaries' rank: RANK_LEXICAL"), "");
    EXPECT_EQ(Found("user:ana", near + "filter { condition { attribute: 'year' eq { int_value: "
                                       "2026 } } }"),
              "open/0");
  }
  void ExpectPolicy() {
    const auto policy = Asked<v1::GetPolicyResponse>(
        [&](auto done) { GetPolicy(engine_->ReadAs(Anyone(), {}), done); });
    ASSERT_TRUE(policy.ok()) << policy.status().ToString();
    ASSERT_EQ(policy->policy().destinations_size(), 2);
    EXPECT_EQ(policy->policy().destinations(0).destination().ceiling().level(), "internal");
    EXPECT_TRUE(ModelIsLabelled()) << "of what was exported to it";
    const auto keys = Asked<v1::ListKeysResponse>(
        [&](auto done) { ListKeys(engine_->ReadAs(Anyone(), {}), done); });
    ASSERT_TRUE(keys.ok()) << keys.status().ToString();
    std::vector<std::string> told;
    for (const auto& key : keys->keys()) {
      told.push_back(fmt::format("{} {} {}", key.id(), key.grant().expires().seconds(),
                                 key.grant().quota().passages_per_day()));
    }
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (std::vector<std::string>{"default.k 0 0", "default.reader 4102444800 100"}));
  }
  void ExpectHeldAndErased() {
    EXPECT_EQ(Receivers(), std::vector<std::string>{"tuned"});
    EXPECT_EQ(Records("ErasureVerified").size(), 1u);
    EXPECT_EQ(Holds(), 2);
    for (const char* which : {"document: 'held'", "subject: 'person:1'", "document: 'hr'"}) {
      const Status refused = TryErase(which).status();
      EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition) << which;
      EXPECT_NE(refused.message().find("case-7"), std::string_view::npos) << which;
    }
    for (const uint64_t number : {kOpen, kHr, kTwiceBefore, kTwice, kHeld, kDue, kDeleted}) {
      EXPECT_EQ(KeyOf(number), KeyStore::State::kThere) << number;
    }
    EXPECT_EQ(KeyOf(kErased), KeyStore::State::kDestroyed);
  }
  // What comes again changes nothing: a late version, a batch, a listing.
  void ExpectSources() {
    const std::vector<std::string> ids = {"open", "loaded", "listed"};
    std::vector<uint64_t> before, after;
    for (const auto& id : ids) before.push_back(NumberOf(id));
    EXPECT_EQ(CheckpointOf("load").position(), "line 7");
    EXPECT_EQ(CheckpointOf("load").accepted(), 1u);
    Ingest("open", "version: 6", "late", At(9));
    Do<IngestedBatch, v1::IngestRequest>(IngestDocuments, Loading());
    SyncSource("begin { collection: 'docs' source: 'wiki' } " + Listed());
    for (const auto& id : ids) after.push_back(NumberOf(id));
    EXPECT_EQ(after, before);
    EXPECT_EQ(TextOf("loaded", "user:eve"), "from a run");
    EXPECT_EQ(TextOf("listed", "user:eve"), "from the wiki");
  }
};

}  // namespace cordon
