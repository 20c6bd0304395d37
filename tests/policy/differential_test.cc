// The engine's decision against the naive reference model, over random worlds.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/policy/decide.h"
#include "tests/policy/engine_world.h"
#include "tests/policy/random_world.h"
#include "tests/policy/reference_model.h"
#include "tests/seed.h"

namespace cordon {
namespace {

constexpr int kDecisions = 200'000;

std::string ToText(const std::vector<Verdict>& trace) {
  std::string text;
  for (const auto& verdict : trace) {
    text += fmt::format("  {}: {} ({})\n", verdict.name, verdict.permitted ? "permits" : "refuses",
                        verdict.because);
  }
  return text;
}

// What the engine's refusal is called in the reference model.
std::string NameOf(const Status& status) {
  if (status.ok()) return "";
  if (status.code() == StatusCode::kInvalidArgument) return "no user or service";
  if (status.code() == StatusCode::kFailedPrecondition) return "too deep";
  if (status.code() != StatusCode::kPermissionDenied) return status.ToString();
  if (status.field() == "as" || status.field() == "rights") return "act-as";
  return std::string(status.field());
}

// One world both ways, and how often both answers came up.
class Comparison {
 public:
  explicit Comparison(uint64_t seed) : draw_(seed) {}

  // A new world with questions through some keys. Stops at the first difference.
  void RunWorld() {
    world_ = draw_.Draw();
    const EngineWorld engine(world_);
    for (int i = 0; i < 12 && !testing::Test::HasFailure(); ++i) {
      key_ = draw_.DrawKey();
      const Authenticated caller = ToCaller(world_, key_);
      for (int j = 0; j < 6 && !testing::Test::HasFailure(); ++j) {
        as_ = draw_.DrawAs();
        destination_ = draw_.DrawDestination();
        now_ = draw_.DrawTime();
        Ask(engine, caller);
        AskAsAuditor(engine);
      }
    }
  }

  int decisions() const { return permitted_ + denied_; }
  double permitted_share() const { return double(permitted_) / decisions(); }
  double resolved_share() const { return double(resolved_) / questions_; }

 private:
  void Ask(const EngineWorld& engine, const Authenticated& caller) {
    auto subject = ResolveSubject(engine.At(now_), caller, as_, destination_);
    auto asker = reference::Resolve(world_, key_, as_, destination_, now_);
    ++questions_;
    ASSERT_EQ(NameOf(subject.status()), asker.refused) << Question();
    if (!subject.ok()) return;
    ++resolved_;
    CompareChunks(engine, *subject, asker);
    CompareReceivers(engine, caller, *subject, asker);
    if (questions_ % 4 != 0) return;
    asker.break_glass = true;  // whoever may have it: break_glass_test.cc
    subject->break_glass = std::make_shared<const BreakGlassAccess>();
    CompareChunks(engine, *subject, asker);
  }

  // The same without an application, half the time without a destination, too.
  void AskAsAuditor(const EngineWorld& engine) {
    const auto subject = ResolveUserAlone(engine.At(now_), as_, destination_, world_.dev);
    const bool is_user = as_.starts_with("user:");
    if (!is_user && !as_.starts_with("service:")) {
      ASSERT_EQ(NameOf(subject.status()), "no user or service") << Question();
      return;
    }
    reference::Asker asker;
    const auto principals = reference::PrincipalsOf(world_, as_, now_);
    const auto to = reference::FindDestination(world_, destination_);
    if (!principals) {
      asker.refused = "too deep";
    } else if (!destination_.empty() && !to) {
      asker.refused = "destination";
    }
    ASSERT_EQ(NameOf(subject.status()), asker.refused) << Question();
    if (!subject.ok()) return;
    asker.user = *principals;
    if (is_user) asker.clearance = world_.default_clearance;
    const std::string who = reference::Canonical(world_, as_);
    if (world_.clearances.contains(who)) asker.clearance = world_.clearances.at(who);
    asker.to = to;
    CompareChunks(engine, *subject, asker);
  }

