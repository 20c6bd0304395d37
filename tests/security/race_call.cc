#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/security/race.h"

namespace cordon {

const v1::Scope& RaceCall::scope() const {
  return std::visit(
      [](const auto& asked) -> const v1::Scope& {
        if constexpr (requires { asked.query().scope(); }) {
          return asked.query().scope();
        } else if constexpr (requires { asked.scope(); }) {
          return asked.scope();
        } else {
          return v1::Scope::default_instance();
        }
      },
      request);
}

v1::Scope* RaceCall::mutable_scope() {
  return std::visit(
      [](auto& asked) -> v1::Scope* {
        if constexpr (requires { asked.mutable_query()->mutable_scope(); }) {
          return asked.mutable_query()->mutable_scope();
        } else if constexpr (requires { asked.mutable_scope(); }) {
          return asked.mutable_scope();
        } else {
          return nullptr;
        }
      },
      request);
}

std::optional<RaceCall::End> RaceCall::RefusedBy(StatusCode code) const {
  const bool gets = std::holds_alternative<v1::GetDocumentRequest>(request);
  const bool revokes = std::holds_alternative<v1::RevokeKeyRequest>(request) ||
                       std::holds_alternative<v1::CloseBreakGlassRequest>(request);
  const auto* policy = std::get_if<v1::ApplyPolicyRequest>(&request);
  const bool removes =
      policy != nullptr && !policy->destinations().empty() && policy->destinations(0).remove();
  switch (code) {
    case StatusCode::kUnauthenticated:
      return kNotKnown;
    case StatusCode::kNotFound:
      if (gets || exports() || revokes) return kNotFound;
      break;
    case StatusCode::kInvalidArgument:
      if (removes) return kNotFound;
      break;
    case StatusCode::kPermissionDenied:
      if (!write() || exports()) return kDenied;
      break;
    case StatusCode::kFailedPrecondition:
      if (at_least() > 0) return kNotReached;
      break;
    default:
      break;
  }
  return std::nullopt;
}

RaceCall* RaceCall::AddPart(Request part) {
  RaceCall& added = parts.emplace_back();
  added.request = std::move(part);
  added.key = key;
  return &added;
}

std::string RaceCall::Text() const {
  static const char* const kEnds[] = {"answered", "shown",       "not known", "not found",
                                      "denied",   "not reached", "lost"};
  return fmt::format("[{}, {}] {} by '{}': {} at revision {}, saw {} ", began, ended,
                     std::visit([](const auto& one) { return one.ShortDebugString(); }, request),
                     key, kEnds[end], revision, fmt::join(seen, " "));
}

void Note(const v1::RetrieveResponse& told, RaceCall* call) {
  call->revision = told.revision();
  for (const auto& passage : told.passages()) call->seen.insert(passage.document());
}

void Note(const v1::GetDocumentResponse& told, RaceCall* call) {
  call->revision = told.revision();
  call->seen.insert(told.document());
}

void Note(const v1::CheckAccessResponse& told, RaceCall* call) {
  call->revision = told.revision();
  call->seen.insert(told.permitted().begin(), told.permitted().end());
}

void Note(const v1::ExportResponse& told, RaceCall* call) {
  call->revision = told.revision();
  for (const auto& document : told.documents()) call->seen.insert(document.id());
}

void Note(const v1::RetrieveStreamResponse& told, RaceCall* call) {
  call->end = told.has_summary() ? RaceCall::kAnswered : RaceCall::kShown;
  call->revision = told.summary().revision();
  for (const auto& passage : told.passages()) call->seen.insert(passage.document());
}

void Note(const v1::BatchRetrieveResponse& told, RaceCall* call) {
  const auto& asked = std::get<v1::BatchRetrieveRequest>(call->request);
  EXPECT_EQ(told.answers_size(), asked.queries_size()) << call->Text();
  for (int i = 0; i < std::min(told.answers_size(), asked.queries_size()); ++i) {
    const v1::BatchAnswer& answer = told.answers(i);
    RaceCall* const part = call->AddPart(asked.queries(i));
    part->end = answer.has_refused() ? RaceCall::kDenied : RaceCall::kAnswered;
    if (answer.has_refused()) {
      EXPECT_EQ(answer.refused().code(), "PERMISSION_DENIED") << part->Text();
    } else {
      Note(answer.response(), part);
    }
  }
}

void RaceTally::Add(const std::vector<RaceCall>& history) {
  for (const RaceCall& call : history) {
    ++calls;
    lost += call.end == RaceCall::kLost;
    denied += call.end == RaceCall::kDenied;
    refused += call.end > RaceCall::kShown && call.end < RaceCall::kLost;
    seen += call.seen.size();
    if (!call.scope().break_glass().empty()) glass += call.seen.size();
    if (call.exports()) exported += call.seen.size();
    if (call.streams() && !call.seen.contains(kRaceLong)) later += call.seen.size();
  }
}

std::string RaceTally::Text() const {
  return fmt::format(
      "calls={} lost={} refused={} seen={} denied={} under_glass={} later_messages={} exported={}",
      calls, lost, refused, seen, denied, glass, later, exported);
}

}  // namespace cordon
