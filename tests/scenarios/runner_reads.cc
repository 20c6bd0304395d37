// The verbs that ask one question and look at the answer.
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "engine/inspect/inspect.h"
#include "tests/scenarios/runner.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/query_json.h"

namespace cordon {
namespace {

using google::protobuf::util::MessageDifferencer;

std::vector<std::string> Names(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return {names.begin(), names.end()};
}

std::string LabelText(const v1::Label& label) {
  return label.level().empty() ? "none" : label.ShortDebugString();
}

// What `context_label` tells against what came; a step that does not tell it asks nothing.
Status LabelDiffers(const Step& step, const v1::Label& got, std::string* difference) {
  const auto told = step.beside.find("context_label");
  if (told == step.beside.end()) return OkStatus();
  v1::Label expected;
  if (!told->second.is_null()) RETURN_IF_ERROR(ReadLabel(told->second, &expected));
  if (!MessageDifferencer::Equals(expected, got)) {
    *difference =
        fmt::format("expected context_label: {}\n  got: {}", LabelText(expected), LabelText(got));
  }
  return OkStatus();
}

// The method or field of that name ("Erase", "RetrieveRequest.filter") in the served protocol.
bool IsServed(const std::string& name) {
  const size_t dot = name.find('.');
  const std::string message = name.substr(0, dot);
  for (const char* file : {"admin", "directory", "ingest", "policy", "retrieval"}) {
    const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
        fmt::format("cordon/v1/{}.proto", file));
    CORDON_CHECK(found != nullptr);
    for (int i = 0; i < found->service_count(); ++i) {
      if (found->service(i)->FindMethodByName(name) != nullptr) return true;
    }
    const auto* type = found->FindMessageTypeByName(message);
    if (type == nullptr) continue;
    if (dot == std::string::npos || type->FindFieldByName(name.substr(dot + 1)) != nullptr) {
      return true;
    }
  }
  return false;
}

}  // namespace

