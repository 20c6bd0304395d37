// A store that opens as something else than what was acknowledged.
#include "engine/engine.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/crypto/key_file.h"
#include "engine/verify_journals.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

class Engines : public testing::Test {
 protected:
  void SetUp() override {
    const Status created = CreateStore(paths(), {"default.k", "default.k.s", "digest"}, false);
    ASSERT_TRUE(created.ok()) << created.ToString();
  }

  DataPaths paths(const std::string& name = "data") const { return {scratch_ / name, "", ""}; }

  // Opens, or says why not.
  std::string Open(const std::string& name = "data", std::optional<uint64_t> loss = std::nullopt) {
    engine_.reset();
    auto opened = Engine::Open({paths(name), Durability::kRequired, loss});
    if (!opened.ok()) {
      message_ = opened.status().message();
      return Outcome(opened);
    }
    engine_ = *std::move(opened);
    return "OK";
  }
  uint64_t revision(const std::string& tenant = "default") {
    return engine_->FindTenant(tenant)->publisher.Pin(engine_->clock())->revision();
  }
  void MakeCollection(const std::string& name, const std::string& tenant = "default") {
    const auto request = FromText<v1::CreateCollectionRequest>(
        "config { name: '" + name +
        "' dimension: 8 metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN default_label { level: "
        "'public' } default_acl { allow { principal: 'everyone' } } }");
    const auto made = Asked<v1::CreateCollectionResponse>(
        [&](auto done) { CreateCollection(engine_->WriteAs(Anyone(tenant)), request, done); });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
  }
  uint64_t Ingest(const std::string& id, const std::string& tenant = "default") {
    auto request = FromText<v1::IngestRequest>("collection: 'docs' documents { id: '" + id +
                                               "' text: 'some words' }");
    const auto answer = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone(tenant)), request, done); });
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? answer->response.revision() : 0;
  }
  bool Has(const std::string& id, const std::string& tenant = "default") {
    v1::GetDocumentRequest request;
    request.set_collection("docs");
    request.set_document(id);
    request.mutable_scope()->set_as("user:a");
    return Asked<v1::GetDocumentResponse>(
               [&](auto done) { GetDocument(engine_->ReadAs(Anyone(tenant), {}), request, done); })
        .ok();
  }
  std::vector<journal::v1::Record> Tail(const std::string& tenant = "default") {
    return *engine_->FindTenant(tenant)->journal->Tail(1000);
  }
  // Of a directory that is open: RocksDB drops files that it needs no more at any moment, so a copy
  // that misses one is made again.
  void Copy(const std::string& from, const std::string& to) {
    for (int attempt = 0;; ++attempt) {
      std::error_code missing;
      fs::remove_all(scratch_ / to);
      fs::copy(scratch_ / from, scratch_ / to, fs::copy_options::recursive, missing);
      if (!missing) return;
      ASSERT_LT(attempt, 20) << missing.message();
    }
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Engine> engine_;
  std::string message_;
};

TEST_F(Engines, WhatWasAcknowledgedIsGoneAfterARestart) {
  ASSERT_EQ(Open(), "OK");
  MakeCollection("docs");
  Ingest("a");
  const uint64_t last = Ingest("b");
  ASSERT_EQ(Open(), "OK");
  EXPECT_EQ(revision(), last);
  EXPECT_TRUE(Has("a") && Has("b"));
  EXPECT_EQ(Ingest("c"), last + 1);
  const auto records = Tail();
  EXPECT_TRUE(std::any_of(records.begin(), records.end(),
                          [](const auto& record) { return record.call() == "Stop"; }));
  engine_.reset();
  const auto verified = VerifyJournals(paths());
  ASSERT_TRUE(verified.ok());
  EXPECT_TRUE(verified->ok) << verified->problem;
}

TEST_F(Engines, ACrashLosesWhatWasAcknowledged) {
  const pid_t child = fork();
  if (child == 0) {
    if (Open() != "OK") _exit(9);
    MakeCollection("docs");
    for (int i = 0; i < 20; ++i) Ingest("d" + std::to_string(i));
    _exit(HasFailure() ? 8 : 0);  // nothing is closed, flushed or stopped
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(Open(), "OK");
  EXPECT_EQ(revision(), 21u);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Has("d" + std::to_string(i))) << i;
}

