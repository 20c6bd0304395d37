// What leaves for a model before its label has risen, or without a trace, or more than may.
#include "engine/export.h"

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/store/load.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

class Exports : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateStore({path_, "", ""}, {"default.k", "default.k.s", "digest"}, false).ok());
    Open();
    Write<v1::ApplyPolicyResponse>(
        ApplyPolicy, FromText<v1::ApplyPolicyRequest>(
                         "destinations { destination { name: 'tuned' scope: 4 ceiling { symbol: "
                         "SYMBOL_ALL } } } default_clearance { level: 'confidential' }"));
    Write<v1::CreateCollectionResponse>(
        CreateCollection,
        FromText<v1::CreateCollectionRequest>(
            "config { name: 'docs' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE "
            "attributes { name: 'year' type: ATTRIBUTE_TYPE_INT } attributes { name: 'pay' type: "
            "ATTRIBUTE_TYPE_INT label { level: 'restricted' } } attributes { name: 'desk' type: "
            "ATTRIBUTE_TYPE_INT label { level: 'internal' } } }"));
    Ingest("id: 'a' title: 'A' subjects: 'person:1' " + kAttributes_ +
           Chunk("public", "everyone", "one") + Chunk("restricted", "everyone", "two") +
           Chunk("public", "user:bo", "three"));
    Ingest("id: 'hidden' " + Chunk("public", "user:bo", "four"));
  }

  static std::string Chunk(const std::string& level, const std::string& who,
                           const std::string& text) {
    return "chunks { text: '" + text + "' embedding: 1 embedding: 0.25 label { level: '" + level +
           "' } acl { allow { principal: '" + who + "' } } } ";
  }
  void Ingest(const std::string& document) {
    auto request = FromText<v1::IngestRequest>(
        "collection: 'docs' documents { acl { allow { principal: 'everyone' } } label { level: "
        "'public' } " +
        document + " }");
    const auto answer = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(By(AllRights())), request, done); });
    ASSERT_TRUE(answer.ok() && answer->response.accepted() == 1)
        << answer.status().ToString() << answer->response.ShortDebugString();
  }
  template <typename Response, typename Call, typename Request>
  void Write(Call call, const Request& request) {
    const auto made =
        Asked<Response>([&](auto done) { call(engine_->WriteAs(By(AllRights())), request, done); });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
  }
  void Open() {
    engine_.reset();
    auto opened = Engine::Open({{path_, "", ""}, Durability::kRequired, std::nullopt});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }

  static Grant AllRights() {
    Grant grant = Anyone().grant();
    grant.destinations = {"tuned"};
    return grant;
  }
  // A key that exports, and audits or not.
  static Grant Exporter(bool audit) {
    Grant grant = AllRights();
    grant.rights = {};
    grant.rights.Add(Right::kExport);
    grant.rights.Add(Right::kActAs);
    if (audit) grant.rights.Add(Right::kAudit);
    return grant;
  }
  static Authenticated By(Grant grant) { return Authenticator::Prove(std::move(grant)); }

  StatusOr<ExportedMessage> Next(const Grant& grant, const std::string& more = "",
                                 const ExportPlace& place = {}, const std::string& scope = "") {
    const auto request = FromText<v1::ExportRequest>(
        "collection: 'docs' scope { as: 'user:ana' purpose: 'spring' " + scope + " } " + more);
    return Asked<ExportedMessage>([&](auto done) {
      ExportNext(engine_->ReadAs(By(grant), {}), engine_->WriteAs(By(grant)), request, place, done);
    });
  }
  std::string ModelLabel() {
    const auto view = engine_->FindTenant("default")->publisher.Pin(engine_->clock());
    const auto& label = view->policy().rules->destinations.at("tuned").model_label;
    return label ? ToText(*label) : "none";
  }

  ScratchDirectory scratch_;
  const std::string path_ = scratch_ / "data";
  const std::string kAttributes_ =
      "attributes { key: 'year' value { int_value: 2026 } } attributes { key: 'pay' value { "
      "int_value: 1 } } attributes { key: 'desk' value { int_value: 7 } } ";
  std::unique_ptr<Engine> engine_;
};

TEST_F(Exports, OnlyWhatTheSubjectMaySeeAndItsLabelRisesFirst) {
  const auto message = Next(Exporter(false));
  ASSERT_TRUE(message.ok()) << message.status().ToString();
  ASSERT_TRUE(message->response && message->next.ended);
  ASSERT_EQ(message->response->documents_size(), 1) << "hidden ones are as if they were not there";
  const v1::Document& document = message->response->documents(0);
  EXPECT_EQ(document.id() + document.title(), "aA");
  ASSERT_EQ(document.chunks_size(), 1);
  EXPECT_EQ(document.chunks(0).text(), "one");
  EXPECT_EQ(document.chunks(0).embedding_size(), 0);
  EXPECT_TRUE(document.attributes().contains("year"));
  EXPECT_FALSE(document.attributes().contains("pay")) << "an attribute above the subject";
  EXPECT_FALSE(document.has_acl() || document.chunks(0).has_acl() || document.subjects_size() > 0)
      << "lists and subjects are the auditors'";
  // The attribute's label counts as well.
  EXPECT_EQ(ModelLabel(), "internal");
  EXPECT_EQ(message->response->model_label().level(), "internal");
}

