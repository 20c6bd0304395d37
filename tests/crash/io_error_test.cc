// R5. One I/O fails, once or from then on, and every I/O of a script has its turn: nothing is
// acknowledged that is not there, reads go on or are refused, and a good disk brings all back.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <optional>
#include <set>

#include "tests/crash/engine_on_disk.h"
#include "tests/effort.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

// The script runs in sessions, so that the way to an I/O is short; what opening does has its turn
// in the first.
constexpr size_t kSessions = 20;
constexpr size_t kSteps = 400 / kSessions;
// Three sessions begin on what an opening has tidied, or every fault would write its log into
// tables once more. The fourth finds the log, and with it enough tables to merge them meanwhile.
constexpr size_t kLogLeftEvery = 4;
constexpr size_t kStepsAfterFault = 12;  // enough to see what is answered then
constexpr uint64_t kStride = kSanitized ? 29 : 1;

// How many I/Os of both sides there were, by Side.
using Counts = std::array<uint64_t, 2>;

// A change, or a question of `user`.
struct Step {
  std::optional<Change> change;
  const char* user;
};

class IoErrors : public testing::Test {
 protected:
  struct Fault {
    Side side;
    uint64_t number;
    FaultKind kind;
    bool lasting;
  };

  static std::vector<Step> Script(uint64_t seed) {
    Rng rng(seed);
    std::vector<Step> steps;
    for (Change& change : RandomChanges(seed, kSteps)) {
      const bool asks = rng() % 5 < 2;
      const char* user = kUsers[rng() % kUsers.size()];
      steps.push_back({asks ? std::nullopt : std::optional(std::move(change)), user});
    }
    return steps;
  }

  static bool Clear(const Status& status) {
    return !status.message().empty() && (status.code() == StatusCode::kUnavailable ||
                                         status.code() == StatusCode::kResourceExhausted ||
                                         status.code() == StatusCode::kDataLoss);
  }

  std::string Start() const { return scratch_ / "start"; }
  std::string Data() const { return scratch_ / "data"; }

