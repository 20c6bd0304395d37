// Fears about the scan of a start, which several threads make: that it sees other documents than
// one walk past all, in another order, or passes over one that is damaged.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/random.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

constexpr uint64_t kNumbersMax = 60'000;  // several parts
constexpr uint32_t kCollections = 3;

class ScannedInParts : public testing::Test {
 protected:
  // Some have parts that others lack, and some are long.
  void Put(uint32_t collection, uint64_t number) {
    store::v1::DocumentRecord record;
    record.mutable_document()->set_id("document-" + std::to_string(number));
    for (uint64_t i = 0; i < number % 5; ++i) {
      auto* const allowed = record.mutable_document()->mutable_acl()->add_allow();
      allowed->set_principal("user:" + std::to_string(i));
    }
    if (number % 7 == 1) record.mutable_document()->set_title(std::string(number, 't'));
    record.set_number(number);
    const auto key = store_.vault().NewKey(1, number);
    const auto nonce = RandomSealNonce();
    ASSERT_TRUE(key.ok() && nonce.ok());
    Batch batch;
    Vault::Put(Family::kDocuments, DocumentKey(1, collection, number), *key, *nonce, record,
               &batch);
    ASSERT_TRUE(store_.database().Write(batch).ok());
  }
  void Fill(uint32_t collection, size_t documents) {
    for (size_t i = 0; i < documents; ++i) Put(collection, random_.Below(kNumbersMax));
  }

  static std::string Told(const store::v1::DocumentRecord& record) {
    return record.SerializeAsString();
  }
  // By one walk: the oracle.
  StatusOr<std::vector<std::string>> Walked(uint32_t collection) {
    std::vector<std::string> told;
    RETURN_IF_ERROR(store_.documents().Scan(collection, [&](const auto& record) {
      told.push_back(Told(record));
      return OkStatus();
    }));
    return told;
  }
  StatusOr<std::vector<std::string>> InParts(uint32_t collection) {
    std::vector<std::vector<std::string>> parts(Documents::kPartsMax);
    std::vector<std::string> told;
    size_t next = 0;
    RETURN_IF_ERROR(store_.documents().ScanParts(
        collection,
        [&](size_t part, const auto& record) {
          parts[part].push_back(Told(record));
          return OkStatus();
        },
        [&](size_t part) {
          EXPECT_EQ(part, next++);
          told.insert(told.end(), parts[part].begin(), parts[part].end());
          return OkStatus();
        }));
    EXPECT_LE(next, Documents::kPartsMax);
    parts_ = next;
    return told;
  }

  Random random_{5};
  ScratchStore store_;
  size_t parts_ = 0;
};

