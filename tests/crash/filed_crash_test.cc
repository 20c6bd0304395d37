// R2, R3, R5, R7 and R8 of what lies beside the store and its journal: files of the indexes and the
// keys. Processes die, the power goes off, calls fail and bits flip while files are written,
// dropped and lose their keys, beside runs, metadata, listings and erasures. Fears: that something
// of the store's state is gone or seen by another, that a file changes an answer, that something
// erased opens again, and that keys or files without the other stay.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "engine/verify_erased.h"
#include "engine/verify_store.h"
#include "tests/crash/crash_run.h"
#include "tests/crash/filed_history.h"
#include "tests/crash/flip_bit.h"
#include "tests/effort.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

// What the history must come to; each place is a kind of file, a call, and when.
constexpr const char* kMustCome[] = {
    "index_tmp.create.before",  "index_tmp.write.half",        "index_tmp.sync.after",
    "index.rename.before",      "index.rename.after",          "index_dir.sync.before",
    "index.unlink.before",      "index.unlink.after",          "file_keys_tmp.create.after",
    "file_keys_tmp.write.half", "file_keys_tmp.sync.after",    "file_keys.rename.before",
    "file_keys.rename.after",   "file_keys_tmp.unlink.before", "file_keys_tmp.overwrite.before",
    "keys_dir.sync.before",     "keys_tmp.write.half",         "keys.rename.after",
    "keys_tmp.overwrite.after"};

bool IsBesideTheStore(const std::string& place) {
  return place.starts_with("index") || place.starts_with("keys") || place.starts_with("file_keys");
}

class FiledCrash : public testing::Test {
 protected:
  std::string root() const { return scratch_ / "root"; }
  std::string prepared() const { return scratch_ / "prepared"; }

  // A store to begin with, and the places that the history comes to.
  void Prepare(uint64_t seed) {
    fs::remove_all(prepared());
    fs::create_directories(prepared());
    const Status made = SetUpFiled(CrashPaths(prepared()).data);
    ASSERT_TRUE(made.ok()) << made.ToString();
    fs::remove_all(root());
    fs::copy(prepared(), root(), fs::copy_options::recursive);
    ASSERT_EQ(RunUntil({"filed", root(), seed}), 0);
    counts_.clear();
    for (const auto& [place, count] : Census(root())) {
      if (IsBesideTheStore(place)) counts_[place] = count;
    }
    for (const char* place : kMustCome) EXPECT_TRUE(counts_.contains(place)) << place;
  }

  // The same as it was once the last file was dropped: others are there, with rows that are dead.
  void PrepareFiles(uint64_t seed) {
    ASSERT_NO_FATAL_FAILURE(Prepare(seed));
    const char* const last = "index.unlink.after";
    Crash({"filed", root(), seed, last, counts_[last]}, prepared());
  }

  std::string KeysOfFiles() const { return CrashPaths(root()).data.Keys() + "/files"; }
  // Those of the index, and their keys'.
  std::vector<std::string> Files() const {
    std::vector<std::string> files = {KeysOfFiles()};
    const std::string index = CrashPaths(root()).data.Index();
    for (const auto& name : ListIndexFiles(index)) files.push_back(index + "/" + name.text());
    return files;
  }
  // What each file of the index says that opens.
  std::map<std::string, std::string> Said() const {
    const DataPaths paths = CrashPaths(root()).data;
    std::map<std::string, std::string> said;
    const auto keys = OpenKeys(paths);
    EXPECT_TRUE(keys.ok()) << keys.status().ToString();
    if (!keys.ok()) return said;
    for (const auto& name : ListIndexFiles(paths.Index())) {
      auto text = ReadIndexFile(paths.Index(), name, (*keys)->file_keys());
      if (text.ok()) said[paths.Index() + "/" + name.text()] = *std::move(text);
    }
    return said;
  }

  // Every place has its turn, at a random one of its times.
  void Sweep(const char* name, uint64_t rounds, const std::vector<Mishap>& mishaps) {
    Effort effort(name, rounds);
    const uint64_t seed = effort.seed() % 1'000'000;
    Random random(seed);
    ASSERT_NO_FATAL_FAILURE(Prepare(seed));
    auto place = std::next(counts_.begin(), static_cast<ptrdiff_t>(random.Below(counts_.size())));
    while (!HasFailure() && effort.More()) {
      const uint64_t nth = 1 + random.Below(place->second);
      const Mishap mishap = mishaps[random.Below(mishaps.size())];
      SCOPED_TRACE(
          fmt::format("{}, time {}, mishap {}", place->first, nth, static_cast<int>(mishap)));
      Crash({"filed", root(), seed, place->first, nth, mishap}, prepared());
      if (!HasFatalFailure()) Check(FiledHistory(seed));
      if (++place == counts_.end()) place = counts_.begin();
    }
    effort.Report("places={} rows_from_files={} pending_kept={} lost={}", counts_.size(),
                  rows_loaded_, pending_kept_, HasFailure() ? 1 : 0);
    // One disk that is full before the first file of `docs` leaves none once `other` is dropped.
    if (effort.rounds() >= 10) {
      EXPECT_GT(rows_loaded_, 0u);
    }
  }

