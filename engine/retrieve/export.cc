#include "engine/retrieve/export.h"

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/stop.h"
#include "engine/base/text_check.h"
#include "engine/retrieve/pack.h"
#include "engine/store/codec.h"
#include "engine/view/leaving.h"

namespace cordon {
namespace {

Status CheckRequest(const v1::ExportRequest& request) {
  if (!request.scope().break_glass().empty()) {
    return Invalid("scope.break_glass", "an export is no emergency; leave it out");
  }
  if (static_cast<size_t>(request.documents_size()) > limits::kExportDocuments) {
    return Invalid("documents", fmt::format("more than {}; export in several calls, or by prefix",
                                            limits::kExportDocuments));
  }
  if (!request.prefix().empty() && request.documents_size() > 0) {
    return Invalid("prefix", "given beside documents; give one of them");
  }
  for (int i = 0; i < request.documents_size(); ++i) {
    RETURN_IF_ERROR(
        CheckName(fmt::format("documents[{}]", i), request.documents(i), limits::kIdBytes));
  }
  return CheckText("prefix", request.prefix(), limits::kIdBytes);
}

Status CheckDestination(const World& world, const Subject& subject) {
  const Destination& destination = *subject.destination;
  if (destination.outside_scope_rules) {
    return Denied("destination",
                  "the development destination keeps no model label; register one of scope 4 or 5");
  }
  if (destination.scope < kFirstTrainedScope) {
    return Denied("destination",
                  "not of scope 4 or 5; only models that are trained are exported to");
  }
  // Said aloud: else an export would end early, as if there were no more, once somebody else has
  // raised the model's label above this subject.
  if (!SubjectMayHave(world, subject, {world.state.rules->scheme.levels.front(), {}, {}})) {
    return Denied("destination",
                  "may receive nothing for this user: see its rules and its model's label");
  }
  return OkStatus();
}

// Fills one message.
class PartReader {
 public:
  PartReader(const ReadContext& context, const Access& access, const v1::ExportRequest& request,
             std::optional<size_t> least_trust)
      : context_(context),
        access_(access),
        request_(request),
        least_trust_(least_trust),
        guard_(*access.view.view, *access.collection, access.subject, {}),
        rules_(*access.view->policy().rules),
        parts_{request.vectors(), context.caller.grant().rights.Has(Right::kAudit)} {}

  StatusOr<ExportPart> Read(const ExportPlace& place) {
    part_.next = place;
    RETURN_IF_ERROR(request_.documents_size() > 0 ? ReadNamed() : ReadAll());
    return std::move(part_);
  }

 private:
  StatusOr<Guard::Exported> Clear(const std::string& id) {
    ASSIGN_OR_RETURN(auto cleared, guard_.ClearForExport(id, parts_));
    if (!cleared || !least_trust_) return cleared;
    const std::string& tier = (*cleared)->document.provenance().trust();
    return rules_.Trusts(tier, *least_trust_) ? std::move(cleared) : Guard::Exported();
  }

  Status ReadNamed() {
    int& next = part_.next.next_document;
    for (; next < request_.documents_size() && !Full(); ++next) {
      RETURN_IF_ERROR(CheckGoesOn(context_.stop));
      ASSIGN_OR_RETURN(auto cleared, Clear(request_.documents(next)));
      if (!cleared) return DocumentNotFound().Within(fmt::format("documents[{}]", next));
      Take(*std::move(cleared));
    }
    part_.next.ended = next == request_.documents_size();
    return OkStatus();
  }

  Status ReadAll() {
    ExportPlace& next = part_.next;
    while (!Full()) {
      if (next.next_ahead == next.ahead.size() && !LookAhead()) break;
      RETURN_IF_ERROR(CheckGoesOn(context_.stop));
      next.after = std::move(next.ahead[next.next_ahead++]);
      ASSIGN_OR_RETURN(auto cleared, Clear(next.after));
      if (cleared) Take(*std::move(cleared));
    }
    return OkStatus();
  }

  // The stored records are not in the order of ids: the index knows which come next. False, and
  // the export has ended, if none do. What it names wrongly the guard does not find.
  bool LookAhead() {
    constexpr size_t kAhead = 1 << 14;  // to find them costs a look at every id
    ExportPlace& next = part_.next;
    const auto ids = access_.view->indexes_of(*access_.collection)
                         .documents.Next(request_.prefix(), next.after, kAhead);
    next.ahead.assign(ids.begin(), ids.end());
    next.next_ahead = 0;
    next.ended = ids.empty();
    return !next.ended;
  }

  void Take(Cleared<ExportedDocument> cleared) {
    bytes_ += cleared->document.ByteSizeLong();
    part_.labels.insert(cleared->labels.begin(), cleared->labels.end());
    part_.documents.push_back(std::move(cleared));
  }

  bool Full() const {
    return bytes_ >= limits::kExportPartBytes || part_.documents.size() >= limits::kExportDocuments;
  }

  const ReadContext& context_;
  const Access& access_;
  const v1::ExportRequest& request_;
  const std::optional<size_t> least_trust_;
  Guard guard_;
  const PolicyRules& rules_;
  const ExportedParts parts_;
  ExportPart part_;
  size_t bytes_ = 0;
};

}  // namespace

StatusOr<ExportPart> ReadExportPart(const ReadContext& context, const v1::ExportRequest& request,
                                    const ExportPlace& place, journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kExport));
  RETURN_IF_ERROR(CheckRequest(request));
  ASSIGN_OR_RETURN(const Access access,
                   Enter(context, &request.collection(), request.scope(), record, Right::kExport));
  RETURN_IF_ERROR(CheckDestination(access.view->world(), access.subject));
  const PolicyRules& rules = *access.view->policy().rules;
  std::optional<size_t> least_trust;
  if (!request.min_trust().empty()) {
    ASSIGN_OR_RETURN(least_trust, rules.LeastTrust("min_trust", request.min_trust()));
  }
  ASSIGN_OR_RETURN(ExportPart part, PartReader(context, access, request, least_trust).Read(place));
  const Scheme& scheme = rules.scheme;
  const auto joined = JoinOf(scheme, part.labels);
  if (joined) *record->mutable_context_label() = ToProto(*joined);
  for (const auto& document : part.documents) {  // the writer names them
    for (const uint64_t tokens : document->tokens) {
      CountLeaving({tokens, document->canary}, record);
    }
  }
  return part;
}

}  // namespace cordon
