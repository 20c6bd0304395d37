#include "engine/retrieve/access.h"

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"

namespace cordon {

StatusOr<AllowedSet> AllowedFor(const Access& access, const Authenticated& caller,
                                const v1::Scope& scope) {
  const View& view = *access.view.view;
  ASSIGN_OR_RETURN(
      const auto known,
      scope.break_glass().empty()
          ? view.CallerOf(caller, scope.as(), scope.destination())
          : view.BreakGlassOf(caller, scope.as(), scope.destination(), scope.break_glass()));
  const auto entitlements = known->EntitlementsIn(view.world());
  return AllowedSet{Bitmap::FromWords(entitlements->words(), view.policy().classes.classes.size()),
                    view.now()};
}

Status CheckReached(const View& view, uint64_t revision) {
  if (view.revision() >= revision) return OkStatus();
  return Status(
      StatusCode::kFailedPrecondition, "at_least_revision",
      fmt::format("revision {} is not reached; the newest is {}", revision, view.revision()));
}

StatusOr<Access> Enter(const ReadContext& context, const std::string* collection,
                       const v1::Scope& scope, journal::v1::Record* record, Right right) {
  const Authenticated& caller = context.caller;
  RETURN_IF_ERROR(caller.Require(right));
  if (!scope.break_glass().empty()) RETURN_IF_ERROR(caller.Require(Right::kBreakGlass));
  RETURN_IF_ERROR(CheckText("purpose", scope.purpose(), limits::kPurposeBytes));
  record->set_purpose(scope.purpose());
  Access access;
  RETURN_IF_ERROR(context.clock->Trusted());  // also of calls that were let in before
  access.view = context.tenant->publisher.Pin(context.clock);
  record->set_revision(access.view->revision());
  RETURN_IF_ERROR(CheckReached(*access.view.view, scope.at_least_revision()));
  if (collection != nullptr) {
    RETURN_IF_ERROR(caller.RequireCollection(*collection));
    access.collection = access.view->state().FindCollection(*collection);
    if (!access.collection) return CollectionNotFound();
    record->set_collection(*collection);
  }
  ASSIGN_OR_RETURN(access.subject,
                   ResolveSubject(access.view->world(), caller, scope.as(), scope.destination()));
  if (!scope.break_glass().empty()) {
    RETURN_IF_ERROR(BreakGlass(access.view->world(), caller, scope.break_glass(), &access.subject));
    record->set_break_glass(access.subject.break_glass->id);
  }
  record->set_subject(context.tenant->pseudonyms.Of("principal", access.subject.name));
  record->set_verified_user(caller.user() != nullptr);
  record->set_destination(access.subject.destination->name);
  return access;
}

}  // namespace cordon