  // What was acknowledged, and perhaps the change after it, is there, and nothing else.
  void Check(const FiledHistory& history) {
    const CrashPaths paths(root());
    size_t steps = Acknowledged();
    std::string scored;
    {
      const auto engine = OpenFiled(paths.data);
      ASSERT_TRUE(engine.ok()) << engine.status().ToString();
      rows_loaded_ += (*engine)->index_files().rows_loaded();
      const auto answers = AskFiled(engine->get());
      ASSERT_TRUE(answers.ok()) << answers.status().ToString();
      const bool more =
          steps < history.steps().size() && answers->seen != history.After(steps).Seen();
      pending_kept_ += more;
      steps += more;
      ASSERT_EQ(answers->seen, history.After(steps).Seen()) << "after " << steps << " steps";
      scored = answers->scored;
      SendAgain(engine->get(), history.LastBatch(steps));
    }
    CheckNothingIsLeft(paths.data);
    CheckErased(paths.data, history.After(steps));
    fs::remove_all(paths.data.Index());
    const auto engine = OpenFiled(paths.data);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    const auto answers = AskFiled(engine->get());
    ASSERT_TRUE(answers.ok()) << answers.status().ToString();
    EXPECT_EQ(answers->scored, scored) << "a rebuild answers otherwise";
  }

  // Does the history by these options; `scored` has what the first told after each step.
  void Live(const FiledHistory& history, size_t rows_min, size_t restart_every, Durability reads,
            std::vector<std::string>* scored) {
    const DataPaths paths = CrashPaths(root()).data;
    fs::remove_all(root());
    fs::copy(prepared(), root(), fs::copy_options::recursive);
    const bool first = scored->empty();
    auto engine = OpenFiled(paths, rows_min, reads);
    for (size_t i = 0; i < history.steps().size(); ++i) {
      if (restart_every > 0 && i % restart_every == 0) {
        engine->reset();
        engine = OpenFiled(paths, rows_min, reads);
      }
      ASSERT_TRUE(engine.ok()) << engine.status().ToString();
      const Status done = Do(engine->get(), history.steps()[i]);
      ASSERT_TRUE(done.ok()) << done.ToString();
      const auto answers = AskFiled(engine->get());
      ASSERT_TRUE(answers.ok()) << answers.status().ToString();
      ASSERT_EQ(answers->seen, history.After(i + 1).Seen()) << "step " << i;
      if (first) scored->push_back(answers->scored);
      ASSERT_EQ(answers->scored, (*scored)[i]) << "step " << i;
    }
  }

  // A run goes on with the batch of which it knows nothing, and it has no effect.
  void SendAgain(Engine* engine, const v1::IngestRequest* batch) {
    if (batch == nullptr) return;
    const auto revision = [&] {
      return engine->FindTenant("default")->publisher.Pin(engine->clock())->revision();
    };
    const uint64_t before = revision();
    const auto again = SendBatch(engine, *batch);
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    const bool any = batch->documents_size() > 0;
    EXPECT_EQ(again->accepted(), batch->documents_size() - (any ? 1 : 0));
    EXPECT_EQ(again->refused_size(), any ? 1 : 0);
    EXPECT_EQ(revision(), before);
  }

  // No draft, no file without a key, and no key without a file.
  static void CheckNothingIsLeft(const DataPaths& paths) {
    constexpr size_t kEntry = sizeof(uint64_t) + SecretKey::kBytes;  // crypto/file_keys.h
    for (const char* directory : {"/index", "/keys"}) {
      std::error_code none;
      for (const auto& entry : fs::directory_iterator(paths.data_dir + directory, none)) {
        EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
      }
    }
    const auto keys = OpenKeys(paths);
    ASSERT_TRUE(keys.ok()) << keys.status().ToString();
    const auto files = ListIndexFiles(paths.Index());
    for (const IndexFileName& name : files) {
      const auto text = ReadIndexFile(paths.Index(), name, (*keys)->file_keys());
      EXPECT_TRUE(text.ok()) << name.text() << ": " << text.status().ToString();
    }
    std::error_code none;
    const auto bytes = fs::file_size(paths.Keys() + "/files", none);
    if (!none) {
      EXPECT_EQ(bytes / kEntry, files.size() + 1) << bytes << " bytes of keys";
    }
  }

