// Keys of different things, or of different tenants, that fall on each other.
#include "engine/store/schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace cordon {
namespace {

const std::vector<uint32_t> kNumbers = {0,   1,     2,     127,        128,        255,
                                        256, 65535, 65536, 0x63000000, 0xfffffffe, 0xffffffff};

TEST(Schema, NumbersThatSortDifferentlyAsKeys) {
  std::vector<std::string> tenants, numbered, revisions;
  for (const uint32_t number : kNumbers) {
    tenants.push_back(TenantPrefix(number));
    numbered.push_back(NumberedKey(7, number));
    revisions.push_back(RevisionKey(7, uint64_t{number} << 20));
    EXPECT_EQ(LastNumber(numbered.back()), number);
    EXPECT_EQ(LastLongNumber(revisions.back()), uint64_t{number} << 20);
  }
  EXPECT_TRUE(std::is_sorted(tenants.begin(), tenants.end()));
  EXPECT_TRUE(std::is_sorted(numbered.begin(), numbered.end()));
  EXPECT_TRUE(std::is_sorted(revisions.begin(), revisions.end()));
}

TEST(Schema, AScanThatReachesTheNextTenant) {
  for (const uint32_t tenant : kNumbers) {
    if (tenant == 0xffffffff) continue;  // beyond limits::kTenants, and the end of all keys
    const std::string end = PrefixEnd(TenantPrefix(tenant));
    EXPECT_LE(end, TenantPrefix(tenant + 1));
    for (const std::string& key :
         {HeadKey(tenant), AnchorKey(tenant), SchemeKey(tenant), ContainerKey(tenant, "\xf4\x8f"),
          DestinationKey(tenant, "z"), NamedKey(tenant, "\xff\xff"),
          NumberedKey(tenant, 0xffffffff), RevisionKey(tenant, UINT64_MAX),
          ChunkKey(tenant, 0xffffffff, UINT64_MAX, 0xffffffff),
          MarkKey(tenant, 0xffffffff, 's', "\xff", UINT64_MAX),
          DueKey(tenant, INT64_MAX, 0xffffffff, UINT64_MAX)}) {
      EXPECT_TRUE(key.starts_with(TenantPrefix(tenant)));
      EXPECT_LT(key, end) << tenant;
    }
  }
}

TEST(Schema, TwoThingsWithOneKey) {
  // Numbers whose bytes could be read as an ordinal, and the other way round.
  std::set<std::string> documents, chunks;
  size_t count = 0, chunk_count = 0;
  for (const uint32_t tenant : {1u, 2u, 0x61626364u}) {
    for (const uint32_t collection : {1u, 2u, 0x61626364u}) {
      for (const uint64_t id : {uint64_t{0}, uint64_t{1}, uint64_t{0x61}, uint64_t{0x61000000},
                                uint64_t{0x6100000000000000}, UINT64_MAX}) {
        documents.insert(DocumentKey(tenant, collection, id));
        EXPECT_EQ(DocumentNumber(DocumentKey(tenant, collection, id)), id);
        EXPECT_EQ(DocumentNumber(ChunkKey(tenant, collection, id, 7)), id);
        ++count;
        for (const uint32_t ordinal : {0u, 1u, 0x61000000u, 0x00610000u, 0xffffffffu}) {
          chunks.insert(ChunkKey(tenant, collection, id, ordinal));
          ++chunk_count;
        }
      }
    }
  }
  EXPECT_EQ(documents.size(), count);
  EXPECT_EQ(chunks.size(), chunk_count);
}

TEST(Schema, AChunkFoundBelowAnotherDocument) {
  const std::string prefix = DocumentKey(1, 1, 0x61);
  for (const uint64_t id : {0x60ull, 0x62ull, 0x6161ull, 0x6100ull, 0ull}) {
    EXPECT_FALSE(ChunkKey(1, 1, id, 0).starts_with(prefix)) << id;
  }
  EXPECT_TRUE(ChunkKey(1, 1, 0x61, 9).starts_with(prefix));
}

TEST(Schema, ATimeBeforeTheEpochComesLast) {
  std::vector<std::string> keys;
  for (const int64_t time : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1}, INT64_MAX}) {
    keys.push_back(DueKey(1, time, 2, 3));
    EXPECT_EQ(DuePlaceOf(keys.back()).time_us, time);
    EXPECT_EQ(DuePlaceOf(keys.back()).collection, 2u);
    EXPECT_EQ(DuePlaceOf(keys.back()).number, 3u);
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(Schema, FamiliesOfOneName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kFamilies; ++i) names.insert(FamilyName(static_cast<Family>(i)));
  EXPECT_EQ(names.size(), kFamilies);
}

TEST(Schema, PoliciesThatShareAKey) {
  EXPECT_NE(ContainerKey(1, "x"), DestinationKey(1, "x"));
  EXPECT_NE(SchemeKey(1), ContainerKey(1, ""));
  EXPECT_NE(HeadKey(1), AnchorKey(1));
}

}  // namespace
}  // namespace cordon
