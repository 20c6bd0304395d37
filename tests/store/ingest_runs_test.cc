// Runs in the store: a batch that the writer takes twice or out of order, a run that is taken for
// another's, and one that outlives its key.
#include "engine/store/ingest_runs.h"

#include <gtest/gtest.h>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class StoredRuns : public testing::Test {
 protected:
  void SetUp() override {
    store_.Do(kDocs);
    store_.Do(
        "create_collection { name: 'more' dimension: 2 metric: METRIC_INNER_PRODUCT "
        "embedder: EMBEDDER_NONE }");
    for (const std::string id : {"default.k1", "default.k2"}) {
      store_.Do("key { id: '" + id + "' record { digest: '" + id +
                "' grant { principal: 'service:loader' rights: RIGHT_QUERY clearance { symbol: "
                "SYMBOL_LOWEST } } } }");
    }
  }

  static std::string Batch(uint64_t number, const std::string& more = "",
                           const std::string& key = "default.k1",
                           const std::string& collection = "docs") {
    return "key_id: '" + key + "' ingest { collection: '" + collection +
           "' run { run: 'load' batch: " + std::to_string(number) + " digest: 'd' " + more + " } }";
  }
  size_t Runs() {
    size_t runs = 0;
    EXPECT_TRUE(store_.database()
                    .Scan(Family::kHeads, TenantPrefix(1) + "r",
                          [&](auto, auto) {
                            ++runs;
                            return OkStatus();
                          })
                    .ok());
    return runs;
  }

  ScratchStore store_;
};

// Whatever was looked up before, the writer looks once more.
TEST_F(StoredRuns, TheWriterTakesABatchTwiceOrOutOfOrder) {
  EXPECT_EQ(store_.Refusal(Batch(2)), "FAILED_PRECONDITION: batch") << "of a run that is not known";
  EXPECT_EQ(Runs(), 0u);
  store_.Do(Batch(1));
  const uint64_t revision = store_.state().revision;
  EXPECT_EQ(store_.Refusal(Batch(1)), "ABORTED: run");
  EXPECT_EQ(store_.Refusal(Batch(3)), "FAILED_PRECONDITION: batch");
  EXPECT_EQ(store_.state().revision, revision);
  store_.Do(Batch(2, "end: true"));
  store_.Reopen();
  EXPECT_EQ(store_.Refusal(Batch(2, "end: true")), "ABORTED: run");
  EXPECT_EQ(store_.Refusal(Batch(3)), "FAILED_PRECONDITION: run") << "it has ended";
  EXPECT_EQ(Runs(), 1u);
}

TEST_F(StoredRuns, OneNameIsOneRunForAll) {
  store_.Do(Batch(1));
  store_.Do(Batch(1, "", "default.k2"));
  store_.Do(Batch(1, "", "default.k1", "more"));
  EXPECT_EQ(Runs(), 3u);
  store_.Do(Batch(2, "", "default.k2"));
  EXPECT_EQ(store_.Refusal(Batch(3)), "FAILED_PRECONDITION: batch") << "the other key's";
}

TEST_F(StoredRuns, OneOutlivesItsKey) {
  store_.Do(Batch(1));
  store_.Do(Batch(1, "", "default.k1", "more"));
  store_.Do(Batch(1, "", "default.k2"));
  store_.Do("key { id: 'default.k1' }");
  EXPECT_EQ(Runs(), 1u);
  store_.Do(Batch(2, "", "default.k2"));
}

}  // namespace
}  // namespace cordon
