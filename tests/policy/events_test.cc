// A View stands still between two events: whatever starts or ends must be announced by NextEvent,
// or a revocation with an end time would come late.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/policy/engine_world.h"
#include "tests/policy/random_world.h"
#include "tests/seed.h"

namespace cordon {
namespace {

constexpr Micros kStretch = 10;  // leaves room between the events of a random world

void Stretch(reference::Time* time) {
  if (*time != INT64_MIN && *time != INT64_MAX) *time *= kStretch;
}

void Stretch(std::vector<reference::Entry>* entries) {
  for (auto& entry : *entries) {
    Stretch(&entry.from);
    Stretch(&entry.until);
  }
}

void Stretch(reference::List* list) {
  Stretch(&list->allow);
  Stretch(&list->deny);
}

// A random world of which only few things ever begin or end.
reference::World SparseWorld(RandomWorld* draw) {
  reference::World world = draw->Draw();
  world.chunks.resize(3);
  for (auto& [group, members] : world.members) Stretch(&members);
  for (auto& [name, list] : world.containers) Stretch(&list);
  for (auto& chunk : world.chunks) {
    Stretch(&chunk.document_acl);
    if (chunk.acl) Stretch(&*chunk.acl);
    Stretch(&chunk.valid_from);
    Stretch(&chunk.valid_until);
  }
  return world;
}

// The first time after `now` at which an answer about chunk `i` may change.
Micros NextEventFor(const EngineWorld& engine, size_t i, Micros now) {
  const PolicyState& state = engine.state();
  const Facts& facts = engine.facts(i);
  Micros next = std::min(state.directory->NextEvent(now), state.rules->NextEvent(now));
  for (const ClauseId id : state.classes.classes[facts.class_id].clauses) {
    next = std::min(next, NextEvent(state.classes.clauses[id].clause, now));
  }
  for (const Micros time : {facts.valid_from, facts.valid_until}) {
    if (time > now) next = std::min(next, time);
  }
  return next;
}

bool Sees(const EngineWorld& engine, const std::string& as, size_t i, Micros now) {
  const auto subject = ResolveUserAlone(engine.At(now), as, "", false);
  return subject.ok() && Decide(engine.At(now), *subject, engine.facts(i));
}

TEST(EventsTest, AnswersChangeAtEventsOnly) {
  const uint64_t seed = TestSeed();
  RandomWorld draw(seed);
  int changes = 0;
  for (int round = 0; round < 300; ++round) {
    const reference::World world = SparseWorld(&draw);
    const EngineWorld engine(world);
    for (size_t i = 0; i < world.chunks.size(); ++i) {
      for (const char* as : {"user:ana", "user:cy", "service:bot"}) {
        for (Micros now = 0; now < kTimes * kStretch;) {
          const Micros next = NextEventFor(engine, i, now);
          ASSERT_GT(next, now);
          const Micros last = std::min(next, kTimes * kStretch) - 1;
          const bool seen = Sees(engine, as, i, now);
          ASSERT_EQ(Sees(engine, as, i, last), seen)
              << as << ", chunk " << i << " between " << now << " and " << last << ", round "
              << round << ", CORDON_SEED=" << seed;
          if (last + 1 == next) changes += Sees(engine, as, i, next) != seen ? 1 : 0;
          now = last + 1;
        }
      }
    }
  }
  EXPECT_GT(changes, 100) << "nothing ever changed: the test proves little";
}

}  // namespace
}  // namespace cordon
