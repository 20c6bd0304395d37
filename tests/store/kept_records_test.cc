// Records that are kept with their snapshot: what is served of them, and for how long.
#include "engine/store/kept_records.h"

#include <gtest/gtest.h>

#include "engine/store/rocks.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

using store::v1::ChunkRecord;
using store::v1::DocumentRecord;

constexpr int kOften = 200;  // reads; more than any snapshot waits before it keeps

class Kept : public testing::Test {
 protected:
  void SetUp() override {
    store_.Do(kDocs);
    store_.Do(IngestOf("a", "allow { principal: 'user:a' }", "level: 'public'"));
    snapshot_ = store_.database().TakeSnapshot();
  }
  ~Kept() override {
    snapshot_.reset();
    store_.Close();
  }

  // The titles and texts of "a" as they are read at `snapshot`; "" if it is not there.
  std::string Read(const std::shared_ptr<const Snapshot>& snapshot) {
    const Documents documents = store_.documents(snapshot.get());
    const std::string_view ids[] = {"absent", "a"};
    std::string read;
    std::vector<Documents::ChunkPlace> places;
    EXPECT_TRUE(documents
                    .ReadOften(1, ids,
                               [&](size_t i, const DocumentRecord& record) {
                                 EXPECT_EQ(record.document().id(), ids[i]);
                                 read += record.document().acl().allow(0).principal() + ":";
                                 places.push_back({record.number(), 0});
                                 return OkStatus();
                               })
                    .ok());
    EXPECT_TRUE(documents
                    .ReadChunksOften(1, places,
                                     [&](size_t, const ChunkRecord* record) {
                                       read += record == nullptr ? "erased" : record->text();
                                       return OkStatus();
                                     })
                    .ok());
    return read;
  }
  size_t used() { return store_.database().rocks().kept->used; }

  ScratchStore store_;
  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(Kept, IsWhatTheSnapshotHas) {
  EXPECT_EQ(Read(snapshot_), "user:a:t");
  EXPECT_EQ(used(), 0u) << "a snapshot that is read once keeps nothing";
  for (int i = 0; i < kOften; ++i) ASSERT_EQ(Read(snapshot_), "user:a:t");
  EXPECT_GT(used(), 0u);
  store_.Do(
      "set_access { collection: 'docs' document: 'a' acl { allow { principal: 'user:b' } } }");
  EXPECT_EQ(Read(snapshot_), "user:a:t");
  const auto later = store_.database().TakeSnapshot();
  for (int i = 0; i < kOften; ++i) ASSERT_EQ(Read(later), "user:b:t");
}

TEST_F(Kept, IsGoneOnceItsKeyIsDestroyed) {
  for (int i = 0; i < kOften; ++i) Read(snapshot_);
  const uint64_t number = store_.NumberOf("a");
  store_.Do("erase { collection: 'docs' document: 'a' }");
  EXPECT_EQ(Read(snapshot_), "") << "kept, and its key destroyed";
  const Documents::ChunkPlace place = {number, 0};
  bool erased = false;
  EXPECT_TRUE(store_.documents(snapshot_.get())
                  .ReadChunksOften(1, {&place, 1},
                                   [&](size_t, const ChunkRecord* record) {
                                     erased = record == nullptr;
                                     return OkStatus();
                                   })
                  .ok());
  EXPECT_TRUE(erased);
}

TEST_F(Kept, GoesWithItsSnapshot) {
  for (int i = 0; i < kOften; ++i) Read(snapshot_);
  EXPECT_GT(used(), 0u);
  snapshot_.reset();
  EXPECT_EQ(used(), 0u);
}

using KeptChunks = KeptRecords<ChunkRecord>;

// Those of a snapshot that was read often enough to keep something.
std::unique_ptr<KeptChunks> OftenRead(const std::shared_ptr<KeptBytes>& bytes) {
  auto kept = std::make_unique<KeptChunks>(bytes);
  for (int i = 0; i < kOften; ++i) kept->Find({});
  return kept;
}

bool Has(KeptChunks& kept, const std::string& name) { return kept.Find({&name, 1})[0] != nullptr; }

// That of a tenant who changes nothing lives for days.
TEST(KeptBytes, AreTakenByWhomNobodyAsks) {
  const auto bytes = std::make_shared<KeptBytes>();
  const auto idle = OftenRead(bytes), asked = OftenRead(bytes);
  ChunkRecord record;
  record.set_text(std::string(32 << 10, 't'));
  for (int i = 0; i < 4000; ++i) idle->Keep(std::to_string(i), record);
  std::vector<std::string> names;
  for (int i = 0; i < 500; ++i) names.push_back(std::to_string(i));
  for (const std::string& name : names) asked->Keep(name, record);
  for (const auto& found : asked->Find(names)) EXPECT_NE(found, nullptr);
}

// Records are read into one object, which keeps the room of the largest that it ever held.
TEST(KeptBytes, AreThoseOfALargeRecordThatWasReadBefore) {
  const auto bytes = std::make_shared<KeptBytes>();
  const auto kept = OftenRead(bytes);
  ChunkRecord record;
  record.set_text(std::string(1 << 20, 't'));
  record.set_text("small");
  ASSERT_GT(record.SpaceUsedLong(), size_t{1} << 20);
  kept->Keep("a", record);
  EXPECT_TRUE(Has(*kept, "a")) << "refused for a room that it does not take";
  EXPECT_LT(bytes->used, 1024u);
}

TEST(KeptBytes, AreBoundedForAllSnapshots) {
  const auto bytes = std::make_shared<KeptBytes>();
  ChunkRecord record;
  record.set_text(std::string(32 << 10, 't'));
  auto first = OftenRead(bytes), second = OftenRead(bytes);
  for (int i = 0; i < 4000; ++i) {
    first->Keep(std::to_string(i), record);
    ASSERT_LE(bytes->used, KeptBytes::kMax);
  }
  EXPECT_TRUE(Has(*first, "3999")) << "the newest are kept";
  const size_t used = bytes->used;
  record.set_text(std::string(1 << 20, 't'));
  first->Keep("large", record);
  EXPECT_EQ(bytes->used, used) << "one record must not take the place of many";
  record.set_text(std::string(32 << 10, 't'));
  for (int i = 0; i < 4000; ++i) {
    second->Keep(std::to_string(i), record);
    ASSERT_LE(bytes->used, KeptBytes::kMax);
  }
  first.reset();
  second.reset();
  EXPECT_EQ(bytes->used, 0u);
}

}  // namespace
}  // namespace cordon
