// Stored bytes that are not what was written there, believed.
#include <gtest/gtest.h>

#include "tests/store/raw_store.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

StatusCode ReadDocument(ScratchStore& store, const std::string& id) {
  store::v1::DocumentRecord record;
  return store.database().Get(Family::kDocuments, DocumentKey(1, 1, id), &record).status().code();
}

// Changes the raw store, then opens it again without loading the tenant.
template <typename Damage>
void Damaged(ScratchStore& store, Damage damage) {
  store.Close();
  RawStore raw(store.path());
  damage(raw);
}

StatusCode Reread(const ScratchStore& store, Family family, const std::string& key) {
  const auto database = Database::Open(store.path(), /*create=*/false);
  EXPECT_TRUE(database.ok());
  store::v1::DocumentRecord record;
  const auto found = (*database)->Get(family, key, &record);
  const Status scanned =
      (*database)->Scan(family, TenantPrefix(1), [](auto, auto) { return OkStatus(); });
  EXPECT_EQ(scanned.code(), found.status().code()) << "a scan and a read disagree";
  return found.status().code();
}

class Seals : public testing::Test {
 protected:
  void SetUp() override {
    store_.Do(kDocs);
    store_.Do(IngestOf("open", "allow { principal: 'everyone' }", "level: 'public'"));
    store_.Do(IngestOf("secret", "allow { principal: 'user:ana' }", "level: 'restricted'"));
    ASSERT_EQ(ReadDocument(store_, "secret"), StatusCode::kOk);
  }
  ScratchStore store_;
};

TEST_F(Seals, AnyFlippedBitIsBelieved) {
  const std::string key = DocumentKey(1, 1, "secret");
  std::string value;
  Damaged(store_, [&](RawStore& raw) { value = raw.Get(Family::kDocuments, key); });
  for (size_t i = 0; i < value.size(); i += 1 + value.size() / 16) {
    std::string flipped = value;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    { RawStore(store_.path()).Put(Family::kDocuments, key, flipped); }
    EXPECT_EQ(Reread(store_, Family::kDocuments, key), StatusCode::kDataLoss) << "byte " << i;
  }
  { RawStore(store_.path()).Put(Family::kDocuments, key, value); }
  EXPECT_EQ(Reread(store_, Family::kDocuments, key), StatusCode::kOk);
}

TEST_F(Seals, ATornValueIsBelieved) {
  const std::string key = DocumentKey(1, 1, "secret");
  std::string value;
  Damaged(store_, [&](RawStore& raw) { value = raw.Get(Family::kDocuments, key); });
  for (const size_t size : {size_t{0}, size_t{3}, size_t{4}, value.size() - 1}) {
    { RawStore(store_.path()).Put(Family::kDocuments, key, value.substr(0, size)); }
    EXPECT_EQ(Reread(store_, Family::kDocuments, key), StatusCode::kDataLoss) << size;
  }
}

TEST_F(Seals, APublicRecordMovedOverASecretOneOpensIt) {
  Damaged(store_, [&](RawStore& raw) {
    raw.Put(Family::kDocuments, DocumentKey(1, 1, "secret"),
            raw.Get(Family::kDocuments, DocumentKey(1, 1, "open")));
  });
  EXPECT_EQ(Reread(store_, Family::kDocuments, DocumentKey(1, 1, "secret")), StatusCode::kDataLoss);
}

TEST_F(Seals, AClassMovedOverAnotherWidensIt) {
  // Class 0 allows everyone, class 1 only ana.
  Damaged(store_, [&](RawStore& raw) {
    raw.Put(Family::kClasses, NumberedKey(1, 1), raw.Get(Family::kClasses, NumberedKey(1, 0)));
  });
  const auto database = Database::Open(store_.path(), /*create=*/false);
  Interner interner;
  const auto loaded =
      LoadTenant(**database, FromText<store::v1::TenantRecord>("id: 1 name: 'default'"), &interner);
  EXPECT_EQ(loaded.status().code(), StatusCode::kDataLoss);
}

TEST_F(Seals, AValueOfAnotherFamilyIsBelieved) {
  const std::string key = NumberedKey(1, 0);
  Damaged(store_,
          [&](RawStore& raw) { raw.Put(Family::kClasses, key, raw.Get(Family::kClauses, key)); });
  EXPECT_EQ(Reread(store_, Family::kClasses, key), StatusCode::kDataLoss);
}

TEST_F(Seals, AClauseThatVanishedShiftsTheOthers) {
  Damaged(store_, [&](RawStore& raw) { raw.Delete(Family::kClauses, NumberedKey(1, 0)); });
  const auto database = Database::Open(store_.path(), /*create=*/false);
  Interner interner;
  const auto loaded =
      LoadTenant(**database, FromText<store::v1::TenantRecord>("id: 1 name: 'default'"), &interner);
  EXPECT_EQ(loaded.status().code(), StatusCode::kDataLoss);
}

TEST_F(Seals, AMissingChunkIsPassedOver) {
  Damaged(store_, [&](RawStore& raw) { raw.Delete(Family::kChunks, ChunkKey(1, 1, "open", 0)); });
  const auto database = Database::Open(store_.path(), /*create=*/false);
  const Status scanned =
      ScanDocuments(**database, 1, 1, [](const auto&, const auto&) { return OkStatus(); });
  EXPECT_EQ(scanned.code(), StatusCode::kDataLoss);
}

TEST_F(Seals, ASecondServerWritesTheSameStore) {
  const auto second = Database::Open(store_.path(), /*create=*/false);
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(Seals, ASnapshotThatSeesLaterWrites) {
  const auto snapshot = store_.database().TakeSnapshot();
  store_.Do("delete_document { collection: 'docs' document: 'open' }");
  store::v1::DocumentRecord record;
  const std::string key = DocumentKey(1, 1, "open");
  EXPECT_TRUE(*store_.database().Get(Family::kDocuments, key, &record, snapshot.get()));
  EXPECT_FALSE(*store_.database().Get(Family::kDocuments, key, &record));
}

}  // namespace
}  // namespace cordon
