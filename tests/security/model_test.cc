// S1: what a user sees differs from what the plain words of the design say. Random lives of random
// tenants, in a whole engine and in a naive model; every answer is compared.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/effort.h"
#include "tests/security/defect_log.h"
#include "tests/security/model_reader.h"
#include "tests/security/random_changes.h"
#include "tests/security/restores.h"

namespace cordon {
namespace {

constexpr uint64_t kOperationsOfAWorld = 1500;
constexpr int kWorldsOfAnEngine = 12;
constexpr uint64_t kQuestions = 10;  // of one caller
// One of so many goes on from backups, which copies and reads all worlds of the engine.
constexpr int kWorldsOfARestore = 24;

class Lives {
 public:
  explicit Lives(uint64_t seed) : draw_(seed) {}

  // One world from its beginning; stops at the first difference.
  void Live(Effort* effort) {
    if (worlds_ % kWorldsOfAnEngine == 0) {
      engine_.reset();
      engine_ = std::make_unique<RunningEngine>(draw_.Percent(80) ? Durability::kBuffered
                                                                  : Durability::kRequired);
    }
    draw_.set_now(engine_->now());
    const bool goes_back = worlds_ % kWorldsOfARestore == 2;  // beside others before it
    MirroredTenant tenant(engine_.get(), fmt::format("w{}", worlds_++));
    tenant.set_dev(draw_.Percent(40));
    RandomChanges changes(&draw_, &tenant);
    Restores backups(&draw_, &tenant);
    changes.Begin();
    changes.Fill();
    TokenUsers users(&draw_, &tenant);
    ModelReader reader(&draw_, &tenant, &users, &tally);
    for (uint64_t done = 0; done < kOperationsOfAWorld && !testing::Test::HasFailure();) {
      const uint64_t changed = Change(&changes, &users);
      if (!effort->More(changed)) break;
      tenant.Settle();
      if (draw_.Percent(1)) {
        ++restarts;
        if (!engine_->Reopen()) return;
        users.Restart();
      }
      if (goes_back && !backups.Step()) return;
      uint64_t asked = 0;
      for (int i = 0; i < 4; ++i) asked += reader.Ask(kQuestions);
      effort->Count(asked);
      done += changed + asked;
    }
    acknowledged += tenant.acknowledged();
    refused += tenant.refused();
    switches += tenant.switches();
    aborted += tenant.aborted();
    restores += backups.made();
  }

  uint64_t worlds() const { return worlds_; }

  Tally tally;
  uint64_t acknowledged = 0;
  uint64_t refused = 0;
  uint64_t restarts = 0;
  uint64_t switches = 0;  // to another embedding space
  uint64_t aborted = 0;   // batches that met one
  uint64_t restores = 0;

 private:
  // Some writes in flight at once, or a change of the rules, or time alone.
  uint64_t Change(RandomChanges* changes, TokenUsers* users) {
    engine_->MoveOn(draw_.Percent(40) ? static_cast<int>(1 + draw_.Below(2)) : 0);
    draw_.set_now(engine_->now());
    const auto writes = draw_.Below(9);
    for (size_t i = 0; i < writes; ++i) changes->ChangeSomething();
    if (draw_.Percent(4)) users->NameTheUnknown();
    const bool rules = draw_.Percent(35);
    if (rules) changes->ChangeRules();
    return writes + (rules ? 1 : 0);
  }

  Draw draw_;
  std::unique_ptr<RunningEngine> engine_;
  uint64_t worlds_ = 0;
};

TEST(Model, AUserSeesMoreOrLessThanTheModelPermits) {
  Effort effort("S1", 200'000);
  const DefectLog log;
  Lives lives(effort.seed());
  while (effort.More(0) && !HasFailure()) {
    lives.Live(&effort);
    EXPECT_EQ(log.defects(), 0u);
  }
  const Tally& tally = lives.tally;
  effort.Report(
      "leaked={} missing={} wrong={} defects={} answers={} passages={} refusals={} "
      "permitted={:.0f}% "
      "writes={} refused_writes={} worlds={} restarts={} emergencies={} switches={} aborted={} "
      "by_token={} turned_away={} restores={}",
      tally.leaked, tally.missing, tally.wrong, log.defects(), tally.answers, tally.passages,
      tally.refusals,
      100.0 * static_cast<double>(tally.permitted) / static_cast<double>(tally.judged + 1),
      lives.acknowledged, lives.refused, lives.worlds(), lives.restarts, tally.emergencies,
      lives.switches, lives.aborted, tally.by_token, tally.turned_away, lives.restores);
  EXPECT_TRUE(tally.clean());
  // Otherwise the comparison proves little.
  EXPECT_GT(tally.passages, tally.answers / 2);
  EXPECT_GT(tally.permitted, tally.judged / 10);
  EXPECT_LT(tally.permitted, tally.judged / 10 * 9);
  EXPECT_GT(lives.acknowledged, lives.refused);
  EXPECT_GT(tally.emergencies, tally.answers / 200);
  EXPECT_GT(tally.by_token, tally.answers / 40);
  EXPECT_GT(tally.turned_away, lives.worlds() / 2);
  if (lives.worlds() < 20) return;  // some lives go by without one
  EXPECT_GT(lives.switches, lives.worlds() / 4);
  EXPECT_GT(lives.restores, 0u);
}

}  // namespace
}  // namespace cordon
