// What was erased or revoked and can be read again: from files, from memory, from a backup.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/verify_journals.h"
#include "tests/engine/erasing.h"
#include "tests/store/raw_store.h"

namespace cordon {
namespace {

TEST_F(Erasing, BytesOfADocumentAreLeftInAFile) {
  Ingest("doc/secret", kSecret, kText);
  engine_.reset();
  const ErasedVerdict before = Search();
  ASSERT_GE(before.found.size(), Needles().size()) << "the search finds nothing at all";
  for (const auto& found : before.found) EXPECT_NE(found.where.find("decrypted"), found.where.npos);
  fs::copy(scratch_ / "keys", scratch_ / "stolen keys", fs::copy_options::recursive);
  Open();
  Ingest("doc/other", "", "t", {1, 2, 3, 4});
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
  EXPECT_FALSE(Sees("doc/secret"));
  EXPECT_TRUE(Sees("doc/other"));
  const auto receipts = Records("ErasureVerified");
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_EQ(receipts[0].erasure().revision(), Records("Erase")[0].revision());
  EXPECT_EQ(receipts[0].documents(0), Records("Erase")[0].documents(0));
  EXPECT_GT(receipts[0].erasure().files_searched(), 0u);
  engine_.reset();
  const ErasedVerdict after = Search();
  EXPECT_GT(after.decrypted, 0u);
  EXPECT_EQ(after.records_left, 0u);
  for (const auto& found : after.found) ADD_FAILURE() << found.file << ": " << found.where;
  // Nor to whoever copied the keys before.
  for (const auto& found : Search("data", "stolen keys").found) {
    ADD_FAILURE() << found.file << ": " << found.where << ", with stolen keys";
  }
  EXPECT_EQ(KeyOf(0), KeyStore::State::kDestroyed);
  EXPECT_TRUE(VerifyJournals(paths())->ok);
  EXPECT_TRUE(VerifyStore(paths())->ok());
}

// An old View keeps the files as they were: no receipt may say that nothing is left.
TEST_F(Erasing, ARequestStillSeesWhatIsVerifiedAsGone) {
  Ingest("doc/secret", kSecret, kText);
  auto pinned = std::make_unique<PinnedView>(Pin());
  const auto erased = TryErase("document: 'doc/secret'");
  ASSERT_TRUE(erased.ok());
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_FALSE(Verified(erased->revision()));
  store::v1::DocumentRecord record;
  EXPECT_FALSE(*(*pinned)->documents().Read(1, "doc/secret", &record)) << "its key is there";
  pinned.reset();
  EXPECT_TRUE(WaitUntil([&] { return Verified(erased->revision()); }));
}

// A call may make several revisions, of which the last says nothing of those before.
TEST_F(Erasing, ALaterErasureIsVerifiedWithTheOneBefore) {
  Ingest("doc/secret", kSecret, kText);
  auto pinned = std::make_unique<PinnedView>(Pin());
  const auto first = TryErase("document: 'doc/secret'");
  ASSERT_TRUE(first.ok());
  const auto second = TryErase("subject: 'person:9'");  // of whom there is nothing
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(Verified(second->revision()));
  EXPECT_TRUE(Verified(first->revision() - 1));
  EXPECT_FALSE(Verified(second->revision() + 1)) << "of a revision that is still to come";
  pinned.reset();
  EXPECT_TRUE(WaitUntil([&] { return Verified(second->revision()); }));
}

// Of which nothing is written, so that its View is of the time before.
TEST_F(Erasing, AnIdleTenantKeepsWhatAnotherHasErased) {
  Ingest("doc/secret", kSecret, kText);
  const auto created = Asked<v1::CreateTenantResponse>([&](auto done) {
    CreateTenant(engine_->WriteAs(Anyone()), FromText<v1::CreateTenantRequest>("name: 'idle'"),
                 {"idle.k", "idle.k.s", "digest"}, done);
  });
  ASSERT_TRUE(created.ok()) << created.status().ToString();
  ASSERT_TRUE(engine_->FindTenant("idle") != nullptr);
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
}

TEST_F(Erasing, AnErasedVectorStaysInMemory) {
  for (int i = 0; i < 20; ++i) Ingest("other/" + std::to_string(i));
  Ingest("doc/secret", kSecret, kText);
  EraseAll("document: 'doc/secret'");
  const PinnedView view = Pin();
  for (const auto& [id, index] : view->indexes()) {
    EXPECT_EQ(index.vectors.rows(), 20u);
    EXPECT_EQ(index.lexical.rows(), 20u);
    EXPECT_FALSE(index.documents.Find("doc/secret"));
    for (const Segment& segment : index.vectors.segments()) {
      EXPECT_FALSE(segment.rows().Find("doc/secret"));
    }
  }
}

TEST_F(Erasing, AnOlderVersionKeepsItsKey) {
  Ingest("doc/secret", kSecret, kText);  // 0
  Ingest("doc/secret");                  // 1
  Ingest("gone", kSecret);               // 2
  Do<v1::DeleteResponse, v1::DeleteRequest>(Delete, "collection: 'docs' document: 'gone'");
  Ingest("about", kSecret);  // 3
  Ingest("about");           // 4, about nobody any more
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
  EXPECT_EQ(KeyOf(0), KeyStore::State::kDestroyed);
  EXPECT_EQ(KeyOf(1), KeyStore::State::kDestroyed);
  EXPECT_EQ(KeyOf(2), KeyStore::State::kThere);
  EXPECT_EQ(EraseAll("subject: 'person:123'"), 0u);
  EXPECT_EQ(KeyOf(2), KeyStore::State::kDestroyed);
  EXPECT_EQ(KeyOf(3), KeyStore::State::kDestroyed);
  EXPECT_EQ(KeyOf(4), KeyStore::State::kThere);
  EXPECT_TRUE(Sees("about"));
}

// A call of many documents is several mutations.
TEST_F(Erasing, ALaterRefusalSaysThatNothingWasErased) {
  constexpr size_t kDocuments = limits::kEraseAtOnce + 4;
  for (size_t next = 0; next < kDocuments;) {
    v1::IngestRequest request;
    request.set_collection("docs");
    for (size_t i = 0; i < 1025 && next < kDocuments; ++i, ++next) {
      *request.add_documents() = FromText<v1::Document>(
          "id: 'd" + std::to_string(next) +
          "' provenance { source: 'crm' } chunks { text: 't' embedding: [1, 2, 3, 4] }");
    }
    const auto answer = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  }
  ASSERT_EQ(Hold("document: 'd" + std::to_string(kDocuments - 1) + "'"), StatusCode::kOk);
  const Status refused = TryErase("source: 'crm'").status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.message().find("nothing was erased"), std::string::npos) << refused.message();
  EXPECT_NE(refused.message().find("4099 documents"), std::string::npos) << refused.message();
  const Status again = TryErase("source: 'crm'").status();
  EXPECT_NE(again.message().find("nothing was erased"), std::string::npos) << again.message();
  ASSERT_EQ(Hold("document: 'd" + std::to_string(kDocuments - 1) + "'", /*release=*/true),
            StatusCode::kOk);
  EXPECT_EQ(EraseAll("source: 'crm'"), 1u);  // what was held
}

TEST_F(Erasing, ADocumentOfTheSubjectOrSourceStays) {
  for (int i = 0; i < 30; ++i) {
    Ingest("a/" + std::to_string(i), "subjects: 'person:1' provenance { source: 'hris' }");
    Ingest("b/" + std::to_string(i), "subjects: 'person:2' subjects: 'person:1'");
    Ingest("c/" + std::to_string(i), "subjects: 'person:2' provenance { source: 'hris' }");
  }
  EXPECT_EQ(EraseAll("subject: 'person:1'"), 60u);
  EXPECT_FALSE(Sees("a/7") || Sees("b/29"));
  EXPECT_TRUE(Sees("c/0"));
  EXPECT_EQ(EraseAll("subject: 'person:1'"), 0u);
  EXPECT_EQ(EraseAll("source: 'hris'"), 30u);
  EXPECT_EQ(Pin()->state().FindCollection("docs")->documents, 0u);
  Open();
  EXPECT_EQ(Pin()->state().FindCollection("docs")->documents, 0u);
}

// What a restored store is told is encrypted, and read by whoever has the keys.
TEST_F(Erasing, AListInTheJournalIsNotSearched) {
  Ingest("doc/other");
  Do<v1::SetAccessResponse, v1::SetAccessRequest>(
      SetAccess,
      "collection: 'docs' document: 'doc/other' acl { allow { principal: 'user:needle' } }");
  Do<v1::DeleteResponse, v1::DeleteRequest>(Delete, "collection: 'docs' document: 'doc/other'");
  engine_.reset();
  const auto lists = [&] {
    size_t found = 0;
    const auto verdict = VerifyErased(paths(), {"user:needle"});
    EXPECT_TRUE(verdict.ok()) << verdict.status().ToString();
    for (const auto& place : verdict->found) found += place.where.find("list") != place.where.npos;
    return found;
  };
  EXPECT_GE(lists(), 2u) << "one in the journal, one in the revision's row";
  Open();
  EraseAll("document: 'doc/other'");
  engine_.reset();
  EXPECT_EQ(lists(), 0u) << "its key is destroyed";
}

// Its document is about nobody any more, or gone: nothing names the rows.
TEST_F(Erasing, AVersionThatIsErasedAloneStaysInMemory) {
  Ingest("about", kSecret, kText);
  Ingest("gone", kSecret, kText);
  for (int i = 0; i < 20; ++i) Ingest("other/" + std::to_string(i));  // in one segment with them
  Ingest("about");
  Do<v1::DeleteResponse, v1::DeleteRequest>(Delete, "collection: 'docs' document: 'gone'");
  const auto dead = [&] {
    size_t rows = 0;
    const PinnedView view = Pin();
    for (const auto& [id, index] : view->indexes()) {
      for (const auto& segment : index.vectors.segments()) {
        rows += segment.rows().size() - segment.live();
      }
      for (const auto& segment : index.lexical.segments()) {
        rows += segment.rows().size() - segment.live();
      }
    }
    return rows;
  };
  ASSERT_GT(dead(), 0u) << "the test shows nothing: the rows are gone already";
  EXPECT_EQ(EraseAll("subject: 'person:123'"), 0u);
  EXPECT_EQ(dead(), 0u);
  EXPECT_TRUE(Sees("about") && Sees("other/7"));
}

// What was replaced, deleted or dropped is due as well: backups have it.
TEST_F(Erasing, TimeForgetsWhatIsNotTheNewest) {
  StopTime();
  const Micros soon = engine_->clock()->Now() / 1'000'000 + 5;
  const std::string due = "erase_after { seconds: " + std::to_string(soon) + " }";
  Ingest("deleted", due);   // 0
  Ingest("replaced", due);  // 1
  Ingest("replaced");       // 2
  Do<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
      CreateCollection,
      "config { name: 'dropped' dimension: 1 metric: METRIC_L2 embedder: EMBEDDER_NONE "
      "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }");
  Do<IngestedBatch, v1::IngestRequest>(
      IngestDocuments,
      "collection: 'dropped' documents { id: 'a' chunks { text: 't' "
      "embedding: 1 } " +
          due + " }");  // 3
  Do<v1::DeleteResponse, v1::DeleteRequest>(Delete, "collection: 'docs' document: 'deleted'");
  Do<v1::DeleteCollectionResponse, v1::DeleteCollectionRequest>(DeleteCollection,
                                                                "name: 'dropped'");
  EXPECT_EQ(KeyOf(3), KeyStore::State::kThere);
  Pass(std::chrono::seconds(10));
  using Told = std::set<std::pair<std::string, uint32_t>>;
  const auto told = [&](const char* call) {
    Told all;
    for (const auto& record : Records(call)) {
      all.emplace(record.collection(), record.dropped_collection());
    }
    return all;
  };
  EXPECT_TRUE(WaitUntil([&] { return told("ErasureVerified").size() >= 2; }));
  EXPECT_EQ(KeyOf(0), KeyStore::State::kDestroyed) << "deleted";
  EXPECT_EQ(KeyOf(1), KeyStore::State::kDestroyed) << "replaced";
  EXPECT_EQ(KeyOf(2), KeyStore::State::kThere);
  EXPECT_EQ(KeyOf(3), KeyStore::State::kDestroyed) << "of a dropped collection";
  EXPECT_TRUE(Sees("replaced"));
  // The name may be another's by now: the number tells which it was.
  const auto deleted = Records("DeleteCollection");
  ASSERT_EQ(deleted.size(), 1u);
  EXPECT_TRUE(deleted[0].collection() == "dropped" && deleted[0].dropped_collection() == 2);
  for (const char* call : {"Erase", "ErasureVerified"}) {
    EXPECT_EQ(told(call), (Told{{"docs", 0}, {"", 2}})) << call;
  }
}

