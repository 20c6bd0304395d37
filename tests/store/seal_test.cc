// Stored bytes that are not what was written there, believed.
#include <google/protobuf/empty.pb.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/store/raw_store.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

StatusCode ReadDocument(ScratchStore& store, const std::string& id) {
  store::v1::DocumentRecord record;
  return store.documents().Read(1, id, &record).status().code();
}

// Changes the raw store, then opens it again without loading the tenant.
template <typename Damage>
void Damaged(ScratchStore& store, Damage damage) {
  store.Close();
  RawStore raw(store.path());
  damage(raw);
}

// Whether a document's record is there and opens.
StatusOr<bool> Opened(const ScratchStore& store, const Database& database, const std::string& key) {
  store::v1::DocumentRecord record;
  return Documents(&database, &store.vault(), 1).ReadNumbered(1, DocumentNumber(key), &record);
}

StatusCode Reread(const ScratchStore& store, Family family, const std::string& key) {
  const auto database = Database::Open(store.path(), /*create=*/false);
  EXPECT_TRUE(database.ok());
  google::protobuf::Empty record;  // anything parses as it: what is sealed says if it is whole
  const auto found = family == Family::kDocuments ? Opened(store, **database, key)
                                                  : (*database)->Get(family, key, &record);
  Status scanned =
      (*database)->Scan(family, TenantPrefix(1), [](auto, auto) { return OkStatus(); });
  if (family == Family::kDocuments) {
    scanned = Documents(database->get(), &store.vault(), 1).Scan(1, [](const auto&) {
      return OkStatus();
    });
  }
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
  const std::string key = DocumentKey(1, 1, store_.NumberOf("secret"));
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
  const std::string key = DocumentKey(1, 1, store_.NumberOf("secret"));
  std::string value;
  Damaged(store_, [&](RawStore& raw) { value = raw.Get(Family::kDocuments, key); });
  for (const size_t size : {size_t{0}, size_t{3}, size_t{4}, value.size() - 1}) {
    { RawStore(store_.path()).Put(Family::kDocuments, key, value.substr(0, size)); }
    EXPECT_EQ(Reread(store_, Family::kDocuments, key), StatusCode::kDataLoss) << size;
  }
}

TEST_F(Seals, APublicRecordMovedOverASecretOneOpensIt) {
  const std::string secret = DocumentKey(1, 1, store_.NumberOf("secret"));
  const std::string open = DocumentKey(1, 1, store_.NumberOf("open"));
  Damaged(store_, [&](RawStore& raw) {
    raw.Put(Family::kDocuments, secret, raw.Get(Family::kDocuments, open));
  });
  EXPECT_EQ(Reread(store_, Family::kDocuments, secret), StatusCode::kDataLoss);
}

// As one who can compute the CRC: the same document's older record, or another collection's.
TEST_F(Seals, AWholeRecordOpensInAnotherPlace) {
  const uint64_t number = store_.NumberOf("open");
  const std::string key = DocumentKey(1, 1, number);
  store::v1::DocumentRecord record = store_.Document("open");
  const SecretKey document_key = *store_.vault().KeyOf(1, number);
  for (const std::string& place : {DocumentKey(1, 2, number), ChunkKey(1, 1, number, 0)}) {
    std::string sealed;
    SealText(document_key, *RandomSealNonce(), std::string(1, static_cast<char>(8)) + key,
             record.SerializeAsString(), &sealed);
    store::v1::DocumentRecord opened;
    const auto own = store_.vault().Open(Family::kDocuments, key, sealed, &opened);
    ASSERT_TRUE(own.ok() && *own) << "the seal does not name the place";
    EXPECT_EQ(store_.vault().Open(Family::kDocuments, place, sealed, &opened).status().code(),
              StatusCode::kDataLoss);
    EXPECT_EQ(store_.vault().Open(Family::kChunks, key, sealed, &opened).status().code(),
              StatusCode::kDataLoss);
  }
}

// Of a document's key, whose record, chunks and told access are sealed together.
TEST_F(Seals, ANonceServesTwice) {
  std::set<std::string> nonces;
  const auto add = [&](std::string_view sealed) {
    EXPECT_TRUE(nonces.insert(std::string(sealed.substr(0, kSealNonceBytes))).second);
  };
  const auto add_stored = [&](Family family) {
    const std::string prefix = DocumentKey(1, 1, store_.NumberOf("secret"));
    const Status scanned = store_.database().Scan(family, prefix, [&](auto, auto payload) {
      add(payload);
      return OkStatus();
    });
    EXPECT_TRUE(scanned.ok());
  };
  const Applied replaced =
      store_.Do(IngestOf("secret", "allow { principal: 'user:ana' }", "level: 'restricted'",
                         "} chunks { ordinal: 1 text: 'u' embedding: 1 embedding: 0"));
  ASSERT_EQ(replaced.replay.access_size(), 1);
  add(replaced.replay.access(0).sealed());
  add_stored(Family::kDocuments);
  add_stored(Family::kChunks);
  EXPECT_EQ(nonces.size(), 4u);
  const Applied changed = store_.Do(
      "set_access { collection: 'docs' document: 'secret' acl { allow { principal: 'user:bo' } } "
      "}");
  ASSERT_EQ(changed.replay.access_size(), 1);
  add(changed.replay.access(0).sealed());
  add_stored(Family::kDocuments);
  EXPECT_EQ(nonces.size(), 6u);
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
  const std::string key = ChunkKey(1, 1, store_.NumberOf("open"), 0);
  Damaged(store_, [&](RawStore& raw) { raw.Delete(Family::kChunks, key); });
  const auto database = Database::Open(store_.path(), /*create=*/false);
  const Status scanned =
      Documents(database->get(), &store_.vault(), 1).ScanWhole(1, [](const auto&, const auto&) {
        return OkStatus();
      });
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
  EXPECT_TRUE(*store_.documents(snapshot.get()).Read(1, "open", &record));
  EXPECT_FALSE(*store_.documents().Read(1, "open", &record));
}

}  // namespace
}  // namespace cordon
