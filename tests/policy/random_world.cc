#include "tests/policy/random_world.h"

#include <fmt/format.h>

namespace cordon {
namespace {

using Strings = std::vector<std::string>;

const Strings kUsers = {"user:ana", "user:bo", "user:cy"};
const Strings kServices = {"service:app", "service:bot"};
const Strings kGroups = {"group:a", "group:b", "group:c", "role:x"};
const Strings kListed = {"everyone",    "user:ana", "user:bo", "user:cy", "service:app",
                         "service:bot", "group:a",  "group:b", "group:c", "role:x"};
const Strings kAskedFor = {"",           "user:ana",    "user:bo",     "user:cy", "user:ana",
                           "user:ghost", "service:app", "service:bot", "group:a", "everyone"};
const Strings kPatterns = {"*",         "*",     "user:*",   "user:*",      "user:a*", "user:bo",
                           "service:*", "user:", "user:ana", "service:bot", "user:bo*"};
const Strings kLevels = {"public", "internal", "secret"};
const Strings kCompartments = {"people", "merger"};
const Strings kTags = {"pii", "no-external-model", "region:eu", "region:us"};
const Strings kRegions = {"", "eu", "us", "e"};
const Strings kContainers = {"folder:/1", "folder:/2", "folder:/3", "folder:/4"};
const Strings kDestinations = {"chat", "search", "tuned", "trained"};
const Strings kSources = {"hris", "wiki", "crm"};

}  // namespace

const std::string& RandomWorld::Pick(const Strings& names) {
  return names[random_.Below(names.size())];
}

reference::Names RandomWorld::Some(const Strings& names, int chance) {
  reference::Names some;
  for (const auto& name : names) {
    if (Percent(chance)) some.insert(name);
  }
  return some;
}

reference::Time RandomWorld::DrawTime() {
  return static_cast<reference::Time>(random_.Below(kTimes + 2)) - 1;
}

reference::Time RandomWorld::DrawEnd() {
  return Percent(70) ? INT64_MAX : static_cast<reference::Time>(random_.Below(kTimes));
}

// Some never count: whoever writes one is told, but one that is there must not do harm.
reference::Entry RandomWorld::DrawEntry(const std::string& who) {
  return {who, DrawEnd(),
          Percent(70) ? INT64_MIN : static_cast<reference::Time>(random_.Below(kTimes))};
}

std::string RandomWorld::DrawAs() { return Pick(kAskedFor); }

std::string RandomWorld::DrawDestination() {
  if (Percent(10)) return Percent(50) ? "nowhere" : "*";
  if (Percent(30)) return "";
  return Percent(20) ? "dev" : Pick(kDestinations);
}

std::vector<reference::Entry> RandomWorld::DrawEntries(const Strings& names, size_t max) {
  std::vector<reference::Entry> entries;
  for (size_t n = random_.Below(max + 1); n > 0; --n) entries.push_back(DrawEntry(Pick(names)));
  return entries;
}

// Mostly wide: a decision is a long AND, and its last tests must be reached, too.
reference::Clearance RandomWorld::DrawClearance() {
  if (Percent(10)) return {"lowest", "", {}};
  if (Percent(35)) return {"all", "", {}};
  const std::string level = Percent(2) ? "forgotten" : Percent(60) ? kLevels.back() : Pick(kLevels);
  return {"", level, Some(kCompartments, 75)};
}

reference::Label RandomWorld::DrawLabel() {
  const std::string level = Percent(2) ? "forgotten" : Percent(50) ? "public" : Pick(kLevels);
  return {level, Some(kCompartments, 10), Some(kTags, 8)};
}

reference::Gate RandomWorld::DrawGate() { return {DrawClearance(), Some(kTags, 15)}; }

reference::Destination RandomWorld::DrawDestinationRecord() {
  reference::Destination destination = {static_cast<int>(1 + random_.Below(5)), DrawGate(),
                                        Pick(kRegions), std::nullopt, false};
  if (Percent(60)) destination.model_label = DrawLabel();
  if (Percent(40)) destination.gate.terms = DrawEnd();
  if (Percent(60)) destination.trains = Percent(30);
  return destination;
}

// What a scope asks: mostly nothing.
reference::Gate RandomWorld::DrawRule() {
  reference::Gate rule = DrawGate();
  if (Percent(25)) rule.regions = Percent(40) ? reference::Names{"*"} : Some(kRegions, 50);
  rule.regions.erase("");
  if (Percent(25)) rule.terms = DrawEnd();
  rule.no_training = Percent(20);
  return rule;
}

reference::List RandomWorld::DrawList(const Strings& containers) {
  reference::List list;
  list.inherit = Some(containers, 15);
  if (Percent(2)) list.inherit.insert("folder:/gone");
  if (list.inherit.empty() || Percent(70)) {
    list.allow = DrawEntries(kListed, 3);
    list.allow.push_back(DrawEntry(Percent(65) ? "everyone" : Pick(kListed)));
  }
  list.deny = DrawEntries(kListed, Percent(30) ? 2 : 0);
  return list;
}

reference::Chunk RandomWorld::DrawChunk() {
  reference::Chunk chunk;
  chunk.document_acl = DrawList(kContainers);
  chunk.document_label = DrawLabel();
  if (Percent(15)) chunk.valid_from = DrawTime();
  if (Percent(15)) chunk.valid_until = DrawTime();
  if (Percent(30)) chunk.acl = DrawList(kContainers);
  if (Percent(30)) chunk.label = DrawLabel();
  if (Percent(50)) chunk.source = Pick(kSources);
  return chunk;
}

// Groups within groups, in circles more often than not.
void RandomWorld::AddGroups(reference::World* world) {
  for (const auto& group : kGroups) {
    if (Percent(90)) world->members[group] = DrawEntries(kListed, 4);
  }
}

// A chain of groups about as long as is allowed, from bo up to group:a.
void RandomWorld::AddLadder(reference::World* world) {
  const size_t rungs = 62 + random_.Below(4);
  std::string below = "user:bo";
  for (size_t i = 0; i < rungs; ++i) {
    const std::string rung = fmt::format("group:rung{:02}", i);
    world->members[rung].push_back(i == 30 ? DrawEntry(below) : reference::Entry{below});
    below = rung;
  }
  world->members["group:a"].push_back({below, INT64_MAX});
}

// The last of each kind becomes another spelling of one before it.
void RandomWorld::AddAliases(reference::World* world) {
  for (const auto* names : {&kUsers, &kServices, &kGroups}) {
    const std::string& alias = names->back();
    const std::string& of = (*names)[random_.Below(names->size() - 1)];
    const std::string kind = alias.substr(0, alias.find(':') + 1);
    if (!Percent(30) || !of.starts_with(kind)) continue;
    world->members.erase(alias);
    world->clearances.erase(alias);
    world->aliases[alias] = of;
  }
}

reference::World RandomWorld::Draw() {
  reference::World world;
  world.dev = Percent(30);
  world.levels = kLevels;
  world.default_clearance = DrawClearance();
  AddGroups(&world);
  if (Percent(5)) AddLadder(&world);
  for (const auto* names : {&kUsers, &kServices}) {
    for (const auto& name : *names) {
      if (Percent(50)) world.clearances[name] = DrawClearance();
    }
  }
  AddAliases(&world);
  // A container inherits only from earlier ones: circles are refused when the policy is written.
  Strings above;
  for (const auto& name : kContainers) {
    world.containers[name] = DrawList(above);
    above.push_back(name);
  }
  for (int scope = 1; scope <= 5; ++scope) {
    if (Percent(40)) world.scopes[scope] = DrawRule();
  }
  for (const auto& name : kDestinations) world.destinations[name] = DrawDestinationRecord();
  if (Percent(10)) world.destinations["dev"] = DrawDestinationRecord();  // dev mode hides it
  world.quarantined = Some(kSources, 20);
  for (int i = 0; i < 12; ++i) world.chunks.push_back(DrawChunk());
  return world;
}

reference::Key RandomWorld::DrawKey() {
  reference::Key key;
  key.principal = Percent(80) ? Pick(kServices) : Pick(kUsers);
  key.act_as = Percent(85);
  for (size_t n = 1 + random_.Below(3); n > 0; --n) key.patterns.push_back(Pick(kPatterns));
  key.clearance = DrawClearance();
  if (Percent(20)) {
    key.destinations = {"*"};
    if (Percent(30)) key.destinations.push_back(Pick(kDestinations));  // "all" still has no first
  } else if (Percent(95)) {
    for (const auto& name : Some(kDestinations, 75)) key.destinations.push_back(name);
    if (Percent(30)) key.destinations.push_back("dev");
    if (Percent(10)) key.destinations.insert(key.destinations.begin(), "nowhere");
  }
  return key;
}

}  // namespace cordon
