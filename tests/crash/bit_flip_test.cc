// R7. Bits flip at rest, in every kind of file: the store opens and answers as before, or is
// refused with a clear error. A process that dies of it tells its operator nothing: a failure, too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "tests/crash/child.h"
#include "tests/crash/damage.h"
#include "tests/crash/engine_on_disk.h"
#include "tests/effort.h"
#include "tests/store/raw_store.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

// Where a kind of file is, below the data directory.
struct Kind {
  const char* name;
  const char* directory;
  const char* part;
};
constexpr Kind kKinds[] = {
    {"sst", "store", ".sst"},
    {"wal", "store", ".log"},
    {"manifest", "store", "MANIFEST"},
    {"current", "store", "CURRENT"},
    {"identity", "store", "IDENTITY"},
    {"format", ".", "FORMAT"},
    {"journal", "journal/default", ".log"},
    {"journal key", ".", "journal.key"},
    {"master key", ".", "master.key"},
    {"key root", "keys", "root"},
    {"keys", "keys", ".keys"},
    {"anchor", "store", ""},
    {"record", "store", ""},
};

class BitFlip : public testing::Test {
 protected:
  enum Outcome { kIntact = kFirstOutcome, kRefusedToOpen, kRefusedToAnswer, kWrong };
  static constexpr int kDied = -1;  // of all ways to

  void MakeCrashed(uint64_t seed) {
    changes_ = RandomChanges(seed, 60);
    model_ = Model();
    for (const auto& change : changes_) model_.Apply(change);
    ASSERT_EQ(InChild([&] {
                return MakeStoreThatCrashed({scratch_ / "live", "", ""}, scratch_ / "crashed",
                                            changes_, {15, 30, 45});
              }),
              0);
  }

  // Flips one bit, or a few.
  void Flip(const Kind& kind, const std::string& data, Rng* rng) {
    if (std::string(kind.part).empty()) return FlipRecord(kind.name, data, rng);
    const std::string path = OneFile(data + "/" + kind.directory, kind.part, rng);
    CORDON_CHECK(!path.empty());
    WriteFile(path, Flipped(ReadFile(path), rng));
  }
  // Below the seals, where RocksDB's own checksums do not see it.
  void FlipRecord(const std::string& kind, const std::string& data, Rng* rng) const {
    Family family = Family::kHeads;
    std::string key = AnchorKey(1);
    RawStore store(data + "/store");
    if (kind == "record") {
      static constexpr Family kFamilies[] = {Family::kChunks, Family::kDocuments, Family::kNumbers};
      const Family chosen = kFamilies[(*rng)() % std::size(kFamilies)];
      const auto keys = store.Keys(chosen);
      if (!keys.empty()) {
        family = chosen;
        key = keys[(*rng)() % keys.size()];
      }
    }
    store.Put(family, key, Flipped(store.Get(family, key), rng));
  }
  static std::string Flipped(std::string content, Rng* rng) {
    for (uint64_t left = 1 + ((*rng)() % 4 == 0 ? (*rng)() % 7 : 0); left > 0; --left) {
      char& byte = content[(*rng)() % content.size()];
      byte = static_cast<char>(byte ^ (1 << (*rng)() % 8));
    }
    return content;
  }

  int TryOne(const Kind& kind, Rng rng) {
    const std::string damaged = scratch_ / "damaged";
    fs::remove_all(damaged);
    fs::copy(scratch_ / "crashed", damaged, fs::copy_options::recursive);
    Flip(kind, damaged, &rng);
    DiskModel disk(scratch_ / "attic");
    EngineOnDisk engine({damaged, "", ""}, &disk);
    if (const Status opened = engine.Open(); !opened.ok()) return Refusal(opened, kRefusedToOpen);
    Model model = model_;
    for (const bool after_a_change : {false, true}) {
      if (after_a_change) {
        const Change change{Change::kMembers, "", "", "", 0, {"user:c"}};
        const auto done = engine.Do(change);
        if (!done.ok()) return Refusal(done.status(), kRefusedToAnswer);
        model.Apply(change);
      }
      const auto answers = engine.AskAll();
      if (!answers.ok()) return Refusal(answers.status(), kRefusedToAnswer);
      if (*answers == model.SeenByAll() &&
          engine.revision() == kTemplateRevision + changes_.size() + after_a_change) {
        continue;
      }
      fmt::print("wrong after a flip in {} at revision {}:\n  {}\n  {}\n", kind.name,
                 engine.revision(), ToText(model.SeenByAll()), ToText(*answers));
      return kWrong;
    }
    return kIntact;
  }

  static int Refusal(const Status& status, Outcome outcome) {
    const StatusCode code = status.code();
    const bool clear = code == StatusCode::kDataLoss || code == StatusCode::kUnavailable ||
                       code == StatusCode::kFailedPrecondition ||
                       code == StatusCode::kInvalidArgument;
    if (clear && !status.message().empty()) return outcome;
    fmt::print("unclear: {}\n", status.ToString());
    return kWrong;
  }

  ScratchDirectory scratch_;
  std::vector<Change> changes_;
  Model model_;
};

TEST_F(BitFlip, GivesAWrongAnswer) {
  Effort effort("R7", 500);
  Rng rng(effort.seed());
  MakeCrashed(effort.seed());
  std::map<int, uint64_t> outcomes;
  std::map<std::string, std::map<int, uint64_t>> by_kind;
  while (effort.More() && !HasFatalFailure()) {
    if (effort.rounds() % 200 == 0) MakeCrashed(rng());
    const Kind& kind = kKinds[effort.rounds() % std::size(kKinds)];
    const int outcome = InChild([&, seed = rng()] { return TryOne(kind, Rng(seed)); });
    const auto told = IsOutcome(outcome, kWrong);
    EXPECT_TRUE(told) << kind.name << ", round " << effort.rounds();
    EXPECT_NE(outcome, kWrong) << kind.name << ", round " << effort.rounds();
    ++outcomes[told ? outcome : kDied];
    ++by_kind[kind.name][told ? outcome : kDied];
  }
  for (auto& [name, found] : by_kind) {
    fmt::print("  {}: as before {}, refused {}, died {}\n", name, found[kIntact],
               found[kRefusedToOpen] + found[kRefusedToAnswer], found[kDied]);
  }
  effort.Report("wrong={} intact={} refused={} died={}", outcomes[kWrong], outcomes[kIntact],
                outcomes[kRefusedToOpen] + outcomes[kRefusedToAnswer], outcomes[kDied]);
}

}  // namespace
}  // namespace cordon