TEST_F(Erasing, TimeDoesNotErase) {
  const auto past = "erase_after { seconds: 1000 }";
  ASSERT_EQ(Hold("document: 'held'"), StatusCode::kOk);
  Ingest("held", past);
  Ingest("due", past);
  Ingest("later", "erase_after { seconds: 9000000000 }");
  EXPECT_TRUE(WaitUntil([&] { return !Sees("due"); }));
  EXPECT_TRUE(Sees("held") && Sees("later"));
  EXPECT_EQ(KeyOf(1), KeyStore::State::kDestroyed);
  ASSERT_EQ(Hold("document: 'held'", /*release=*/true), StatusCode::kOk);
  EXPECT_TRUE(WaitUntil([&] { return !Sees("held"); }));
}

// As a crash between the mutation's sync and the key's.
TEST_F(Erasing, AnErasureIsAcknowledgedWhoseKeyIsOnTheDisk) {
  Ingest("doc/secret", kSecret, kText);
  keys_disk_->failing = true;
  EXPECT_EQ(TryErase("document: 'doc/secret'").status().code(), StatusCode::kUnavailable);
  engine_.reset();
  EXPECT_EQ(KeyOf(0), KeyStore::State::kThere);
  EXPECT_FALSE(Engine::Open(Options(paths())).ok()) << "served while the key cannot be destroyed";
  keys_disk_->failing = false;
  Open();
  EXPECT_EQ(KeyOf(0), KeyStore::State::kDestroyed);
  EXPECT_FALSE(Sees("doc/secret"));
  ASSERT_FALSE(Records("Erase").empty());
  EXPECT_TRUE(Records("Erase").back().recovered());
  EXPECT_TRUE(WaitUntil([&] { return !Records("ErasureVerified").empty(); }));
  EXPECT_EQ(Records("ErasureVerified").size(), 1u);
}

