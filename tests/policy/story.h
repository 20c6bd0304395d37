// A small world told in plain strings. Every question goes to the engine and to the reference
// model, which must agree, so that the stories check both against what a person expects.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/policy/engine_world.h"

namespace cordon {

// At first one public chunk for everyone, asked for through service:app, which may act for
// everybody and has the highest clearance, for `chat`, which may receive everything.
struct Story {
  reference::World world;
  reference::Key key;

  Story() {
    world.levels = {"public", "internal", "secret"};
    world.destinations["chat"] = {3, {{"all"}}};
    world.chunks.resize(1);
    chunk().document_acl.allow = {{"everyone"}};
    chunk().document_label.level = "public";
    key.principal = "service:app";
    key.act_as = true;
    key.patterns = {"*"};
    key.clearance.symbol = "all";
    key.destinations = {"*"};
  }

  reference::Chunk& chunk() { return world.chunks.front(); }
  reference::List& acl() { return chunk().document_acl; }
  reference::Label& label() { return chunk().document_label; }
  reference::Destination& chat() { return world.destinations["chat"]; }

  static reference::Clearance Cleared(std::string level, reference::Names compartments = {}) {
    return {"", std::move(level), std::move(compartments)};
  }

  // Whether the first chunk is seen; a refusal before there is a decision counts as a no.
  bool Sees(const std::string& as, Micros now = 0, const std::string& destination = "chat") const {
    const EngineWorld engine(world);
    const auto subject = ResolveSubject(engine.At(now), ToCaller(world, key), as, destination);
    const auto asker = reference::Resolve(world, key, as, destination, now);
    EXPECT_EQ(subject.ok(), asker.refused.empty()) << subject.status().ToString();
    if (!subject.ok()) return false;
    const bool seen = Decide(engine.At(now), *subject, engine.facts(0));
    EXPECT_EQ(seen, reference::MaySee(world, asker, world.chunks[0], now)) << "reference model";
    return seen;
  }

  // The same question about the user alone, as an auditor puts it.
  bool AuditorSees(const std::string& as, Micros now = 0) const {
    const EngineWorld engine(world);
    const auto subject = ResolveUserAlone(engine.At(now), as, "", world.dev);
    return subject.ok() && Decide(engine.At(now), *subject, engine.facts(0));
  }

  // Why ResolveSubject refuses; OK if it does not.
  Status Refusal(const std::string& as, const std::string& destination = "chat") const {
    const EngineWorld engine(world);
    const auto caller = ToCaller(world, key);
    return ResolveSubject(engine.At(0), caller, as, destination).status();
  }

  // All tests of the decision, as Explain shows them.
  std::vector<Verdict> Trace(const std::string& as, Micros now = 0) const {
    const EngineWorld engine(world);
    const auto caller = ToCaller(world, key);
    const auto subject = ResolveSubject(engine.At(now), caller, as, "chat");
    std::vector<Verdict> trace;
    if (subject.ok()) Decide(engine.At(now), *subject, engine.facts(0), &trace);
    return trace;
  }
};

}  // namespace cordon