// At kExportDocuments and beyond.
TEST_F(Exports, OneCallNamesTooManyDocuments) {
  std::string named;
  for (size_t i = 0; i < limits::kExportDocuments; ++i) named += "documents: 'a' ";
  EXPECT_EQ(Outcome(Next(Exporter(false), named)), "OK");
  EXPECT_EQ(Outcome(Next(Exporter(false), named + "documents: 'a'")),
            "INVALID_ARGUMENT: documents");
}

TEST_F(Exports, AuditorsAndVectorsGetWhatCanBeIngestedAgain) {
  const auto message = Next(Exporter(true), "documents: 'a' vectors: true");
  ASSERT_TRUE(message.ok() && message->response);
  const v1::Document& document = message->response->documents(0);
  EXPECT_EQ(document.acl().allow(0).principal(), "everyone");
  EXPECT_EQ(document.subjects(0), "person:1");
  EXPECT_EQ(document.chunks(0).embedding(1), 0.25F);
  EXPECT_EQ(document.chunks(0).acl().allow(0).principal(), "everyone");
}

TEST_F(Exports, NamedOnesThatAreHiddenOrAbsentAreTheSame) {
  const auto hidden = Next(Exporter(true), "documents: 'a' documents: 'hidden'");
  const auto absent = Next(Exporter(true), "documents: 'a' documents: 'never'");
  EXPECT_EQ(hidden.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(hidden.status().ToString(), absent.status().ToString());
  EXPECT_EQ(ModelLabel(), "none") << "nothing left, nothing rises";
}

TEST_F(Exports, TheJournalAndTheStoreRemember) {
  const auto message = Next(Exporter(false));
  ASSERT_TRUE(message.ok() && message->response);
  auto tenant = engine_->FindTenant("default");
  const auto record = tenant->journal->Tail(1)->front();
  EXPECT_EQ(record.call(), "Export");
  EXPECT_EQ(record.destination(), "tuned");
  EXPECT_EQ(record.purpose(), "spring");
  EXPECT_EQ(record.reason(), "spring");
  EXPECT_TRUE(record.mutation());
  EXPECT_EQ(record.revision(), message->response->revision());
  ASSERT_EQ(record.documents_size(), 1);
  EXPECT_EQ(record.documents(0), tenant->pseudonyms.Of("document", "a"));
  EXPECT_EQ(record.context_label().level(), "internal");
  EXPECT_EQ(record.passages(), 1u);
  EXPECT_GT(record.tokens(), 0u);
  tenant.reset();
  Open();
  EXPECT_EQ(ModelLabel(), "internal");
}

TEST_F(Exports, ACanaryLeavesUntold) {
  const auto tenant = engine_->FindTenant("default");
  const auto alerts = [&] { return tenant->canary_alerts->count(); };
  const auto marked = [&] { return tenant->journal->Tail(1)->front().canary(); };
  Ingest("id: 'bird' canary: true " + Chunk("public", "everyone", "song"));
  Ingest("id: 'owl' canary: true " + Chunk("public", "user:bo", "night"));
  ASSERT_TRUE(Next(Exporter(false), "documents: 'a'").ok());
  EXPECT_FALSE(marked());
  EXPECT_EQ(alerts(), 0u);
  const auto message = Next(Exporter(true));
  ASSERT_TRUE(message.ok() && message->response);
  EXPECT_EQ(message->response->documents_size(), 2) << "what bo may see is not exported";
  for (const auto& document : message->response->documents()) {
    EXPECT_FALSE(document.canary()) << "nobody is told, auditors neither";
  }
  EXPECT_TRUE(marked());
  EXPECT_EQ(alerts(), 1u);
  EXPECT_EQ(Outcome(Next(Exporter(true), "documents: 'owl'")), "NOT_FOUND: documents[0].document");
  EXPECT_FALSE(marked());
  EXPECT_EQ(alerts(), 1u);
  Grant metered = Exporter(true);
  metered.quota.passages_per_day = 0;
  EXPECT_EQ(Outcome(Next(metered, "documents: 'bird'")),
            "RESOURCE_EXHAUSTED: quota.passages_per_day");
  EXPECT_FALSE(marked());
  EXPECT_EQ(alerts(), 1u) << "it did not leave";
}

TEST_F(Exports, HiddenCharactersTrainAModel) {
  const std::string hidden = "\\342\\200\\256";  // from right to left
  Ingest("id: 'x" + hidden + "' title: 't" + hidden + "' " +
         Chunk("public", "everyone", "o" + hidden + "ne" + hidden));
  const auto kept = Next(Exporter(false), "prefix: 'x'");
  ASSERT_TRUE(kept.ok() && kept->response);
  ASSERT_EQ(kept->response->hidden_characters_size(), 1);
  EXPECT_EQ(kept->response->hidden_characters(0), 4u);
  EXPECT_EQ(kept->response->documents(0).title(), "t\u202e");
  const auto stripped = Next(Exporter(false), "prefix: 'x' strip_hidden_characters: true");
  ASSERT_TRUE(stripped.ok() && stripped->response);
  EXPECT_EQ(stripped->response->hidden_characters(0), 4u);
  EXPECT_EQ(
      stripped->response->documents(0).title() + stripped->response->documents(0).chunks(0).text(),
      "tone");
  EXPECT_EQ(stripped->response->documents(0).id(), "x\u202e") << "another id were another document";
}

TEST_F(Exports, WhatIsNotTrustedTrainsAModel) {
  Write<v1::ApplyPolicyResponse>(
      ApplyPolicy, FromText<v1::ApplyPolicyRequest>(
                       "trust { names: 'untrusted' names: 'partner' names: 'internal' }"));
  const auto from = [&](const std::string& id, const std::string& tier) {
    Ingest("id: '" + id + "' provenance { source: 's' trust: '" + tier + "' } " +
           Chunk("public", "everyone", "text"));
  };
  from("t1", "untrusted");
  from("t2", "partner");
  from("t3", "internal");
  const auto message = Next(Exporter(false), "min_trust: 'partner'");
  ASSERT_TRUE(message.ok() && message->response) << message.status().ToString();
  std::string ids;
  for (const auto& document : message->response->documents()) ids += document.id() + " ";
  EXPECT_EQ(ids, "t2 t3 ") << "one without a tier is below all";
  EXPECT_EQ(Outcome(Next(Exporter(false), "min_trust: 'partner' documents: 't1'")),
            Outcome(Next(Exporter(false), "min_trust: 'partner' documents: 'never'")));
  EXPECT_EQ(Outcome(Next(Exporter(false), "min_trust: 'none'")), "INVALID_ARGUMENT: min_trust");
}

TEST_F(Exports, NothingToExportHasItsRecordAndNoRevision) {
  const auto before = engine_->FindTenant("default")->journal->last_revision();
  const auto message = Next(Exporter(false), "prefix: 'zz'");
  ASSERT_TRUE(message.ok()) << message.status().ToString();
  EXPECT_FALSE(message->response);
  EXPECT_TRUE(message->next.ended);
  const auto tenant = engine_->FindTenant("default");
  EXPECT_EQ(tenant->journal->Tail(1)->front().call(), "Export");
  EXPECT_EQ(tenant->journal->last_revision(), before);
}

TEST_F(Exports, NotToOthersNorInAnEmergencyNorBeyondTheQuota) {
  const auto refused = [&](const Grant& grant, const std::string& more) {
    return Outcome(Next(grant, more));
  };
  Grant no_right = Exporter(true);
  no_right.rights = {};
  no_right.rights.Add(Right::kQuery);
  no_right.rights.Add(Right::kActAs);
  EXPECT_EQ(refused(no_right, ""), "PERMISSION_DENIED: rights");
  Grant emergency = Exporter(true);
  emergency.rights.Add(Right::kBreakGlass);
  EXPECT_EQ(Outcome(Next(emergency, "", {}, "break_glass: 'x'")),
            "INVALID_ARGUMENT: scope.break_glass");
  EXPECT_EQ(refused(Exporter(true), "prefix: 'a' documents: 'a'"), "INVALID_ARGUMENT: prefix");
  Grant metered = Exporter(true);
  metered.quota.passages_per_day = 1;
  EXPECT_EQ(refused(metered, ""), "OK");
  EXPECT_EQ(refused(metered, ""), "RESOURCE_EXHAUSTED: quota.passages_per_day");
}

// Message by message, each document once, in order.
TEST_F(Exports, ALargeCollectionComesInParts) {
  const std::string word(60'000, 'x');
  for (int i = 0; i < 80; ++i) {
    Ingest("id: '" + std::string(i < 40 ? "p/" : "q/") + std::to_string(100 + i) + "' " +
           Chunk("public", "everyone", word));
  }
  std::vector<std::string> ids;
  int messages = 0;
  for (ExportPlace place; !place.ended; ++messages) {
    const auto message = Next(Exporter(false), "prefix: 'q'", place);
    ASSERT_TRUE(message.ok()) << message.status().ToString();
    place = message->next;
    if (!message->response) break;
    for (const auto& document : message->response->documents()) ids.push_back(document.id());
  }
  EXPECT_EQ(messages, 1) << "40 times 60 KB are less than a part";
  EXPECT_EQ(ids.size(), 40u);
  EXPECT_EQ(ids.front() + ids.back(), "q/140q/179");
  ids.clear();
  messages = 0;
  for (ExportPlace place; !place.ended; ++messages) {
    const auto message = Next(Exporter(false), "", place);
    ASSERT_TRUE(message.ok());
    place = message->next;
    if (!message->response) break;
    for (const auto& document : message->response->documents()) ids.push_back(document.id());
  }
  EXPECT_EQ(messages, 2);
  EXPECT_EQ(ids.size(), 81u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

}  // namespace
}  // namespace cordon