TEST_F(ScannedInParts, TheyAreThoseOfOneWalkInItsOrder) {
  for (uint32_t collection = 1; collection <= kCollections; ++collection) {
    EXPECT_EQ(*InParts(collection), std::vector<std::string>()) << "before there are any";
  }
  Fill(1, 800);
  Put(2, 12'345);
  Fill(3, 300);
  std::vector<uint64_t> erased;
  for (uint64_t number = 0; number < kNumbersMax; number += 3) erased.push_back(number);
  ASSERT_TRUE(store_.keys().Destroy(1, erased).ok());
  for (uint32_t collection = 1; collection <= kCollections; ++collection) {
    const auto walked = Walked(collection);
    const auto in_parts = InParts(collection);
    ASSERT_TRUE(walked.ok() && in_parts.ok());
    EXPECT_EQ(*in_parts, *walked);
    EXPECT_EQ(parts_ > 1, collection != 2);
  }
}

TEST_F(ScannedInParts, FarApartTheyAreStillFewParts) {
  Put(1, 0);
  Put(1, 500'000);
  Put(1, 9'999'999);
  EXPECT_EQ(*InParts(1), *Walked(1));
  EXPECT_LE(parts_, Documents::kPartsMax);
}

TEST_F(ScannedInParts, ADamagedRecordIsPassedOverByNeither) {
  Fill(1, 300);
  for (const uint64_t number : {uint64_t{7}, kNumbersMax / 2, kNumbersMax - 1}) {
    const std::string key = DocumentKey(1, 1, number);
    Batch damaged;
    damaged.PutBytes(Family::kDocuments, key, "no document's");
    ASSERT_TRUE(store_.vault().NewKey(1, number).ok());
    ASSERT_TRUE(store_.database().Write(damaged).ok());
    EXPECT_EQ(InParts(1).status().code(), StatusCode::kDataLoss) << number;
    EXPECT_EQ(Walked(1).status().code(), StatusCode::kDataLoss) << number;
    Batch gone;
    gone.Delete(Family::kDocuments, key);
    ASSERT_TRUE(store_.database().Write(gone).ok());
  }
  EXPECT_TRUE(InParts(1).ok());
}

// A key that nobody wrote, as far from the others as can be: the parts reach it all the same.
TEST_F(ScannedInParts, ARecordFarBeyondAllIsNotPassedOver) {
  for (const uint64_t number : {uint64_t{1} << 63, UINT64_MAX - 1, UINT64_MAX}) {
    for (const uint64_t first : {uint64_t{0}, uint64_t{1}}) {
      Put(1, first);
      const std::string key = DocumentKey(1, 1, number);
      Batch strange;
      strange.PutBytes(Family::kDocuments, key, "no document's");
      ASSERT_TRUE(store_.database().Write(strange).ok());
      EXPECT_EQ(InParts(1).status().code(), StatusCode::kDataLoss) << number << " " << first;
      EXPECT_EQ(Walked(1).status().code(), StatusCode::kDataLoss) << number << " " << first;
      Batch gone;
      gone.Delete(Family::kDocuments, key);
      gone.Delete(Family::kDocuments, DocumentKey(1, 1, first));
      ASSERT_TRUE(store_.database().Write(gone).ok());
    }
  }
}

// Under another's key, with a number that is not its own.
TEST_F(ScannedInParts, ARecordInAnothersPlaceIsRefused) {
  Fill(1, 100);
  store::v1::DocumentRecord record;
  record.set_number(4);
  const auto key = store_.vault().NewKey(1, 5'000);
  const auto nonce = RandomSealNonce();
  ASSERT_TRUE(key.ok() && nonce.ok());
  Batch batch;
  Vault::Put(Family::kDocuments, DocumentKey(1, 1, 5'000), *key, *nonce, record, &batch);
  ASSERT_TRUE(store_.database().Write(batch).ok());
  EXPECT_EQ(InParts(1).status().code(), StatusCode::kDataLoss);
}

// Else the memory of all would be held at once.
TEST_F(ScannedInParts, TheyAreNotScannedFarAheadOfWhatIsDone) {
  for (uint64_t number = 0; number < kNumbersMax; number += 1000) Put(1, number);
  std::atomic<size_t> highest = 0;
  size_t seen = 0;
  const auto visit = [&](size_t part, auto&) {
    for (size_t known = highest; known < part && !highest.compare_exchange_weak(known, part);) {
    }
    return OkStatus();
  };
  const auto done = [&](size_t part) {
    if (part > 0) return OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    seen = highest;
    return OkStatus();
  };
  ASSERT_TRUE(store_.documents().ScanParts(1, visit, done).ok());
  EXPECT_LE(seen, std::thread::hardware_concurrency() + 1);
  EXPECT_GT(highest, 10u);  // there are as many
}

TEST_F(ScannedInParts, AnExceptionOfWhoTakesEndsIt) {
  Fill(1, 500);
  const auto visit = [](size_t, auto&) { return OkStatus(); };
  const auto done = [](size_t) -> Status { throw std::bad_alloc(); };
  EXPECT_THROW((void)store_.documents().ScanParts(1, visit, done), std::bad_alloc);
}

TEST_F(ScannedInParts, AnErrorOfWhoVisitsOrTakesEndsIt) {
  Fill(1, 500);
  std::atomic<size_t> visited = 0;
  const Status full(StatusCode::kResourceExhausted, "", "enough");
  const auto visit = [&](size_t, auto&) { return ++visited < 20 ? OkStatus() : full; };
  const auto done = [](size_t) { return OkStatus(); };
  EXPECT_EQ(store_.documents().ScanParts(1, visit, done).code(), StatusCode::kResourceExhausted);
  const auto all = [](size_t, auto&) { return OkStatus(); };
  size_t parts = 0;
  const auto few = [&](size_t) { return ++parts < 3 ? OkStatus() : full; };
  EXPECT_EQ(store_.documents().ScanParts(1, all, few).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(parts, 3u);
}

}  // namespace
}  // namespace cordon
