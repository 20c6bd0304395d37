// The calls of a race: few names that meet often.
#include <fmt/format.h>

#include "tests/security/race.h"
#include "tests/security/wire.h"

namespace cordon {
namespace {

using reference::List;
using reference::Names;

const std::vector<std::string> kReaders = {"user:ana", "user:bob", "user:cy"};
const std::string kStreamReader = "user:dee";
const std::vector<std::string> kRaceUsers = {"user:ana", "user:bob", "user:cy", kStreamReader};
const std::vector<std::string> kRaceGroups = {"group:a", "group:b", "group:c"};
const std::vector<std::string> kRaceContainers = {"folder:/x", "folder:/y"};
const std::vector<std::string> kRaceSources = {"hris", "wiki"};
const std::vector<std::string> kLevels = {"public", "internal", "confidential", "restricted"};
constexpr size_t kDocuments = 10;
constexpr size_t kSelected = 3;       // documents that only selections change
constexpr uint32_t kOfAMessage = 16;  // passages of one message of a stream

// A consumer that comes and goes, and a model that is trained on what is public.
const std::string kChat = "chat";
const std::string kTuned = "tuned";
constexpr int kTunedScope = 4;
const std::string kHandled = "pii";  // a tag
// Of terms that were reviewed: for every clock of a race, one has passed and one has not.
constexpr reference::Time kPassed = 1'000'000;
constexpr reference::Time kFarAhead = 4'500'000'000'000'000;

reference::Collection* Docs(RaceState* state) {
  return &state->tenant.collections[kRaceCollection];
}

void Give(const std::optional<List>& acl, const std::optional<reference::Label>& label,
          const std::string& id, RaceState* state) {
  const auto found = Docs(state)->documents.find(id);
  if (found == Docs(state)->documents.end()) return;
  if (acl) found->second.acl = acl;
  if (label) found->second.label = label;
}

v1::ApplyPolicyRequest PolicyOf(const std::string& container, const List& list) {
  v1::ApplyPolicyRequest request;
  *request.add_containers()->mutable_container() = ToWire(container, list);
  return request;
}

RaceCall Tags() {
  v1::ApplyPolicyRequest request;
  request.mutable_tags()->add_names(kHandled);
  RaceCall call;
  call.request = std::move(request);
  call.change = [](RaceState*) {};  // the model takes any
  return call;
}

RaceCall Written(const std::string& id, const reference::Document& document) {
  v1::IngestRequest request;
  request.set_collection(kRaceCollection);
  *request.add_documents() = ToWire(id, document);
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) { Docs(state)->documents[id] = document; };
  return call;
}

RaceCall WrittenLong() {
  reference::Document document;
  document.acl = List{{{kStreamReader}}, {}, {}};
  document.label = reference::Label{kLevels.front(), {}, {}};
  for (uint32_t i = 0; i < kOfAMessage; ++i) document.chunks[i] = {"t", {1, 0}};
  RaceCall call = Written(kRaceLong, document);
  // The model judges one for all.
  document.chunks.erase(std::next(document.chunks.begin()), document.chunks.end());
  call.change = Written(kRaceLong, document).change;
  return call;
}

}  // namespace

v1::CreateCollectionRequest MakeRaceCollection() {
  reference::Collection docs;
  docs.dimension = 2;
  docs.default_acl.allow = {{"everyone"}};
  docs.default_label.level = kLevels.front();
  v1::CreateCollectionRequest request;
  *request.mutable_config() = ToWire(kRaceCollection, docs);
  return request;
}

const std::string& RaceDraw::Pick(const std::vector<std::string>& names) {
  return names[Below(names.size())];
}

std::string RaceDraw::Id() { return fmt::format("d{}", Below(kDocuments)); }

List RaceDraw::List() {
  reference::List list;
  for (const auto& names : {kRaceUsers, kRaceGroups}) {
    if (Percent(70)) list.allow.push_back({Pick(names)});
  }
  if (Percent(20)) list.deny.push_back({Pick(Percent(50) ? kRaceGroups : kRaceUsers)});
  if (Percent(35) || list.allow.empty()) list.inherit.insert(Pick(kRaceContainers));
  return list;
}

