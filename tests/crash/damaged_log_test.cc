// R4. The store's log is cut or damaged anywhere, before a revocation too: what was acknowledged is
// all there, or the store is refused, and --accept-loss-to is a way out that the journal remembers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/crash/child.h"
#include "tests/crash/damage.h"
#include "tests/crash/engine_on_disk.h"
#include "tests/effort.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

class DamagedLog : public testing::Test {
 protected:
  enum Outcome { kIntact = kFirstOutcome, kAccepted, kRefused, kWrong };

  // A store that crashed: the end of its history is in the log only.
  void MakeCrashed(uint64_t seed) {
    changes_ = RandomChanges(seed, 60);
    // Last, everybody loses what everybody had; another change follows.
    changes_.push_back({Change::kPut, "d0", "everyone", "public", 7});
    changes_.push_back({Change::kSetAcl, "d0", "user:a"});
    changes_.push_back({Change::kPut, "d1", "user:b", "public", 8});
    models_.assign(1, Model());
    for (const auto& change : changes_) {
      models_.push_back(models_.back());
      models_.back().Apply(change);
    }
    ASSERT_EQ(InChild([&] {
                return MakeStoreThatCrashed({scratch_ / "live", "", ""}, scratch_ / "crashed",
                                            changes_, {20});
              }),
              0);
  }

  const Model& ModelAt(uint64_t revision) const { return models_[revision - kTemplateRevision]; }
  uint64_t last() const { return kTemplateRevision + changes_.size(); }

  static int Wrong(const std::string& why) {
    fmt::print("{}\n", why);
    return kWrong;
  }

  // Damages a copy of the crashed store and starts on it.
  int TryOne(Rng rng) {
    const std::string damaged = scratch_ / "damaged";
    fs::remove_all(damaged);
    fs::copy(scratch_ / "crashed", damaged, fs::copy_options::recursive);
    const std::string what = DamageFile(OneFile(damaged + "/store", ".log", &rng), &rng);
    DiskModel disk(scratch_ / "attic");
    EngineOnDisk engine({damaged, "", ""}, &disk);
    const Status opened = engine.Open();
    if (!opened.ok()) return TryToAccept(&engine, opened, what, rng);
    const auto answers = engine.AskAll();
    if (!answers.ok()) return Wrong(what + ": " + answers.status().ToString());
    if (engine.revision() != last() || *answers != ModelAt(last()).SeenByAll()) {
      return Wrong(fmt::format("{}: revision {} of {}: {}", what, engine.revision(), last(),
                               ToText(*answers)));
    }
    return kIntact;
  }

  int TryToAccept(EngineOnDisk* engine, const Status& refused, const std::string& what, Rng rng) {
    const std::string message(refused.message());
    constexpr std::string_view kOption = "--accept-loss-to ";
    const size_t at = message.find(kOption);
    if (refused.code() != StatusCode::kDataLoss || message.empty()) {
      return Wrong(what + ": unclear: " + refused.ToString());
    }
    if (at == message.npos || rng() % 3 != 0) return kRefused;  // accepting takes four starts
    const uint64_t revision = std::stoull(message.substr(at + kOption.size()));
    if (engine->Open(revision + 1).ok()) return Wrong(what + ": accepted another loss");
    if (const Status opened = engine->Open(revision); !opened.ok()) {
      return Wrong(what + ": not accepted: " + opened.ToString());
    }
    const auto answers = engine->AskAll();
    if (!answers.ok() || *answers != ModelAt(revision).SeenByAll()) {
      return Wrong(fmt::format("{}: wrong at {}", what, revision));
    }
    int accepted = 0;
    for (const auto& record : engine->Records()) {
      accepted += record.call() == "AcceptLoss" && record.revision() == revision;
    }
    const Change change{Change::kPut, "d0", "everyone", "public", 9};
    const auto done = engine->Do(change);
    if (accepted != 1 || !done.ok() || *done != revision + 1) {
      return Wrong(what + ": the loss is not journalled, or nothing can follow it");
    }
    Model after = ModelAt(revision);
    after.Apply(change);
    engine->Close();
    if (const Status opened = engine->Open(); !opened.ok()) {
      return Wrong(what + ": refused after the loss was accepted: " + opened.ToString());
    }
    const auto again = engine->AskAll();
    if (!again.ok() || *again != after.SeenByAll()) return Wrong(what + ": wrong afterwards");
    return kAccepted;
  }

  ScratchDirectory scratch_;
  std::vector<Change> changes_;
  std::vector<Model> models_;  // by revision, from the template's on
};

TEST_F(DamagedLog, SilentlyUndoesARevocation) {
  Effort effort("R4", 500);
  Rng rng(effort.seed());
  MakeCrashed(effort.seed());
  std::map<int, uint64_t> outcomes;
  while (effort.More() && !HasFailure()) {
    if (effort.rounds() % 100 == 0) MakeCrashed(rng());
    const int outcome = InChild([&, seed = rng()] { return TryOne(Rng(seed)); });
    ++outcomes[outcome];
    EXPECT_TRUE(IsOutcome(outcome, kWrong)) << "round " << effort.rounds();
    EXPECT_NE(outcome, kWrong) << "round " << effort.rounds();
  }
  effort.Report("lost={} intact={} refused={} accepted={}", outcomes[kWrong], outcomes[kIntact],
                outcomes[kRefused] + outcomes[kAccepted], outcomes[kAccepted]);
  EXPECT_GT(outcomes[kAccepted], 0u);
}

}  // namespace
}  // namespace cordon
