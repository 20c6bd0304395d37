// The verbs about where things go, and about emergencies.
#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "engine/export.h"
#include "engine/inspect/inspect.h"
#include "engine/store/codec.h"
#include "tests/scenarios/runner.h"
#include "tools/cordon/access_json.h"

namespace cordon {

namespace {

// Whether each chunk has its vector, or none has one.
bool HaveVectors(const v1::ExportResponse& message, bool wanted) {
  for (const auto& document : message.documents()) {
    for (const auto& chunk : document.chunks()) {
      if (chunk.embedding().empty() == wanted) return false;
    }
  }
  return true;
}

}  // namespace

// Message after message, as the server sends them; each takes one revision.
Status Runner::Export(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "app"));
  v1::ExportRequest request;
  request.set_collection(story_.collections.front().name());
  RETURN_IF_ERROR(ReadObject(
      step.subject, {StringsField("documents", request.mutable_documents()),
                     StringField("prefix", request.mutable_prefix()),
                     StringField("collection", request.mutable_collection()),
                     StringField("as", request.mutable_scope()->mutable_as()),
                     StringField("destination", request.mutable_scope()->mutable_destination()),
                     {"vectors", [&](JsonValue v) {
                        bool vectors = false;
                        RETURN_IF_ERROR(ReadBool(v, &vectors));
                        request.set_vectors(vectors);
                        return OkStatus();
                      }}}));
  ASSIGN_OR_RETURN(const Authenticated caller, world_.Authenticate(through));
  std::vector<std::string> exported;
  v1::Label model;
  Status outcome;
  for (ExportPlace place; outcome.ok() && !place.ended;) {
    const uint64_t before = world_.revision(caller.tenant());
    const auto message = Asked<ExportedMessage>([&](auto done) {
      ExportNext(world_.engine()->ReadAs(caller, {}), world_.engine()->WriteAs(caller), request,
                 place, done);
    });
    outcome = message.status();
    const bool sent = outcome.ok() && message->response;
    EXPECT_EQ(world_.revision(caller.tenant()), before + (sent ? 1 : 0));
    if (outcome.ok()) place = message->next;
    if (!sent) continue;
    model = message->response->model_label();
    if (!HaveVectors(*message->response, request.vectors())) {
      Fail(step, request.vectors() ? "vectors are missing" : "vectors come unasked");
    }
    for (const auto& document : message->response->documents()) exported.push_back(document.id());
  }
  if (!Answered(step, outcome)) return OkStatus();
  if (const auto told = step.beside.find("model_label"); told != step.beside.end()) {
    v1::Label expected;
    RETURN_IF_ERROR(ReadLabel(told->second, &expected));
    if (!google::protobuf::util::MessageDifferencer::Equals(expected, model)) {
      Fail(step, fmt::format("expected model_label: {}\n  got: {}", expected.ShortDebugString(),
                             model.ShortDebugString()));
    }
  }
  return CompareNames(step, "exported", exported);
}

Status Runner::OpenBreakGlass(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "app"));
  ASSIGN_OR_RETURN(const std::string name, Word(step, "named", "emergency"));
  v1::OpenBreakGlassRequest request;
  std::string until;
  RETURN_IF_ERROR(ReadObject(step.subject, {StringField("as", request.mutable_as()),
                                            StringField("reason", request.mutable_reason()),
                                            StringField("until", &until)}));
  if (!until.empty()) {
    ASSIGN_OR_RETURN(const Micros time, ParseTime(until));
    *request.mutable_until() = ToProtoTime(time);
  }
  const auto opened =
      world_.Write<v1::OpenBreakGlassResponse>(through, [&](const auto& context, auto done) {
        cordon::OpenBreakGlass(context, request, "id-of-" + name, done);
      });
  if (!Answered(step, opened.status())) return OkStatus();
  break_glass_[name] = opened->id();
  return OkStatus();
}

Status Runner::CloseBreakGlass(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "app"));
  std::string name;
  RETURN_IF_ERROR(ReadString(step.subject, &name));
  v1::CloseBreakGlassRequest request;
  request.set_id("id-of-" + name);
  Answered(step, world_
                     .Write<v1::CloseBreakGlassResponse>(through,
                                                         [&](const auto& context, auto done) {
                                                           cordon::CloseBreakGlass(context, request,
                                                                                   done);
                                                         })
                     .status());
  return OkStatus();
}

StatusOr<std::string> Runner::BreakGlassBeside(const Step& step) const {
  ASSIGN_OR_RETURN(const std::string name, Word(step, "break_glass", ""));
  if (name.empty()) return name;
  const auto found = break_glass_.find(name);
  return found == break_glass_.end() ? "id-of-" + name : found->second;
}

// `usage: KEY`: how many passages left by that key today, and to which destinations any did.
Status Runner::Usage(const Step& step) {
  ASSIGN_OR_RETURN(const std::string through, Word(step, "through", "admin"));
  std::string name;
  RETURN_IF_ERROR(ReadString(step.subject, &name));
  v1::UsageRequest request;
  ASSIGN_OR_RETURN(*request.mutable_key_id(), world_.KeyId(name));
  const auto answer = world_.Read<v1::UsageResponse>(
      through, [&](const auto& context, auto done) { cordon::Usage(context, request, done); });
  if (!Answered(step, answer.status())) return OkStatus();
  std::vector<std::string> destinations;
  for (const auto& used : answer->destinations()) destinations.push_back(used.name());
  if (const auto told = step.beside.find("passages"); told != step.beside.end()) {
    uint64_t expected = 0;
    RETURN_IF_ERROR(ReadUint64(told->second, &expected));
    const uint64_t got = answer->keys_size() == 1 ? answer->keys(0).passages() : UINT64_MAX;
    if (got != expected) Fail(step, fmt::format("expected passages: {}, got: {}", expected, got));
  }
  return CompareNames(step, "destinations", destinations);
}

}  // namespace cordon