reference::Label RaceDraw::Label() {
  return {kLevels[Below(3)], {}, Percent(25) ? Names{kHandled} : Names()};
}

std::vector<RaceCall> RaceDraw::Begin() {
  std::vector<RaceCall> calls = {Tags(), Destinations(), WrittenLong()};
  for (const auto& name : kRaceContainers) {
    RaceCall call = Container();
    reference::List list;
    list.allow = {{"everyone"}};
    call.request = PolicyOf(name, list);
    call.change = [=](RaceState* state) { state->tenant.world.containers[name] = list; };
    calls.push_back(std::move(call));
  }
  for (size_t i = 0; i < 4; ++i) calls.push_back(Members());
  for (size_t i = 0; i < 4; ++i) calls.push_back(Clearance());
  for (size_t i = 0; i < kDocuments; ++i) calls.push_back(Upsert(fmt::format("d{}", i)));
  for (size_t i = 0; i < kSelected; ++i) calls.push_back(Upsert(fmt::format("s{}", i)));
  return calls;
}

RaceCall RaceDraw::Next(Kind kind) {
  if (kind == kSelections && Percent(30)) return SetAccessSelected();
  return Percent(55) ? Read() : Write();
}

RaceCall RaceDraw::Write() {
  const size_t kind = Below(100);
  if (kind < 26) return SetAccess();
  if (kind < 34) return SetAccessMany();
  if (kind < 49) return Upsert(Id());
  if (kind < 55) return Delete(Id());
  if (kind < 60) return UpdateMetadata();
  if (kind < 68) return Members();
  if (kind < 75) return Clearance();
  if (kind < 82) return Container();
  if (kind < 91) return Destinations();
  if (kind < 95) return Quarantine();
  return Export();
}

RaceCall RaceDraw::Read() {
  RaceCall call;
  const size_t kind = Below(100);
  if (kind < 36) {
    call.request = Question(Pick(kReaders));
  } else if (kind < 50) {
    call.request = LongQuestion();
  } else if (kind < 58) {
    call.request = Questions();
  } else if (kind < 78) {
    call.request = Check();
  } else {
    call.request = Get();
  }
  return call;
}

v1::Scope RaceDraw::Scope(const std::string& as) {
  v1::Scope scope;
  scope.set_as(as);
  scope.set_destination(Percent(70) ? "dev" : kChat);
  return scope;
}

v1::RetrieveRequest RaceDraw::Question(const std::string& as) {
  v1::RetrieveRequest request;
  request.set_collection(kRaceCollection);
  request.add_vector(1);
  request.add_vector(0);
  request.set_k(1000);
  request.set_mode(Percent(50) ? v1::MODE_EXACT : v1::MODE_FAST);
  request.set_omit_text(Percent(50));
  *request.mutable_scope() = Scope(as);
  return request;
}

// In more than one message.
v1::RetrieveStreamRequest RaceDraw::LongQuestion() {
  v1::RetrieveStreamRequest request;
  *request.mutable_query() = Question(kStreamReader);
  return request;
}

// Often alike, but for whom they are asked.
v1::BatchRetrieveRequest RaceDraw::Questions() {
  v1::BatchRetrieveRequest request;
  for (size_t n = 2 + Below(2); n > 0; --n) *request.add_queries() = Question(Pick(kReaders));
  return request;
}

v1::CheckAccessRequest RaceDraw::Check() {
  v1::CheckAccessRequest request;
  request.set_collection(kRaceCollection);
  for (size_t i = 0; i < kDocuments; ++i) request.add_documents(fmt::format("d{}", i));
  for (size_t i = 0; i < kSelected; ++i) request.add_documents(fmt::format("s{}", i));
  request.add_documents(kRaceLong);
  *request.mutable_scope() = Scope(Pick(kReaders));
  return request;
}