TEST_F(Engines, AStoreAheadOfItsJournalServesUnrecordedChanges) {
  ASSERT_EQ(Open(), "OK");
  MakeCollection("docs");
  // As if the process had ended between the store's sync and the journal's.
  Copy("data/journal", "journal-before");
  Ingest("a");
  Copy("data", "crashed");
  engine_.reset();
  fs::remove_all(scratch_ / "crashed/journal");
  Copy("journal-before", "crashed/journal");
  ASSERT_EQ(Open("crashed"), "OK") << message_;
  EXPECT_EQ(revision(), 2u);
  EXPECT_TRUE(Has("a"));
  int recovered = 0;
  for (const auto& record : Tail()) {
    if (!record.recovered()) continue;
    ++recovered;
    EXPECT_EQ(record.revision(), 2u);
    EXPECT_EQ(record.call(), "Ingest");
    EXPECT_TRUE(record.mutation());
    EXPECT_EQ(record.documents_size(), 1);
  }
  EXPECT_EQ(recovered, 1);
  // Once: the next start has nothing to add.
  ASSERT_EQ(Open("crashed"), "OK");
  const auto records = Tail();
  EXPECT_EQ(std::count_if(records.begin(), records.end(),
                          [](const auto& record) { return record.recovered(); }),
            1);
}

TEST_F(Engines, FiguresThatDoNotAddUp) {
  ASSERT_EQ(Open(), "OK");
  const Figures before = engine_->figures();
  EXPECT_EQ(before.tenants, 1u);
  EXPECT_EQ(before.documents + before.chunks + before.writer.documents, 0u);
  MakeCollection("docs");
  Ingest("a");
  Ingest("b");
  Ingest("b");  // replaces it: ingested again, and there once
  EXPECT_TRUE(Has("a"));
  EXPECT_FALSE(Has("none"));
  const Figures after = engine_->figures();
  EXPECT_EQ(after.documents, 2u);
  EXPECT_EQ(after.chunks, 2u);
  EXPECT_EQ(after.writer.documents, 3u);
  EXPECT_EQ(after.writer.chunks, 3u);
  EXPECT_EQ(after.revisions, revision());
  EXPECT_EQ(after.metered.left.passages, 1u);
  EXPECT_EQ(after.journal.records, before.journal.records + 6) << "one for each call";
  EXPECT_GT(after.journal.syncs, before.journal.syncs);
  EXPECT_GT(after.journal.syncing.count(), 0);
  EXPECT_FALSE(after.writer.failed || after.journal.failed);
  EXPECT_EQ(after.canary_alerts, 0u);
  // A restart keeps what is there, and counts what is done from 0.
  ASSERT_EQ(Open(), "OK");
  const Figures again = engine_->figures();
  EXPECT_EQ(again.documents, 2u);
  EXPECT_EQ(again.revisions, after.revisions);
  EXPECT_GE(again.journal.records, after.journal.records);
  EXPECT_EQ(again.writer.documents, 0u);
  EXPECT_EQ(again.metered.left.passages, 0u);
}

TEST_F(Engines, AStoreThatLostAcknowledgedChangesServes) {
  ASSERT_EQ(Open(), "OK");
  MakeCollection("docs");
  Copy("data/store", "store-before");
  Ingest("lost1");
  Ingest("lost2");
  engine_.reset();
  fs::remove_all(scratch_ / "data/store");
  Copy("store-before", "data/store");
  EXPECT_EQ(Open(), "DATA_LOSS: data_dir");
  EXPECT_NE(message_.find("--accept-loss-to 1"), message_.npos) << message_;
  for (const uint64_t wrong : {0u, 2u, 3u, 99u}) {
    EXPECT_EQ(Open("data", wrong), "DATA_LOSS: data_dir") << wrong;
  }
  ASSERT_EQ(Open("data", 1), "OK") << message_;
  EXPECT_FALSE(Has("lost1"));
  bool recorded = false;
  for (const auto& record : Tail()) recorded |= record.call() == "AcceptLoss";
  EXPECT_TRUE(recorded);
  EXPECT_EQ(Ingest("new"), 2u);
  // From here on without the option.
  ASSERT_EQ(Open(), "OK") << message_;
  EXPECT_TRUE(Has("new"));
  EXPECT_EQ(revision(), 2u);
}

TEST_F(Engines, AJournalWithItsEndCutOffServes) {
  ASSERT_EQ(Open(), "OK");
  MakeCollection("docs");
  Ingest("a");
  engine_.reset();
  const std::string file = scratch_ / "data/journal/default/000001.log";
  fs::resize_file(file, fs::file_size(file) - 100);
  EXPECT_EQ(Open().substr(0, 9), "DATA_LOSS");
  fs::remove(file);
  EXPECT_EQ(Open().substr(0, 9), "DATA_LOSS");
}

TEST_F(Engines, AnotherFormatIsGuessedAt) {
  for (const char* text : {"cordon 1\n", "cordon 3\n", "", "cordon 2 beta\n", "cordon"}) {
    std::ofstream(paths().Format(), std::ios::trunc) << text;
    EXPECT_EQ(Open(), "FAILED_PRECONDITION: data_dir") << text;
  }
  std::ofstream(paths().Format(), std::ios::trunc) << "cordon 2\n";
  EXPECT_EQ(Open(), "OK");
}