  void CopyTo(const std::string& from, const std::string& to) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
  }

  // Runs a session without faults: counts its I/O up to its opening and up to its end, and makes
  // what it leaves, or what the opening after it does, the next one's start.
  void RunWell(const std::vector<Step>& script, bool leave_log, History* history, Counts* opening,
               Counts* all) {
    CopyTo(Start(), Data());
    EngineOnDisk engine({Data(), "", ""}, &disk_);
    ASSERT_TRUE(engine.Open().ok());
    *opening = CountsNow();
    std::set<uint64_t> acknowledged;
    RunSteps(script, &engine, history, &acknowledged);
    engine.Close();
    *all = CountsNow();
    disk_.Mend();
    if (leave_log) CopyTo(Data(), scratch_ / "next");
    CheckReopened(&engine, history, acknowledged);
    engine.Close();
    if (!leave_log) CopyTo(Data(), scratch_ / "next");
  }

  void RunWith(const Fault& fault, const std::vector<Step>& script, History history) {
    CopyTo(Start(), Data());
    EngineOnDisk engine({Data(), "", ""}, &disk_);
    std::set<uint64_t> acknowledged;
    disk_.FailAt(fault.side, fault.number, fault.kind, fault.lasting);
    if (const Status opened = engine.Open(); opened.ok()) {
      RunSteps(script, &engine, &history, &acknowledged);
      if (HasFatalFailure()) return;
    } else {
      ASSERT_TRUE(Clear(opened)) << opened.ToString();
      ++refused_opens_;
    }
    engine.Close();
    faults_ += disk_.failed();
    disk_.Mend();
    CheckReopened(&engine, &history, acknowledged);
  }

  Counts CountsNow() const { return {disk_.count(Side::kStore), disk_.count(Side::kJournal)}; }

  // Every I/O of one session fails in its turn.
  void Sweep(const std::vector<Step>& script, size_t session, History* history, Rng* rng) {
    const bool opening_too = session == 0;
    const bool leave_log = (session + 2) % kLogLeftEvery == 0;  // to the next
    const History before = *history;
    Counts opening;
    Counts all;
    RunWell(script, leave_log, history, &opening, &all);
    for (const Side side : {Side::kStore, Side::kJournal}) {
      const uint64_t first = opening_too ? 1 : opening[static_cast<size_t>(side)] + 1;
      const uint64_t last = all[static_cast<size_t>(side)];
      ASSERT_GT(last, first + kSteps / 4);
      for (uint64_t n = first + (*rng)() % kStride; n <= last && !HasFatalFailure(); n += kStride) {
        const uint64_t dice = (*rng)();
        const Fault fault{side, n, static_cast<FaultKind>(dice % 3), dice / 3 % 2 == 0};
        SCOPED_TRACE(fmt::format("I/O {} of {} on the {}'s disk, kind {}{}", n, last,
                                 side == Side::kStore ? "store" : "journal", dice % 3,
                                 fault.lasting ? ", lasting" : ""));
        RunWith(fault, script, before);
      }
    }
    CopyTo(scratch_ / "next", Start());
  }

  void RunSteps(const std::vector<Step>& script, EngineOnDisk* engine, History* history,
                std::set<uint64_t>* acknowledged) {
    size_t after_fault = 0;
    for (const Step& step : script) {
      if (disk_.failed() && ++after_fault > kStepsAfterFault) return;
      if (step.change) {
        const auto revision = engine->Do(*step.change);
        if (revision.ok()) {
          history->Acknowledged(*step.change, *revision);
          acknowledged->insert(*revision);
        } else {
          ASSERT_TRUE(disk_.failed() && Clear(revision.status())) << revision.status().ToString();
          history->Failed(*step.change);
        }
        continue;
      }
      const auto seen = engine->Ask(step.user);
      if (!seen.ok()) {
        ASSERT_TRUE(disk_.failed() && Clear(seen.status())) << seen.status().ToString();
        continue;
      }
      ASSERT_EQ(*seen, history->model().SeenBy(step.user));
      reads_after_fault_ += disk_.failed();
    }
  }

  void CheckReopened(EngineOnDisk* engine, History* history,
                     const std::set<uint64_t>& acknowledged) {
    const Status opened = engine->Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    const auto answers = engine->AskAll();
    ASSERT_TRUE(answers.ok()) << answers.status().ToString();
    ASSERT_TRUE(history->Reopened(engine->revision(), *answers)) << history->problem();
    ASSERT_EQ(SendAgain(engine, history), "");
    for (const auto& record : engine->Records()) {
      ASSERT_FALSE(record.recovered() && acknowledged.contains(record.revision()))
          << "revision " << record.revision() << " was acknowledged before the journal had it";
    }
  }

  ScratchDirectory scratch_;
  DiskModel disk_{scratch_ / "attic"};
  uint64_t faults_ = 0;
  uint64_t refused_opens_ = 0;
  uint64_t reads_after_fault_ = 0;
};

TEST_F(IoErrors, AcknowledgeWhatIsNotThere) {
  Effort effort("R5", 1);
  Rng rng(effort.seed());
  while (effort.More() && !HasFatalFailure()) {
    fs::remove_all(Start());
    CreateTemplate({Start(), "", ""}, &disk_);
    disk_.Mend();
    History history(kTemplateRevision);
    for (size_t i = 0; i < kSessions && !HasFatalFailure(); ++i) {
      Sweep(Script(rng()), i, &history, &rng);
    }
  }
  effort.Report("lost={} faults={} refused={} reads_after_fault={}", HasFatalFailure() ? 1 : 0,
                faults_, refused_opens_, reads_after_fault_);
  EXPECT_GT(reads_after_fault_, 0u);
}

}  // namespace
}  // namespace cordon