v1::GetDocumentRequest RaceDraw::Get() {
  v1::GetDocumentRequest request;
  request.set_collection(kRaceCollection);
  request.set_document(Id());
  *request.mutable_scope() = Scope(Pick(kReaders));
  return request;
}

// As far as the label of the model goes, nothing changes: it gets what is public.
RaceCall RaceDraw::Export() {
  v1::ExportRequest request;
  request.set_collection(kRaceCollection);
  request.mutable_scope()->set_as(Pick(kReaders));
  request.mutable_scope()->set_destination(kTuned);
  RaceCall call;
  call.request = std::move(request);
  call.change = [](RaceState*) {};
  return call;
}

v1::OpenBreakGlassRequest RaceDraw::Access() {
  v1::OpenBreakGlassRequest request;
  request.set_as(Pick(kRaceUsers));
  request.set_reason("a fire");
  return request;
}

RaceCall RaceDraw::SetAccess() {
  const std::string id = Id();
  std::optional<reference::List> acl;
  std::optional<reference::Label> label;
  if (Percent(75)) acl = List();
  if (!acl || Percent(30)) label = Label();
  v1::SetAccessRequest request;
  request.set_collection(kRaceCollection);
  request.set_document(id);
  if (acl) *request.mutable_acl() = ToWire(*acl);
  if (label) *request.mutable_label() = ToWire(*label);
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) { Give(acl, label, id, state); };
  return call;
}

RaceCall RaceDraw::SetAccessMany() {
  std::map<std::string, reference::List> lists;
  for (size_t n = 2 + Below(kDocuments); n > 0; --n) lists[Id()] = List();
  v1::SetAccessManyRequest request;
  request.set_collection(kRaceCollection);
  for (const auto& [id, list] : lists) {
    auto* change = request.add_changes();
    change->set_document(id);
    *change->mutable_acl() = ToWire(list);
  }
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) {
    for (const auto& [id, list] : lists) Give(list, std::nullopt, id, state);
  };
  return call;
}

RaceCall RaceDraw::SetAccessSelected() {
  const reference::List list = List();
  v1::SetAccessSelectedRequest request;
  request.set_collection(kRaceCollection);
  request.set_id_prefix("s");
  *request.mutable_acl() = ToWire(list);
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) {
    for (size_t i = 0; i < kSelected; ++i) Give(list, std::nullopt, fmt::format("s{}", i), state);
  };
  return call;
}

// The document's end, which has come or never comes; sometimes under another number.
RaceCall RaceDraw::UpdateMetadata() {
  const std::string id = Id();
  const bool ends = Percent(50);
  v1::UpdateMetadataRequest request;
  request.set_collection(kRaceCollection);
  request.set_document(id);
  request.mutable_update_mask()->add_paths("valid_from");
  request.mutable_update_mask()->add_paths("valid_until");
  if (ends) request.mutable_metadata()->mutable_valid_until()->set_seconds(1);
  if (Percent(40)) {
    request.mutable_update_mask()->add_paths("subjects");
    request.mutable_metadata()->add_subjects(fmt::format("person:{}", Below(100)));
  }
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) {
    const auto found = Docs(state)->documents.find(id);
    if (found == Docs(state)->documents.end()) return;
    found->second.valid_until = ends ? 1'000'000 : INT64_MAX;
  };
  return call;
}

RaceCall RaceDraw::Upsert(const std::string& id) {
  reference::Document document;
  document.acl = List();
  document.label = Label();
  if (Percent(60)) document.source = Pick(kRaceSources);
  const auto number = static_cast<float>(Below(100));
  document.chunks[0] = {"t", {1 + number, 1}};
  return Written(id, document);
}

RaceCall RaceDraw::Delete(const std::string& id) {
  v1::DeleteRequest request;
  request.set_collection(kRaceCollection);
  request.set_document(id);
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) { Docs(state)->documents.erase(id); };
  return call;
}