TEST_F(Engines, AHalfCreatedStoreSendsItsOwnerInCircles) {
  fs::remove(paths().Format());
  EXPECT_EQ(Open(), "FAILED_PRECONDITION: data_dir");
  // Not "create one with init", since init would refuse it.
  EXPECT_NE(message_.find("delete"), message_.npos) << message_;
  const Status again = CreateStore(paths(), {"default.k", "default.k.s", "digest"}, false);
  EXPECT_FALSE(again.ok());
  EXPECT_NE(std::string(again.message()).find("delete"), std::string::npos) << again.message();
  EXPECT_EQ(Open("nowhere"), "FAILED_PRECONDITION: data_dir");
  EXPECT_NE(message_.find("init"), message_.npos) << message_;
}

TEST_F(Engines, TwoEnginesHaveOneStore) {
  ASSERT_EQ(Open(), "OK");
  const auto second = Engine::Open({paths(), Durability::kRequired, std::nullopt});
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(Engines, AnotherJournalKeyOpens) {
  ASSERT_EQ(Open(), "OK");
  MakeCollection("docs");
  engine_.reset();
  fs::remove(paths().JournalKey());
  EXPECT_EQ(Open().substr(0, 9), "NOT_FOUND");
  ASSERT_TRUE(CreateKeyFile(paths().JournalKey()).ok());
  EXPECT_NE(Open(), "OK");
}

// It was put there before, or made by a creation that failed afterwards.
TEST_F(Engines, AKeyBesideTheJournalsIsTakenForAnothersJournal) {
  DataPaths where = paths("other");
  where.journal_dir = scratch_ / "journals";
  where.journal_key = scratch_ / "journals/../journals/journal.key";
  fs::create_directories(where.journal_dir);
  ASSERT_TRUE(CreateKeyFile(where.journal_key).ok());
  const auto create = [&] {
    return CreateStore(where, {"default.k", "default.k.s", "digest"}, false);
  };
  std::ofstream(scratch_ / "journals/another.key") << "a line";
  EXPECT_EQ(create().code(), StatusCode::kAlreadyExists) << "any other file is foreign";
  fs::remove(scratch_ / "journals/another.key");
  const Status created = create();
  ASSERT_TRUE(created.ok()) << created.ToString();
  EXPECT_TRUE(Engine::Open({where, Durability::kRequired, std::nullopt}).ok());
}

TEST_F(Engines, TenantsSeeEachOther) {
  ASSERT_EQ(Open(), "OK");
  const auto made = Asked<v1::CreateTenantResponse>([&](auto done) {
    CreateTenant(engine_->WriteAs(Anyone()), FromText<v1::CreateTenantRequest>("name: 'acme'"),
                 {"acme.k", "acme.k.s", "digest"}, done);
  });
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  const uint64_t before = revision();
  MakeCollection("docs", "acme");
  Ingest("theirs", "acme");
  EXPECT_EQ(revision(), before);
  EXPECT_FALSE(Has("theirs"));
  MakeCollection("docs");
  EXPECT_FALSE(Has("theirs"));
  Ingest("ours");
  for (const bool restart : {false, true}) {
    if (restart) {
      ASSERT_EQ(Open(), "OK");
    }
    EXPECT_TRUE(Has("theirs", "acme") && Has("ours"));
    EXPECT_FALSE(Has("theirs") || Has("ours", "acme"));
    for (const auto& record : Tail("acme")) EXPECT_NE(record.call(), "CreateTenant");
    EXPECT_NE(engine_->FindTenant("acme")->pseudonyms.Of("document", "x"),
              engine_->FindTenant("default")->pseudonyms.Of("document", "x"));
  }
  EXPECT_EQ(engine_->FindTenant("other"), nullptr);
  // Only the first tenant's admins make tenants.
  const auto denied = Asked<v1::CreateTenantResponse>([&](auto done) {
    CreateTenant(engine_->WriteAs(Anyone("acme")),
                 FromText<v1::CreateTenantRequest>("name: 'more'"), {"k", "k", "d"}, done);
  });
  EXPECT_EQ(Outcome(denied), "PERMISSION_DENIED: name");
}

TEST_F(Engines, TheClockRunsBackOverARestart) {
  ASSERT_EQ(Open(), "OK");
  MakeCollection("docs");
  const Micros before = engine_->clock()->Now();
  ASSERT_EQ(Open(), "OK");
  EXPECT_GE(engine_->clock()->Now(), before);
}

}  // namespace
}  // namespace cordon