TEST_F(Erasing, ADocumentIsAcknowledgedWithoutItsKey) {
  keys_disk_->failing = true;
  const auto request = FromText<v1::IngestRequest>(
      "collection: 'docs' documents { id: 'a' chunks { text: 't' "
      "embedding: [1, 2, 3, 4] } }");
  const auto refused = Asked<IngestedBatch>(
      [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  keys_disk_->failing = false;
  Ingest("a");
  Open();
  EXPECT_TRUE(Sees("a"));
}

TEST_F(Erasing, AnOlderCopyOfTheKeysIsPutBack) {
  Ingest("doc/secret", kSecret, kText);
  KeepKeys();
  EraseAll("document: 'doc/secret'");
  PutKeysBack();
  ASSERT_EQ(KeyOf(0), KeyStore::State::kThere);
  Open();
  EXPECT_EQ(KeyOf(0), KeyStore::State::kDestroyed);
}

TEST_F(Erasing, KeysOfAnotherStoreAreTaken) {
  engine_.reset();
  DataPaths other = paths("other");
  const auto create = [&] {
    return CreateStore(other, {"default.k", "default.k.s", "digest"}, false);
  };
  EXPECT_EQ(create().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(create().field(), "journal_dir") << "another store's journal is gone on with";
  other.journal_dir = scratch_ / "other journal";
  EXPECT_EQ(create().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(create().field(), "keys_dir");
  other.keys_dir = scratch_ / "other keys";
  ASSERT_TRUE(create().ok());
  other.keys_dir = paths().keys_dir;
  EXPECT_EQ(Engine::Open(Options(other)).status().code(), StatusCode::kFailedPrecondition);
  other.keys_dir = scratch_ / "nowhere";
  EXPECT_EQ(Engine::Open(Options(other)).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(Erasing, ABackupBringsBackWhatWasErasedOrRevoked) {
  Do<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
      ApplyDirectory,
      "principals { name: 'group:hr' sets_members: true members { principal: 'user:a' } }");
  const std::string hr = "acl { allow { principal: 'group:hr' } }";
  Ingest("doc/secret", kSecret, kText);
  Ingest("kept");
  Ingest("members", hr);
  Ingest("narrowed");
  Ingest("deleted");
  Ingest("replaced");
  Ingest("chunked");
  Ingest("ended");
  ASSERT_TRUE(engine_->Backup(0).ok());
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
  Do<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
      ApplyDirectory, "principals { name: 'group:hr' sets_members: true }");
  Do<v1::SetAccessResponse, v1::SetAccessRequest>(
      SetAccess, "collection: 'docs' document: 'narrowed' acl { allow { principal: 'user:b' } }");
  Do<v1::DeleteResponse, v1::DeleteRequest>(Delete, "collection: 'docs' document: 'deleted'");
  Ingest("replaced", "acl { allow { principal: 'user:b' } }");
  Ingest("replaced", "acl { allow { principal: 'user:c' } }");
  Ingest("ended", "valid_until { seconds: 1000 }");
  Ingest("new");
  const uint64_t last = Pin()->revision();
  Restore("restored");
  EXPECT_EQ(Pin()->revision(), last);
  EXPECT_TRUE(Sees("kept"));
  EXPECT_FALSE(Sees("doc/secret"));
  EXPECT_FALSE(Sees("members")) << "a membership came back";
  EXPECT_FALSE(Sees("narrowed")) << "a list came back";
  EXPECT_TRUE(Sees("narrowed", "user:b"));
  EXPECT_FALSE(Sees("deleted"));
  EXPECT_FALSE(Sees("replaced") || Sees("replaced", "user:b")) << "a replaced list came back";
  EXPECT_TRUE(Sees("replaced", "user:c")) << "the older content under the newer list";
  EXPECT_FALSE(Sees("ended"));
  EXPECT_FALSE(Sees("new")) << "written after the backup";
  Ingest("doc/secret", "", "written anew");
  EXPECT_TRUE(Sees("doc/secret"));
  engine_.reset();
  for (const auto& found : Search("restored").found) {
    EXPECT_TRUE(found.where.find("chunks, decrypted") != found.where.npos ||
                found.where.find("documents, decrypted") != found.where.npos)
        << found.where;
  }
  EXPECT_TRUE(VerifyStore(paths("restored"))->ok());
  Open("restored");
  EXPECT_EQ(Records("Restore").size(), 1u);
}

TEST_F(Erasing, BackupsEndAndAreVerified) {
  for (int i = 0; i < 4; ++i) {
    Ingest("a" + std::to_string(i));
    ASSERT_TRUE(engine_->Backup(/*keep=*/2).ok());
  }
  auto backups = engine_->Backups(/*verify=*/true);
  ASSERT_TRUE(backups.ok());
  ASSERT_EQ(backups->size(), 2u);
  EXPECT_TRUE(*backups->front().whole && *backups->back().whole);
  for (const auto& entry : fs::recursive_directory_iterator(scratch_ / "backups")) {
    if (entry.path().extension() != ".sst") continue;
    fs::resize_file(entry.path(), entry.file_size() - 1);
  }
  backups = engine_->Backups(/*verify=*/true);
  ASSERT_TRUE(backups.ok());
  EXPECT_FALSE(*backups->back().whole);
  engine_.reset();
  EXPECT_EQ(RestoreStore(scratch_ / "backups", 0, paths("restored")).status().code(),
            StatusCode::kDataLoss);
  EXPECT_FALSE(HoldsStore(paths("restored")));
}

TEST_F(Erasing, DamageIsNotNamed) {
  Ingest("a");
  Ingest("b");
  engine_.reset();
  const auto whole = VerifyStore(paths());
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_TRUE(whole->ok());
  EXPECT_EQ(whole->documents, 2u);
  EXPECT_EQ(whole->chunks, 2u);
  const std::string key = ChunkKey(1, 1, 1, 0);
  {
    RawStore raw(paths().Store());
    std::string value = raw.Get(Family::kChunks, key);
    value.back() = static_cast<char>(value.back() ^ 1);
    raw.Put(Family::kChunks, key, value);
  }
  const auto damaged = VerifyStore(paths());
  ASSERT_TRUE(damaged.ok());
  ASSERT_FALSE(damaged->ok());
  const std::string where = "chunks 0000000100000001000000000000000100000000";
  EXPECT_TRUE(std::any_of(damaged->damage.begin(), damaged->damage.end(),
                          [&](const auto& damage) { return damage.where == where; }));
}

TEST_F(Erasing, WhereNothingWasErasedTheStoreIsRewritten) {
  Ingest("a");
  engine_.reset();
  const auto opened = Database::Open(paths().Store(), /*create=*/false);
  ASSERT_TRUE(opened.ok() && (*opened)->Flush().ok());
  const auto files = [&] {
    std::set<std::string> names;
    const auto all = (*opened)->Files();
    for (const auto& file : *all) {
      if (!file.log) names.insert(file.path);
    }
    return names;
  };
  const auto before = files();
  const auto bytes = (*opened)->RewriteDocuments(1, 1, {});
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, 0u);
  EXPECT_EQ(files(), before);
  ASSERT_TRUE((*opened)->RewriteCollection(1, 1).ok());
  EXPECT_NE(files(), before) << "the test shows nothing";
}

}  // namespace
}  // namespace cordon
