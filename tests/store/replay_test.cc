// A restore that tells later ones of what it only classified anew: they would take it away.
#include "engine/store/replay.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

// What the journal has of a change of policy.
journal::v1::Record PolicyRecord(const std::string& policy, uint64_t revision, const Vault& vault) {
  const auto mutation = FromText<store::v1::Mutation>(policy);
  journal::v1::Record record;
  record.set_call("ApplyPolicy");
  record.set_mutation(true);
  record.set_revision(revision);
  *record.mutable_replay()->mutable_sealed_mutation() =
      *vault.SealFor("mutation", mutation.SerializeAsString());
  return record;
}

TEST(ReplayTest, ACopyInAnotherOrderOfLevelsHasAnotherAccess) {
  ScratchStore store;
  store.Do(kDocs);
  store.Do(
      "policy { levels { names: 'public' names: 'low' names: 'high' } tags { names: 'draft' } }");
  const std::string everyone = "allow { principal: 'everyone' }";
  store.Do(IngestOf("reordered", everyone, "level: 'low'", "label { level: 'high' }"));
  store.Do(IngestOf("nameless", everyone, "level: 'low'", "label { level: 'low' tags: 'draft' }"));

  Interner interner;
  const auto loaded = LoadTenant(
      store.database(), FromText<store::v1::TenantRecord>("id: 1 name: 'default'"), &interner);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  TenantState state = loaded->state;
  const ApplyContext context{
      store.database(),
      store.vault(),
      interner,
      [&] { return std::vector<bool>(state.policy.classes.classes.size(), false); },
      [](std::string_view, std::string_view value) { return std::string(value); },
      {},
      /*replays=*/true};
  Replayer replayer(context, [](uint64_t) { return false; });
  for (const char* policy : {"policy { levels { names: 'public' names: 'low' } tags { } }",
                             "policy { levels { names: 'public' names: 'high' names: 'low' } }"}) {
    auto applied = replayer.Apply(state, PolicyRecord(policy, state.revision + 1, store.vault()));
    ASSERT_TRUE(applied.ok()) << applied.status().ToString();
    interner.Commit();
    state = std::move(applied->next);
  }
  const auto reclassified = replayer.Reclassify(state);
  ASSERT_TRUE(reclassified.ok()) << reclassified.status().ToString();
  EXPECT_EQ(reclassified->rows.size(), 2u) << "one has another class, one goes";
  EXPECT_EQ(reclassified->replay.access_size(), 0);
  ASSERT_EQ(reclassified->replay.removed_size(), 1);
  EXPECT_EQ(reclassified->replay.removed(0), store.NumberOf("nameless"));
}

}  // namespace
}  // namespace cordon