  static void CheckErased(const DataPaths& paths, const FiledState& state) {
    const auto verified = VerifyStore(paths);
    ASSERT_TRUE(verified.ok()) << verified.status().ToString();
    EXPECT_TRUE(verified->ok()) << verified->damage[0].where << ": " << verified->damage[0].what;
    EXPECT_TRUE(verified->derived.empty());
    if (state.erased.empty()) return;
    std::vector<std::string> words;  // files of words have no more of a text
    for (const std::string& text : state.erased) words.push_back(text.substr(text.rfind(' ') + 1));
    const auto searched = VerifyErased(paths, words);
    ASSERT_TRUE(searched.ok()) << searched.status().ToString();
    for (const auto& found : searched->found) ADD_FAILURE() << found.file << ": " << found.where;
  }

  size_t Acknowledged() const {
    std::ifstream said(CrashPaths(root()).expected);
    size_t last = 0;
    for (size_t one; said >> one;) last = one;
    return last;
  }

  ScratchDirectory scratch_;
  Counts counts_;
  uint64_t rows_loaded_ = 0;
  uint64_t pending_kept_ = 0;
};

TEST_F(FiledCrash, AProcessThatDies) { Sweep("R2-files", 41, {Mishap::kKilled}); }

TEST_F(FiledCrash, ALossOfPower) { Sweep("R3-files", 10, {Mishap::kPowerLost}); }

TEST_F(FiledCrash, ACallThatFails) { Sweep("R5-files", 10, {Mishap::kFails, Mishap::kDiskFull}); }

// Files are opened, or made anew; a store never is another.
TEST_F(FiledCrash, ABitThatFlips) {
  Effort effort("R7-files", 8);
  const uint64_t seed = effort.seed() % 1'000'000;
  Random random(seed);
  ASSERT_NO_FATAL_FAILURE(PrepareFiles(seed));
  const FiledHistory history(seed);
  const std::string damaged = scratch_ / "damaged";
  fs::copy(root(), damaged, fs::copy_options::recursive);
  while (!HasFailure() && effort.More()) {
    fs::remove_all(root());
    fs::copy(damaged, root(), fs::copy_options::recursive);
    const auto files = Files();
    ASSERT_GT(files.size(), 1u);
    const std::string& file = files[random.Below(files.size())];
    SCOPED_TRACE(file);
    FlipBit(file, random.Below(fs::file_size(file)), static_cast<int>(random.Below(8)));
    Check(history);
  }
  effort.Report("rows_from_files={} wrong={}", rows_loaded_, HasFailure() ? 1 : 0);
}

// Without a start for each, of which there are hundreds: a start makes anew what does not open.
TEST_F(FiledCrash, AFileWithAFlippedBitOpens) {
  Effort effort("R7-opened", 500);
  const uint64_t seed = effort.seed() % 1'000'000;
  Random random(seed);
  ASSERT_NO_FATAL_FAILURE(PrepareFiles(seed));
  const auto whole = Said();
  ASSERT_FALSE(whole.empty());
  std::vector<std::string> files = {KeysOfFiles()};
  for (const auto& [file, text] : whole) files.push_back(file);
  while (!HasFailure() && effort.More()) {
    const std::string& file = files[effort.rounds() % files.size()];
    const uint64_t byte = random.Below(fs::file_size(file));
    const int bit = static_cast<int>(random.Below(8));
    SCOPED_TRACE(fmt::format("{}, byte {}, bit {}", file, byte, bit));
    FlipBit(file, byte, bit);
    auto others = whole;
    others.erase(file);
    if (file == KeysOfFiles()) others.clear();
    EXPECT_TRUE(Said() == others);
    FlipBit(file, byte, bit);
  }
  EXPECT_TRUE(Said() == whole);
  effort.Report("files={} wrong={}", files.size(), HasFailure() ? 1 : 0);
}

// R8: the same history, however often the store is opened anew and whatever has files.
TEST_F(FiledCrash, AnotherSetOfOptions) {
  Effort effort("R8", 3);
  ASSERT_NO_FATAL_FAILURE(Prepare(effort.seed() % 1'000'000));
  while (!HasFailure() && effort.More()) {
    const FiledHistory history(effort.seed() % 1'000'000 + effort.rounds(), /*count=*/12);
    std::vector<std::string> scored;
    uint64_t sets = 0;
    for (const size_t rows_min : {size_t{1}, kFewRows, size_t{1} << 30}) {
      for (const size_t restart_every : {0, 4}) {
        for (const auto reads : {Durability::kBuffered, Durability::kRequired}) {
          SCOPED_TRACE(fmt::format("round {}, files of {} rows, restarts {}", effort.rounds(),
                                   rows_min, restart_every));
          Live(history, rows_min, restart_every, reads, &scored);
          ++sets;
        }
      }
    }
    ASSERT_EQ(sets, 12u);
  }
  effort.Report("sets=12 different={}", HasFailure() ? 1 : 0);
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off);  // recovery has much to say
  const auto work = [](const cordon::ScriptRun& run) {
    cordon::BeginScript(run, {});
    return cordon::FiledScript(cordon::CrashPaths(run.root), run.seed);
  };
  if (const auto code = cordon::AsScript(argc, argv, work)) return *code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
