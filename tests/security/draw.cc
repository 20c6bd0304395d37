#include "tests/security/draw.h"

#include <fmt/format.h>

#include "tests/security/running_engine.h"

namespace cordon {

const Strings kUsers = {"user:ana", "user:bo", "user:cy", "user:di"};
const Strings kServices = {"service:app", "service:bot"};
const Strings kGroups = {"group:a", "group:b", "group:c", "group:d", "role:x"};
const Strings kListed = {"everyone",    "user:ana", "user:bo", "user:cy", "user:di", "service:app",
                         "service:bot", "group:a",  "group:b", "group:c", "group:d", "role:x"};
const Strings kContainers = {"folder:/1", "folder:/2", "folder:/3", "folder:/4"};
const Strings kDestinations = {"chat", "search", "tuned", "trained"};
const Strings kSources = {"hris", "wiki", "crm"};
const Strings kTrust = {"untrusted", "partner", "internal"};  // lowest first

namespace {

// Services see little: lists name them seldom, and "everyone" is not them.
const Strings kAskedFor = {"",         "user:ana",   "user:bo",     "user:cy",    "user:di",
                           "user:ana", "user:bo",    "user:cy",     "user:di",    "user:ana",
                           "user:bo",  "user:ghost", "service:app", "service:bot"};
const Strings kPatterns = {
    "*",       "*",       "*",     "*",        "user:*",      "user:*",  "user:*",
    "user:a*", "user:bo", "user:", "user:ana", "service:bot", "user:bo*"};
const Strings kAllCompartments = {"merger", "people", "trade"};
const Strings kAllTags = {"no-external-model", "pii", "region:eu", "region:us", "secret-sauce"};
const Strings kRegions = {"", "eu", "us", "e"};
constexpr int kHorizon = 12;  // ticks that starts and ends lie ahead, at most

}  // namespace

reference::Names Draw::Some(const Strings& names, int chance) {
  reference::Names some;
  for (const auto& name : names) {
    if (Percent(chance)) some.insert(name);
  }
  return some;
}

// A moment ago at the earliest.
reference::Time Draw::Soon() {
  const auto ticks = static_cast<reference::Time>(Below(kHorizon + 2)) - 1;
  return now_ + ticks * RunningEngine::kTick;
}

reference::Time Draw::End() { return Percent(70) ? INT64_MAX : Soon(); }

reference::Entry Draw::Entry(const std::string& who) {
  reference::Entry entry{who, End()};
  if (Percent(20)) entry.from = Soon();
  if (entry.from >= entry.until) entry.from = INT64_MIN;  // it would be refused
  return entry;
}

Strings Draw::Levels() {
  switch (Below(4)) {
    case 0:
      return {"public", "secret"};
    case 1:
      return {"public", "internal", "secret"};
    case 2:
      return {"open", "public", "internal", "secret"};
    default:
      return {"public", "internal", "restricted", "secret"};
  }
}

reference::Names Draw::Compartments() {
  auto names = Some(kAllCompartments, 70);
  names.insert("people");
  return names;
}

reference::Names Draw::Tags() {
  auto names = Some(kAllTags, 80);
  names.insert("pii");
  return names;
}

// Mostly low, so that the other tests of a decision are reached, too.
reference::Label Draw::Label(const reference::Tenant& tenant) {
  const auto& levels = tenant.world.levels;
  reference::Label label;
  label.level = Percent(50) ? levels.front() : Pick(levels);
  label.compartments = Some({tenant.compartments.begin(), tenant.compartments.end()}, 12);
  label.tags = Some({tenant.tags.begin(), tenant.tags.end()}, 8);
  return label;
}

// Mostly wide, for the same reason.
reference::Clearance Draw::Clearance(const reference::Tenant& tenant) {
  if (Percent(8)) return {"lowest", "", {}};
  if (Percent(45)) return {"all", "", {}};
  const auto& levels = tenant.world.levels;
  return {"", Percent(60) ? levels.back() : Pick(levels),
          Some({tenant.compartments.begin(), tenant.compartments.end()}, 80)};
}

reference::Gate Draw::Gate(const reference::Tenant& tenant) {
  return {Clearance(tenant), Some({tenant.tags.begin(), tenant.tags.end()}, 10)};
}

// What a scope asks: mostly nothing.
reference::Gate Draw::Rule(const reference::Tenant& tenant) {
  reference::Gate rule = Gate(tenant);
  if (Percent(20)) rule.regions = Percent(50) ? reference::Names{"*"} : Some({"eu", "us"}, 60);
  if (Percent(20)) rule.terms = End();
  rule.no_training = Percent(15);
  return rule;
}

reference::Destination Draw::Destination(const reference::Tenant& tenant) {
  reference::Destination destination;
  destination.scope = static_cast<int>(1 + Below(5));
  destination.gate = Gate(tenant);
  destination.region = Pick(kRegions);
  if (Percent(60)) destination.model_label = Label(tenant);
  if (Percent(25)) destination.gate.terms = End();
  if (Percent(50)) destination.trains = Percent(30);
  return destination;
}

std::vector<reference::Entry> Draw::Entries(size_t max) {
  std::vector<reference::Entry> entries;
  for (size_t n = Below(max + 1); n > 0; --n) entries.push_back(Entry(Pick(kListed)));
  return entries;
}

std::vector<reference::Entry> Draw::Members() { return Entries(4); }

reference::List Draw::List(const Strings& containers) {
  reference::List list;
  list.inherit = Some(containers, 15);
  if (list.inherit.empty() || Percent(70)) {
    list.allow = Entries(3);
    list.allow.push_back(Entry(Percent(85) ? "everyone" : Pick(kListed)));
  }
  list.deny = Entries(Percent(22) ? 2 : 0);
  return list;
}

reference::Collection Draw::Collection(const reference::Tenant& tenant) {
  constexpr size_t kDimensions[] = {1, 2, 3, 5, 8, 9, 16, 31};
  reference::Collection collection;
  collection.dimension = kDimensions[Below(std::size(kDimensions))];
  collection.metric = static_cast<reference::Metric>(Below(3));
  collection.default_acl = {{{"everyone"}}, {}, {}};
  collection.default_label = {tenant.world.levels.back(), {}, {}};
  collection.attributes = {{"year", std::nullopt}, {"secret", Label(tenant)}};
  return collection;
}

// Half of the time on a small grid, where scores tie; sometimes very small, very large, or zero.
std::vector<float> Draw::Vector(size_t dimension) {
  std::vector<float> vector(dimension);
  const bool grid = Percent(50);
  for (float& x : vector) {
    x = grid ? static_cast<float>(Below(3)) - 1 : static_cast<float>(random_.Unit() * 2 - 1);
  }
  if (Percent(8)) {
    constexpr float kScales[] = {0.0F, 1e-30F, 1e-12F, 1e12F, 1e30F};
    const float scale = kScales[Below(std::size(kScales))];
    for (float& x : vector) x *= scale;
  }
  return vector;
}

std::string Draw::Words(size_t max) {
  static const Strings kWords = {"plan", "plan",  "merger", "Board",     "cve-2024-1",
                                 "risk", "audit", "the",    "wal_level", "board plan"};
  std::string words = Pick(kWords);
  for (size_t n = Below(max); n > 0; --n) words += " " + Pick(kWords);
  if (Percent(4)) words += " \"" + Pick(kWords) + " " + Pick(kWords) + "\"";
  return words;
}

reference::StoredChunk Draw::Chunk(const reference::Tenant& tenant, const reference::Label& floor,
                                   size_t dimension) {
  reference::StoredChunk chunk;
  chunk.text =
      Percent(15) ? "what others say, too" : fmt::format("text {}: {}", ++texts_, Words(6));
  chunk.embedding = Vector(dimension);
  if (Percent(25)) chunk.acl = List(kContainers);
  if (Percent(25)) {
    chunk.label = Label(tenant);
    if (Percent(80)) {  // not below the document's, which would be refused
      const reference::Label own = *chunk.label;
      chunk.label = floor;
      chunk.label->tags = own.tags;
      chunk.label->compartments.insert(own.compartments.begin(), own.compartments.end());
      if (reference::Rank(tenant.world, own.level) > reference::Rank(tenant.world, floor.level)) {
        chunk.label->level = own.level;
      }
    }
  }
  return chunk;
}

reference::Document Draw::Document(const reference::Tenant& tenant, size_t dimension) {
  reference::Document document;
  document.title = fmt::format("title {}", ++texts_);
  document.uri = Percent(50) ? "" : fmt::format("doc://{}", texts_);
  if (Percent(93)) document.acl = List(kContainers);
  if (Percent(93)) document.label = Label(tenant);
  if (Percent(12)) document.valid_from = std::min(End(), now_ + kHorizon * RunningEngine::kTick);
  if (Percent(12)) document.valid_until = End();
  if (Percent(50)) document.source = Pick(kSources);
  if (Percent(50)) document.trust = Pick(kTrust);
  if (Percent(70)) document.attributes["year"] = static_cast<int64_t>(Below(6));
  if (Percent(50)) document.attributes["secret"] = static_cast<int64_t>(Below(6));
  const reference::Label floor = document.label.value_or(
      reference::Label{tenant.world.levels.back(), {}, {}});  // as Collection() sets the default
  for (size_t n = 1 + Below(3); n > 0; --n) {
    document.chunks[static_cast<uint32_t>(Below(Percent(80) ? 5 : 4'000'000'000))] =
        Chunk(tenant, floor, dimension);
  }
  return document;
}

Credential Draw::Key(const reference::Tenant& tenant) {
  Credential credential;
  reference::Key& key = credential.key;
  key.principal = Percent(80) ? Pick(kServices) : Pick(kUsers);
  key.act_as = Percent(96);
  for (size_t n = 1 + Below(3); n > 0; --n) key.patterns.push_back(Pick(kPatterns));
  key.clearance = Clearance(tenant);
  if (Percent(40)) {
    key.destinations = {"*"};
    if (Percent(30)) key.destinations.push_back(Pick(kDestinations));  // "all" still has no first
  } else if (Percent(97)) {
    for (const auto& name : Some(kDestinations, 85)) key.destinations.push_back(name);
    if (Percent(30)) key.destinations.push_back("dev");
    if (Percent(5)) key.destinations.insert(key.destinations.begin(), "nowhere");
  }
  credential.query = Percent(98);
  if (Percent(20)) {
    credential.collections.clear();
    for (const auto& [name, collection] : tenant.collections) {
      if (Percent(80)) credential.collections.push_back(name);
    }
  }
  return credential;
}

std::string Draw::As() {
  if (Percent(2)) return Percent(50) ? "group:a" : "everyone";
  return Pick(kAskedFor);
}

std::string Draw::To() {
  if (Percent(3)) return Percent(50) ? "nowhere" : "*";
  if (Percent(15)) return "";
  return Percent(10) ? "dev" : Pick(kDestinations);
}

}  // namespace cordon