  void CompareChunks(const EngineWorld& engine, const Subject& subject,
                     const reference::Asker& asker) {
    const World at = engine.At(now_);
    const Entitlements entitlements = Entitle(at, subject);
    for (size_t i = 0; i < world_.chunks.size(); ++i) {
      const auto& chunk = world_.chunks[i];
      const Facts& facts = engine.facts(i);
      const bool expected = reference::MaySee(world_, asker, chunk, now_);
      expected ? ++permitted_ : ++denied_;
      std::vector<Verdict> trace;
      const bool traced = Decide(at, subject, facts, &trace);
      const bool all_permit =
          std::all_of(trace.begin(), trace.end(), [](const auto& v) { return v.permitted; });
      const bool valid = chunk.valid_from <= now_ && now_ < chunk.valid_until;
      ASSERT_EQ(Decide(at, subject, facts), expected) << Question() << i << "\n" << ToText(trace);
      ASSERT_EQ(traced, expected) << Question() << i << "\n" << ToText(trace);
      ASSERT_EQ(all_permit, expected) << Question() << i << "\n" << ToText(trace);
      ASSERT_EQ(entitlements.Permits(facts.class_id) && valid, expected)
          << "Entitle: " << Question() << i << "\n"
          << ToText(trace);
    }
    ASSERT_FALSE(entitlements.Permits(static_cast<ClassId>(world_.chunks.size()))) << Question();
  }

  void CompareReceivers(const EngineWorld& engine, const Authenticated& caller,
                        const Subject& subject, const reference::Asker& asker) {
    const reference::Label label = draw_.DrawLabel();
    std::vector<std::string> expected;
    for (const char* name : {"chat", "dev", "search", "trained", "tuned"}) {
      const auto to = reference::FindDestination(world_, name);
      if (!to || !reference::MayName(key_, name)) continue;
      const bool may = reference::MayReceive(world_, *to, asker.clearance, label, now_);
      const auto* found = FindDestination(*engine.state().rules, name, world_.dev);
      ASSERT_NE(found, nullptr) << name;
      ASSERT_EQ(MayReceive(engine.At(now_), *found, subject.clearance, ToLabel(label)), may)
          << name << ": " << Question();
      if (may) expected.emplace_back(name);
    }
    ASSERT_EQ(Receivers(engine.At(now_), caller, subject, ToLabel(label)), expected) << Question();
  }

  std::string Question() const {
    return fmt::format("{} as '{}' for '{}' at {}, chunk ", key_.principal, as_, destination_,
                       now_);
  }

  RandomWorld draw_;
  reference::World world_;
  reference::Key key_;
  std::string as_;
  std::string destination_;
  Micros now_ = 0;
  int permitted_ = 0;
  int denied_ = 0;
  int questions_ = 0;
  int resolved_ = 0;
};

TEST(DifferentialTest, EngineDecidesAsTheReferenceModelDoes) {
  const uint64_t seed = TestSeed();
  Comparison comparison(seed);
  int worlds = 0;
  for (; comparison.decisions() < kDecisions && !HasFailure(); ++worlds) comparison.RunWorld();
  SCOPED_TRACE(fmt::format("CORDON_SEED={}, world {}", seed, worlds));
  ASSERT_FALSE(HasFailure()) << "a difference in world " << worlds << "; CORDON_SEED=" << seed;
  fmt::print("{} decisions in {} worlds, {:.0f} % permitted, {:.0f} % of the questions resolved\n",
             comparison.decisions(), worlds, 100 * comparison.permitted_share(),
             100 * comparison.resolved_share());
  // Otherwise the comparison proves little.
  EXPECT_GE(comparison.permitted_share(), 0.1);
  EXPECT_LE(comparison.permitted_share(), 0.9);
  EXPECT_GE(comparison.resolved_share(), 0.1);
  EXPECT_LE(comparison.resolved_share(), 0.9);
}

}  // namespace
}  // namespace cordon
