// What leaves and is not counted, or is counted away by a restart.
#include "engine/view/meters.h"

#include <gtest/gtest.h>

#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

constexpr Micros kSecond = 1'000'000;
constexpr Micros kDay = 86'400 * kSecond;
constexpr Micros kNoon = 20'000 * kDay + kDay / 2;

class Metered : public testing::Test {
 protected:
  static Authenticated Caller(const Quota& quota) {
    Grant grant;
    grant.principal = "service:app";
    grant.quota = quota;
    return Authenticator::Prove(grant);
  }
  // What was used by the one key.
  std::string Used(Micros now) const {
    const auto keys = meters_.Keys(now);
    return keys.empty() ? "" : keys.at("default.key").ShortDebugString();
  }

  Meters meters_;
};

TEST_F(Metered, PassagesBeyondTheQuotaAreRefusedWholeAndNotCounted) {
  const auto caller = Caller({.passages_per_day = 10});
  EXPECT_TRUE(meters_.Charge(caller, "chat", {7, 70}, kNoon).ok());
  const Status refused = meters_.Charge(caller, "chat", {4, 40}, kNoon);
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.field(), "quota.passages_per_day");
  EXPECT_NEAR(static_cast<double>(refused.retry_after_ms()), 43'200'000, 2) << "until midnight";
  EXPECT_TRUE(meters_.Charge(caller, "other", {3, 30}, kNoon).ok()) << "the rest still counts";
  EXPECT_FALSE(meters_.Charge(caller, "chat", {1, 1}, kNoon + kDay / 2 - 1).ok());
  EXPECT_TRUE(meters_.Charge(caller, "chat", {10, 1}, kNoon + kDay / 2).ok()) << "a new day";
  EXPECT_EQ(meters_.Destinations(kNoon + kDay / 2).at("chat").passages(), 10u);
  EXPECT_FALSE(meters_.Destinations(kNoon + kDay / 2).contains("other"));
}

// A text that leaves for an endpoint and then for the caller: once for the key, and once for each.
TEST_F(Metered, WhatIsCountedAlreadyCountsAgainForTheKey) {
  const auto caller = Caller({.passages_per_day = 10});
  EXPECT_TRUE(meters_.Charge(caller, "rank", {8, 80}, kNoon).ok());
  EXPECT_TRUE(meters_.Charge(caller, "chat", {9, 90}, kNoon, {7, 70}).ok());
  EXPECT_EQ(meters_.Keys(kNoon).at("default.key").passages(), 10u);
  EXPECT_EQ(meters_.Keys(kNoon).at("default.key").tokens(), 100u);
  EXPECT_EQ(meters_.Destinations(kNoon).at("rank").passages(), 8u);
  EXPECT_EQ(meters_.Destinations(kNoon).at("chat").passages(), 9u);
  EXPECT_EQ(meters_.totals().left.passages, 10u);
  EXPECT_FALSE(meters_.Charge(caller, "chat", {2, 2}, kNoon, {1, 1}).ok());
  EXPECT_TRUE(meters_.Charge(caller, "chat", {2, 2}, kNoon, {2, 2}).ok());
}

TEST_F(Metered, TheTotalsAreOfThisRunAndCountRefusals) {
  const auto caller = Caller({.passages_per_day = 10, .requests_per_minute = 1});
  EXPECT_TRUE(meters_.Admit(caller, kNoon).ok());
  EXPECT_TRUE(meters_.Charge(caller, "chat", {7, 70}, kNoon).ok());
  EXPECT_EQ(meters_.totals().refused, 0u);
  EXPECT_FALSE(meters_.Admit(caller, kNoon).ok());
  EXPECT_FALSE(meters_.Charge(caller, "chat", {4, 40}, kNoon).ok());
  EXPECT_TRUE(meters_.Charge(caller, "chat", {10, 1}, kNoon + kDay).ok());
  EXPECT_EQ(meters_.totals().refused, 2u);
  EXPECT_EQ(meters_.totals().left.passages, 17u) << "a new day takes nothing from it";
  EXPECT_EQ(meters_.totals().left.tokens, 71u);
  Meters again;
  again.Load(meters_.Keys(kNoon + kDay), meters_.Destinations(kNoon + kDay));
  auto record = FromText<journal::v1::Record>("key_id: 'default.key' passages: 5 tokens: 50");
  record.set_time_us(kNoon + kDay);
  again.Replay(record);
  EXPECT_EQ(again.totals().left.passages, 0u);
}

TEST_F(Metered, TokensAndHugeNumbersDoNotWrap) {
  const auto caller = Caller({.tokens_per_day = UINT64_MAX});
  EXPECT_TRUE(meters_.Charge(caller, "chat", {1, UINT64_MAX - 1}, kNoon).ok());
  EXPECT_FALSE(meters_.Charge(caller, "chat", {1, 2}, kNoon).ok());
  EXPECT_TRUE(meters_.Charge(caller, "chat", {1, 1}, kNoon).ok());
}

TEST_F(Metered, RequestsOfAMinute) {
  const auto caller = Caller({.requests_per_minute = 2});
  EXPECT_TRUE(meters_.Admit(caller, kNoon).ok());
  EXPECT_TRUE(meters_.Admit(caller, kNoon + kSecond).ok());
  const Status refused = meters_.Admit(caller, kNoon + 2 * kSecond);
  EXPECT_EQ(refused.field(), "quota.requests_per_minute");
  EXPECT_NEAR(static_cast<double>(refused.retry_after_ms()), 58'000, 2);
  EXPECT_TRUE(meters_.Admit(caller, kNoon + 60 * kSecond).ok());
}

TEST_F(Metered, ARestartForgetsNothing) {
  const auto caller = Caller({.passages_per_day = 10, .requests_per_minute = 3});
  ScratchStore store;
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(meters_.Admit(caller, kNoon).ok());
  EXPECT_TRUE(meters_.Charge(caller, "chat", {4, 40}, kNoon).ok());
  Batch batch;
  meters_.PutChanged(1, kNoon, &batch);
  ASSERT_TRUE(store.database().Write(batch).ok());
  const auto loaded = [&] {
    Interner interner;
    return *LoadTenant(store.database(), FromText<store::v1::TenantRecord>("id: 1"), &interner);
  };
  Meters again;
  again.Load(loaded().key_usage, loaded().destination_usage);
  // And what the journal has behind the anchor.
  auto record = FromText<journal::v1::Record>(
      "key_id: 'default.key' destination: 'chat' passages: 5 tokens: 50");
  record.set_time_us(kNoon);
  again.Replay(record);
  EXPECT_EQ(again.Keys(kNoon).at("default.key").passages(), 9u);
  EXPECT_EQ(again.Destinations(kNoon).at("chat").tokens(), 90u);
  EXPECT_FALSE(again.Charge(caller, "chat", {2, 1}, kNoon).ok());
  EXPECT_FALSE(again.Admit(caller, kNoon).ok());
  // Days that are past leave the memory and the store.
  Batch later;
  again.PutChanged(1, kNoon + kDay, &later);
  ASSERT_TRUE(store.database().Write(later).ok());
  EXPECT_TRUE(again.Keys(kNoon).empty());
  EXPECT_TRUE(loaded().key_usage.empty() && loaded().destination_usage.empty());
}

}  // namespace
}  // namespace cordon