RaceCall RaceDraw::Members() {
  const std::string group = Pick(kRaceGroups);
  std::vector<reference::Entry> members;
  for (const auto& user : kRaceUsers) {
    if (Percent(45)) members.push_back({user});
  }
  if (Percent(25)) members.push_back({Pick(kRaceGroups)});
  v1::ApplyDirectoryRequest request;
  *request.add_principals() = ToWire(group, reference::Record{.members = members});
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) { state->tenant.world.members[group] = members; };
  return call;
}

RaceCall RaceDraw::Clearance() {
  const std::string user = Pick(kRaceUsers);
  const reference::Clearance clearance{"", kLevels[Below(3) + (Percent(50) ? 1 : 0)], {}};
  v1::ApplyDirectoryRequest request;
  *request.add_principals() = ToWire(user, reference::Record{.clearance = clearance});
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) { state->tenant.world.clearances[user] = clearance; };
  return call;
}

RaceCall RaceDraw::Container() {
  const std::string name = Pick(kRaceContainers);
  reference::List list;
  list.allow.push_back({Percent(40) ? "everyone" : Pick(kRaceGroups)});
  if (Percent(30)) list.allow.push_back({Pick(kRaceUsers)});
  if (Percent(20)) list.deny.push_back({Pick(kRaceUsers)});
  if (name == kRaceContainers[0] && Percent(25)) list.inherit.insert(kRaceContainers[1]);
  RaceCall call;
  call.request = PolicyOf(name, list);
  call.change = [=](RaceState* state) { state->tenant.world.containers[name] = list; };
  return call;
}

// Both destinations with the rules of all scopes, so that each satisfies its own whatever was
// before; or one goes. The rule of scope 3 forbids more than that of scope 2.
RaceCall RaceDraw::Destinations() {
  v1::ApplyPolicyRequest request;
  RaceCall call;
  if (Percent(25)) {
    auto* change = request.add_destinations();
    change->mutable_destination()->set_name(kChat);
    change->set_remove(true);
    call.change = [](RaceState* state) { state->tenant.world.destinations.erase(kChat); };
  } else {
    std::map<int, reference::Gate> scopes;
    scopes[2].ceiling = reference::Clearance{"all"};
    scopes[3].ceiling = reference::Clearance{"all"};
    scopes[3].forbidden_tags = {kHandled};
    reference::Destination chat;
    chat.scope = static_cast<int>(2 + Below(2));
    chat.gate.ceiling = {"", kLevels[1 + Below(3)], {}};
    if (Percent(30)) chat.gate.forbidden_tags = {kHandled};
    if (Percent(40)) chat.gate.terms = Percent(40) ? kPassed : kFarAhead;
    if (Percent(50)) scopes[chat.scope].terms = chat.gate.terms;
    reference::Destination tuned;
    tuned.scope = kTunedScope;
    tuned.gate.ceiling = {"", kLevels.front(), {}};
    if (Percent(30)) tuned.gate.terms = kPassed;
    for (const auto& [scope, rule] : scopes) {
      *request.mutable_scopes()->add_rules() = ToWire(scope, rule);
    }
    *request.add_destinations()->mutable_destination() = ToWire(kChat, chat);
    *request.add_destinations()->mutable_destination() = ToWire(kTuned, tuned);
    call.change = [=](RaceState* state) {
      state->tenant.world.scopes = scopes;
      state->tenant.world.destinations = {{kChat, chat}, {kTuned, tuned}};
    };
  }
  call.request = std::move(request);
  return call;
}

// Or its end.
RaceCall RaceDraw::Quarantine() {
  const std::string source = Pick(kRaceSources);
  const bool quarantined = Percent(35);
  v1::ApplyPolicyRequest request;
  request.add_sources()->set_source(source);
  request.mutable_sources(0)->set_quarantined(quarantined);
  RaceCall call;
  call.request = std::move(request);
  call.change = [=](RaceState* state) {
    auto& sources = state->tenant.world.quarantined;
    if (quarantined) {
      sources.insert(source);
    } else {
      sources.erase(source);
    }
  };
  return call;
}

}  // namespace cordon