Status Runner::Retrieve(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "app"));
  Query query;
  ASSIGN_OR_RETURN(*query.request.mutable_collection(),
                   Word(step, "collection", story_.collections.front().name()));
  const std::string collection = query.request.collection();
  query.request.set_mode(v1::MODE_EXACT);
  RETURN_IF_ERROR(ParseQuery(parser_, ToText(step.subject), &query));
  ASSIGN_OR_RETURN(*query.request.mutable_scope()->mutable_break_glass(), BreakGlassBeside(step));
  const auto answer = world_.Read<v1::RetrieveResponse>(
      through,
      [&](const auto& context, auto done) { cordon::Retrieve(context, query.request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  ASSIGN_OR_RETURN(const Authenticated caller, world_.Authenticate(through));
  const auto& all = world_.documents(caller.tenant(), collection);
  std::vector<std::string> found;
  for (const auto& passage : answer->passages()) {
    const auto it = all.find(passage.document());
    const bool only = it != all.end() && it->second == std::set<uint32_t>{passage.chunk()};
    found.push_back(only ? passage.document()
                         : fmt::format("{}#{}", passage.document(), passage.chunk()));
  }
  std::string difference;
  RETURN_IF_ERROR(LabelDiffers(step, answer->context_label(), &difference));
  if (!difference.empty()) Fail(step, difference);
  RETURN_IF_ERROR(CompareNames(step, "finds", found));
  return CompareNames(step, "may_receive", Names(answer->destinations()));
}

Status Runner::Get(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "app"));
  v1::GetDocumentRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(ReadObject(
      step.subject, {StringField("document", request.mutable_document()),
                     StringField("collection", request.mutable_collection()),
                     StringField("as", request.mutable_scope()->mutable_as()),
                     StringField("destination", request.mutable_scope()->mutable_destination())}));
  ASSIGN_OR_RETURN(*request.mutable_scope()->mutable_break_glass(), BreakGlassBeside(step));
  const auto answer = world_.Read<v1::GetDocumentResponse>(
      through, [&](const auto& context, auto done) { GetDocument(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  std::vector<std::string> texts;
  for (const auto& chunk : answer->chunks()) texts.push_back(chunk.text());
  std::string difference;
  RETURN_IF_ERROR(LabelDiffers(step, answer->context_label(), &difference));
  if (!difference.empty()) Fail(step, difference);
  return CompareNames(step, "chunks", texts);
}

Status Runner::CheckAccess(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "app"));
  v1::CheckAccessRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(ReadObject(
      step.subject, {StringsField("documents", request.mutable_documents()),
                     StringField("collection", request.mutable_collection()),
                     StringField("as", request.mutable_scope()->mutable_as()),
                     StringField("destination", request.mutable_scope()->mutable_destination())}));
  const auto answer = world_.Read<v1::CheckAccessResponse>(
      through,
      [&](const auto& context, auto done) { cordon::CheckAccess(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  return CompareNames(step, "permitted", Names(answer->permitted()));
}

Status Runner::AllowedDestinations(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "app"));
  v1::AllowedDestinationsRequest request;
  RETURN_IF_ERROR(ReadObject(
      step.subject, {{"label", [&](JsonValue v) { return ReadLabel(v, request.mutable_label()); }},
                     StringField("as", request.mutable_scope()->mutable_as())}));
  const auto answer = world_.Read<v1::AllowedDestinationsResponse>(
      through,
      [&](const auto& context, auto done) { cordon::AllowedDestinations(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  return CompareNames(step, "are", Names(answer->destinations()));
}

Status Runner::Why(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "auditor"));
  v1::ExplainRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(
      ReadObject(step.subject, {StringField("document", request.mutable_document()),
                                StringField("collection", request.mutable_collection()),
                                StringField("as", request.mutable_as()),
                                StringField("destination", request.mutable_destination())}));
  ASSIGN_OR_RETURN(*request.mutable_break_glass(), BreakGlassBeside(step));
  const auto answer = world_.Read<v1::ExplainResponse>(
      through, [&](const auto& context, auto done) { Explain(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  if (const auto told = step.beside.find("permitted"); told != step.beside.end()) {
    bool expected = false;
    RETURN_IF_ERROR(ReadBool(told->second, &expected));
    if (answer->permitted() != expected) {
      Fail(step, fmt::format("expected permitted: {}, got: {}", expected, answer->permitted()));
    }
  }
  std::vector<std::string> failing, all;
  for (const auto& clause : answer->clauses()) {
    all.push_back(clause.name() + ": " + clause.because());
    if (!clause.permitted()) failing.push_back(all.back());
  }
  ASSIGN_OR_RETURN(const std::string wanted, Word(step, "tells", ""));
  if (!wanted.empty() && std::find(all.begin(), all.end(), wanted) == all.end()) {
    Fail(step, fmt::format("expected to be told: {}\n  told: {}", wanted, ListText(all)));
  }
  return CompareNames(step, "failing", failing);
}

Status Runner::Stats(const Step& step) {
  v1::StatsRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(
      ReadObject(step.subject, {StringField("collection", request.mutable_collection()),
                                StringField("as", request.mutable_as()),
                                StringField("destination", request.mutable_destination())}));
  // Plain figures are the admin's, a user's are the auditor's.
  ASSIGN_OR_RETURN(const std::string through,
                   Word(step, "through", request.as().empty() ? "admin" : "auditor"));
  const auto answer = world_.Read<v1::StatsResponse>(
      through, [&](const auto& context, auto done) { cordon::Stats(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  const auto told = step.beside.find("counts");
  if (told == step.beside.end()) return OkStatus();
  const std::map<std::string_view, uint64_t> counted = {
      {"documents", answer->documents()},
      {"chunks", answer->chunks()},
      {"undefined_principals", answer->undefined_principals()},
      {"visible_chunks", answer->visible_chunks()}};
  if (!told->second.is_object()) return WrongType(told->second, "a map such as {documents: 2}");
  for (const auto [name, number] : simdjson::dom::object(told->second)) {
    uint64_t expected = 0;
    RETURN_IF_ERROR(ReadUint64(number, &expected));
    const auto it = counted.find(name);
    if (it == counted.end()) return Invalid(name, "no such figure");
    if (it->second != expected) {
      Fail(step, fmt::format("expected {}: {}, got: {}", name, expected, it->second));
    }
  }
  return OkStatus();
}

// `list: keys`: whether the key may ask; what is answered is other tests' concern.
Status Runner::List(const Step& step) {
  std::string what;
  RETURN_IF_ERROR(ReadString(step.subject, &what));
  const bool journal = what.starts_with("journal") || what == "break-glass";
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", journal ? "auditor" : "admin"));
  Status status;
  if (what == "keys") {
    status = world_.Read<v1::ListKeysResponse>(through, ListKeys).status();
  } else if (what == "collections") {
    status = world_.Read<v1::ListCollectionsResponse>(through, ListCollections).status();
  } else if (what == "break-glass") {
    status = world_.Read<v1::ListBreakGlassResponse>(through, ListBreakGlass).status();
  } else if (what == "holds") {
    const auto list = [](const auto& context, auto done) {
      v1::ListHoldsRequest request;
      request.set_collection("docs");
      ListHolds(context, request, done);
    };
    status = world_.Read<v1::ListHoldsResponse>(through, list).status();
  } else if (what == "backups") {
    const auto list = [this](const auto& context, auto done) {
      ListBackups(
          context, {}, [this](bool verify) { return world_.engine()->Backups(verify); }, done);
    };
    status = world_.Read<v1::ListBackupsResponse>(through, list).status();
  } else if (what == "journal") {
    const auto query = [](const auto& context, auto done) { QueryJournal(context, {}, done); };
    status = world_.Read<v1::QueryJournalResponse>(through, query).status();
  } else if (what == "journal verification") {
    const auto verify = [this](const auto& context, auto done) {
      VerifyJournal(context, world_.engine()->JournalOf(context.tenant->name), done);
    };
    status = world_.Read<v1::VerifyJournalResponse>(through, verify).status();
  } else {
    return Invalid("",
                   "must be keys, collections, holds, backups, journal, journal verification or "
                   "break-glass");
  }
  Answered(step, status);
  return OkStatus();
}

// `authenticate: "Bearer …"`: whether that credential is anybody's.
Status Runner::Authenticate(const Step& step) {
  std::string header;
  RETURN_IF_ERROR(ReadString(step.subject, &header));
  Answered(step, world_.AuthenticateHeader(header).status());
  return OkStatus();
}

// `token: {issuer: claims, sub: ana, groups: [hr]}`: what an issuer signs for a user, who calls
// with it from then on; whether it is anybody's credential.
Status Runner::Token(const Step& step) {
  ASSIGN_OR_RETURN(const std::string name, Word(step, "named", "token"));
  if (!step.subject.is_object()) return WrongType(step.subject, "a map of an issuer and claims");
  std::string issuer;
  Members claims;
  for (const auto [claim, value] : simdjson::dom::object(step.subject)) {
    if (claim == "issuer") {
      RETURN_IF_ERROR(ReadString(value, &issuer));
    } else {
      claims[std::string(claim)] = ToText(value);
    }
  }
  world_.KeepToken(name, issuer, claims);
  Answered(step, world_.Authenticate(name).status());
  return OkStatus();
}

Status Runner::NotServed(const Step& step) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(ReadNames(step.subject, &names));
  for (const auto& name : names) {
    if (IsServed(name)) {
      Fail(step, name + " is served now: tell in a story what it does, and take it from this list");
    }
  }
  return OkStatus();
}

}  // namespace cordon
