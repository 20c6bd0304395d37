#include "tests/security/random_changes.h"

#include <fmt/format.h>

#include <set>

namespace cordon {
namespace {

const Strings kCollections = {"c1", "c2", "c3"};
const Strings kModels = {"m1", "m2", "m3"};
constexpr size_t kAllPages = SIZE_MAX;
constexpr size_t kAPage = 256;  // more than all documents

// Narrows a destination to what the rule of its scope asks.
void Satisfy(const reference::Gate& rule, reference::Destination* destination) {
  destination->gate.ceiling = rule.ceiling;
  if (!rule.regions.empty()) {
    const std::string& first = *rule.regions.begin();
    destination->region = first == "*" ? "eu" : first;
  }
  if (rule.terms) {
    destination->gate.terms = std::min(*rule.terms, destination->gate.terms.value_or(INT64_MAX));
  }
  if (rule.no_training) destination->trains = false;
}

}  // namespace

void RandomChanges::Begin() {
  SetScheme(true, true, true);
  tenant_.Settle();
  SetDefaultClearance();
  SetScopes();
  tenant_.Settle();
  // A container inherits only from earlier ones: circles are for ChangeRules.
  Strings above;
  for (const auto& name : kContainers) {
    SetContainer(name, above);
    above.push_back(name);
  }
  for (const auto& name : kDestinations) SetDestination(name);
  SetSources();
  for (const auto& group : kGroups) {
    if (draw_.Percent(85)) tenant_.SetMembers(group, draw_.Members());
  }
  for (int i = 0; i < 4; ++i) ChangeDirectory();
  if (draw_.Percent(5)) AddLadder();
  tenant_.Settle();
}

void RandomChanges::Fill() {
  for (const auto& name : kCollections) tenant_.CreateCollection(name, DrawCollection());
  tenant_.Settle();
  for (const auto& name : kCollections) {
    for (int i = 0; i < 8; ++i) Ingest(name, 4);
  }
  tenant_.Settle();
}

void RandomChanges::ChangeSomething() {
  if (model().collections.empty() || draw_.Percent(22)) return ChangeDirectory();
  const std::string collection = Collection();
  if (draw_.Percent(8)) return Reembed(collection);
  if (draw_.Percent(50)) return Ingest(collection, 1 + draw_.Below(3));
  if (draw_.Percent(12)) return ChangeMany(collection);
  if (draw_.Percent(6)) return SyncSource(collection);
  if (draw_.Percent(10)) return tenant_.SendAgain(collection);
  const std::string id = Id();
  if (draw_.Percent(30)) return UpdateMetadata(collection, id);
  if (draw_.Percent(40)) return tenant_.Delete(collection, id);
  const auto [acl, label] = Access();
  tenant_.SetAccess(collection, id, acl, label);
}

reference::Collection RandomChanges::DrawCollection() {
  reference::Collection collection = draw_.Collection(model());
  collection.embeds = draw_.Percent(25);
  if (draw_.Percent(50)) collection.model = draw_.Pick(kModels);
  return collection;
}

// Some are refused: a space that is not whole, or one that is not there.
void RandomChanges::Reembed(const std::string& collection) {
  tenant_.Settle();
  const auto& now = model().collections.at(collection);
  if (!now.other) {
    // What was dropped before is cleaned up, or another one is refused.
    if (draw_.Percent(70)) tenant_.WalkEmbedding(collection, kAllPages, kAPage);
    return tenant_.BeginEmbedding(collection,
                                  {draw_.Pick(kModels), 1 + draw_.Below(24), draw_.Percent(60)});
  }
  const size_t what = draw_.Below(100);
  if (what < 15) return FillSpace(collection, /*all=*/false);
  if (what >= 90) return tenant_.DropEmbedding(collection, now.other->model);
  if (what < 60) FillSpace(collection, /*all=*/true);
  tenant_.SwitchEmbedding(collection, draw_.Percent(95) ? now.other->model : now.model);
}

void RandomChanges::FillSpace(const std::string& collection, bool all) {
  const auto& into = model().collections.at(collection);
  if (into.other->embeds) {
    return all ? tenant_.WalkEmbedding(collection, kAllPages, kAPage)
               : tenant_.WalkEmbedding(collection, 1, 1 + draw_.Below(4));
  }
  MirroredTenant::Documents documents;
  for (const auto& [id, stored] : into.documents) {
    if (!all && draw_.Percent(60)) continue;
    reference::Document filled;
    for (const auto& [ordinal, chunk] : stored.chunks) {
      // What has some keeps them.
      filled.chunks[ordinal] = {
          chunk.text, chunk.other.empty() ? draw_.Vector(into.other->dimension) : chunk.other};
    }
    documents.emplace_back(id, std::move(filled));
  }
  if (!documents.empty()) tenant_.FillEmbedding(collection, documents);
}

// Some fields of a document, with the values of another one.
void RandomChanges::UpdateMetadata(const std::string& collection, const std::string& id) {
  const reference::Collection& into = model().collections.at(collection);
  const reference::Document values = draw_.Document(model(), into.dimension);
  std::set<std::string> fields;
  for (const char* field : {"title", "uri", "provenance.source", "provenance.trust"}) {
    if (draw_.Percent(30)) fields.insert(field);
  }
  for (const auto& [name, label] : into.attributes) {
    if (draw_.Percent(40)) fields.insert("attributes." + name);
  }
  if (draw_.Percent(30)) fields.insert({"valid_from", "valid_until"});
  tenant_.UpdateMetadata(collection, id, values, fields);
}

// A list, a label, or both.
MirroredTenant::Access RandomChanges::Access() {
  const bool acl = draw_.Percent(65);
  MirroredTenant::Access access;
  if (acl) access.first = draw_.List(kContainers);
  if (!acl || draw_.Percent(30)) access.second = draw_.Label(model());
  return access;
}

void RandomChanges::ChangeMany(const std::string& collection) {
  if (draw_.Percent(40)) {
    return tenant_.SetAccessSelected(collection, draw_.Pick({"d", "d1", "é", "é1", "none"}),
                                     Access());
  }
  std::map<std::string, MirroredTenant::Access> changes;
  for (size_t n = 1 + draw_.Below(6); n > 0; --n) changes[Id()] = Access();
  tenant_.SetAccessMany(collection, changes);
}

// Most of what is stored of the source, some of it described anew or with another text, and what is
// new to it.
void RandomChanges::SyncSource(const std::string& collection) {
  tenant_.Settle();  // a space that is being dropped would go on in the copies
  const auto& stored = model().collections.at(collection);
  const std::string source = draw_.Pick(kSources);
  std::map<std::string, reference::Document> listed;
  for (const auto& [id, document] : stored.documents) {
    if (document.source != source || draw_.Percent(20)) continue;
    reference::Document& now = listed[id] = document;
    if (draw_.Percent(70)) continue;
    reference::Document other = draw_.Document(model(), stored.dimension);
    if (draw_.Percent(60)) other.chunks.swap(now.chunks);
    other.version = Version();
    now = std::move(other);
  }
  for (size_t n = draw_.Below(3); n > 0; --n) {
    listed.try_emplace(Id(), draw_.Document(model(), stored.dimension));
  }
  for (auto& [id, document] : listed) document.source = source;
  tenant_.SyncSource(collection, source, {listed.begin(), listed.end()});
}

void RandomChanges::ChangeRules() {
  tenant_.Settle();
  switch (draw_.Below(9)) {
    case 0:
      SetScheme(draw_.Percent(50), draw_.Percent(50), draw_.Percent(50));
      break;
    case 1:
      SetDefaultClearance();
      break;
    case 2:
      SetScopes();
      break;
    case 3:
    case 4:
      SetContainer(draw_.Pick(kContainers), kContainers);
      break;
    case 5:
      SetDestination(draw_.Pick(kDestinations));
      break;
    case 6:
      RemoveSomeRule();
      break;
    case 7:
      SetSources();
      break;
    default:
      ChangeCollections();
  }
  tenant_.Settle();
}

std::string RandomChanges::Collection() {
  Strings names;
  for (const auto& [name, collection] : model().collections) names.push_back(name);
  return draw_.Pick(names);
}

std::string RandomChanges::Id() {
  const size_t number = draw_.Below(kDocuments);
  // Bytes above 127, which order wrongly if they are taken as signed.
  return fmt::format("{}{}", number % 5 == 0 ? "é" : "d", number);
}

// Few, so that what comes is often out of date.
std::optional<uint64_t> RandomChanges::Version() {
  if (draw_.Percent(70)) return std::nullopt;
  return draw_.Below(4);
}

void RandomChanges::Ingest(const std::string& collection, size_t count) {
  MirroredTenant::Documents documents;
  for (; count > 0; --count) {
    documents.emplace_back(Id(),
                           draw_.Document(model(), model().collections.at(collection).dimension));
    documents.back().second.version = Version();
  }
  if (draw_.Percent(8)) return tenant_.IngestInRun(collection, documents);
  tenant_.Ingest(collection, documents);
}

void RandomChanges::ChangeDirectory() {
  if (draw_.Percent(12)) return Sync();
  const bool group = draw_.Percent(60);
  const std::string& name =
      group ? draw_.Pick(kGroups) : draw_.Pick(draw_.Percent(70) ? kUsers : kServices);
  tenant_.Say(name, DrawRecord(name), draw_.Percent(25) ? DrawSaid() : reference::Said());
}

// Sometimes none: the record goes.
reference::Record RandomChanges::DrawRecord(const std::string& name) {
  if (draw_.Percent(15)) return {};
  const bool group = name.starts_with("group:") || name.starts_with("role:");
  const bool alias = draw_.Percent(18);
  if (alias && name.starts_with("user:")) return {{}, {}, draw_.Pick(kUsers)};
  if (alias && name.starts_with("group:")) return {{}, {}, draw_.Pick(kGroups)};
  if (group) return {draw_.Members(), {}, {}};
  return {{}, draw_.Clearance(model()), {}};
}

// Mostly later than all before, often not.
reference::Said RandomChanges::DrawSaid() {
  sequence_ += draw_.Below(3);
  const uint64_t back = draw_.Percent(25) ? draw_.Below(4) : 0;
  return {draw_.Percent(80) ? "hris" : "ldap", sequence_ > back + 1 ? sequence_ - back : 1};
}

void RandomChanges::Sync() {
  std::map<std::string, reference::Record> records;
  for (const auto* names : {&kUsers, &kGroups}) {
    for (const auto& name : draw_.Some(*names, 40)) {
      const reference::Record record = DrawRecord(name);
      const bool gone = !record.members && !record.clearance && record.alias_of.empty();
      const bool kind = name.starts_with("role:") == record.alias_of.starts_with("role:");
      const bool alias = record.alias_of.empty() || (kind && record.alias_of != name);
      if (!gone && alias) records[name] = record;
    }
  }
  tenant_.Sync(records, DrawSaid(), draw_.Percent(20));
}

// A chain of groups about as long as is allowed, from bo up to group:a.
void RandomChanges::AddLadder() {
  const size_t rungs = 62 + draw_.Below(4);
  std::string below = "user:bo";
  for (size_t i = 0; i < rungs; ++i) {
    const std::string rung = fmt::format("group:rung{:02}", i);
    tenant_.SetMembers(rung, {{below, INT64_MAX}});
    below = rung;
  }
  tenant_.SetMembers("group:a", {{below, INT64_MAX}});
}

void RandomChanges::ChangeCollections() {
  const std::string& name = draw_.Pick(kCollections);
  if (!model().collections.contains(name)) {
    tenant_.CreateCollection(name, DrawCollection());
    tenant_.Settle();
    for (int i = 0; i < 3; ++i) Ingest(name, 4);
  } else if (draw_.Percent(20)) {
    tenant_.DropCollection(name);
  }
}

void RandomChanges::SetScheme(bool levels, bool compartments, bool tags) {
  v1::ApplyPolicyRequest request;
  auto model_levels = model().world.levels;
  auto model_compartments = model().compartments;
  auto model_tags = model().tags;
  if (levels) {
    model_levels = draw_.Levels();
    request.mutable_levels()->mutable_names()->Assign(model_levels.begin(), model_levels.end());
  }
  if (compartments) {
    model_compartments = draw_.Compartments();
    request.mutable_compartments()->mutable_names()->Assign(model_compartments.begin(),
                                                            model_compartments.end());
  }
  if (tags) {
    model_tags = draw_.Tags();
    request.mutable_tags()->mutable_names()->Assign(model_tags.begin(), model_tags.end());
  }
  tenant_.ApplyPolicy(request, [=](auto* model) {
    model->world.levels = model_levels;
    model->compartments = model_compartments;
    model->tags = model_tags;
  });
}

void RandomChanges::SetDefaultClearance() {
  const reference::Clearance clearance = draw_.Clearance(model());
  v1::ApplyPolicyRequest request;
  *request.mutable_default_clearance() = ToWire(clearance);
  tenant_.ApplyPolicy(request, [=](auto* model) { model->world.default_clearance = clearance; });
}

void RandomChanges::SetScopes() {
  std::map<int, reference::Gate> scopes;
  v1::ApplyPolicyRequest request;
  request.mutable_scopes();
  for (int scope = 1; scope <= 5; ++scope) {
    if (!draw_.Percent(30)) continue;
    scopes[scope] = draw_.Rule(model());
    if (scopes[scope].terms == INT64_MAX) scopes[scope].terms.reset();
    *request.mutable_scopes()->add_rules() = ToWire(scope, scopes[scope]);
  }
  tenant_.ApplyPolicy(request, [=](auto* model) { model->world.scopes = scopes; });
}

void RandomChanges::SetContainer(const std::string& name, const Strings& above) {
  const reference::List list = draw_.List(above);
  v1::ApplyPolicyRequest request;
  *request.add_containers()->mutable_container() = ToWire(name, list);
  tenant_.ApplyPolicy(request, [=](auto* model) { model->world.containers[name] = list; });
}

void RandomChanges::SetDestination(const std::string& name) {
  reference::Destination destination = draw_.Destination(model());
  const auto& scopes = model().world.scopes;
  const auto rule = scopes.find(destination.scope);
  // What is wider than its scope's rule is refused.
  if (rule != scopes.end() && draw_.Percent(80)) {
    Satisfy(rule->second, &destination);
  }
  if (destination.gate.terms == INT64_MAX) destination.gate.terms.reset();
  v1::ApplyPolicyRequest request;
  auto* change = request.add_destinations();
  *change->mutable_destination() = ToWire(name, destination);
  // Else the label of its model would stay, or not fall.
  if (model().world.destinations.contains(name)) change->set_retrained("drawn anew");
  tenant_.ApplyPolicy(request, [=](auto* model) { model->world.destinations[name] = destination; });
}

// Most are let back in.
void RandomChanges::SetSources() {
  const std::string source = draw_.Pick(kSources);
  const bool quarantined = draw_.Percent(40);
  v1::ApplyPolicyRequest request;
  request.mutable_trust()->mutable_names()->Assign(kTrust.begin(), kTrust.end());
  request.add_sources()->set_source(source);
  request.mutable_sources(0)->set_quarantined(quarantined);
  tenant_.ApplyPolicy(request, [=](auto* model) {
    if (quarantined) {
      model->world.quarantined.insert(source);
    } else {
      model->world.quarantined.erase(source);
    }
  });
}

void RandomChanges::RemoveSomeRule() {
  v1::ApplyPolicyRequest request;
  if (draw_.Percent(85)) {
    const std::string name = draw_.Pick(kContainers);
    auto* change = request.add_containers();
    change->mutable_container()->set_name(name);
    change->set_remove(true);
    return tenant_.ApplyPolicy(request, [=](auto* model) { model->world.containers.erase(name); });
  }
  const std::string name = draw_.Pick(kDestinations);
  auto* change = request.add_destinations();
  change->mutable_destination()->set_name(name);
  change->set_remove(true);
  if (model().world.destinations.contains(name)) change->set_retrained("gone");
  tenant_.ApplyPolicy(request, [=](auto* model) { model->world.destinations.erase(name); });
}

}  // namespace cordon
