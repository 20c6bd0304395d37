#include "engine/inspect/inspect.h"

#include <set>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"
#include "engine/index/kernels.h"
#include "engine/inspect/collections.h"
#include "engine/inspect/judged.h"
#include "engine/inspect/through_key.h"
#include "engine/store/apply.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

void Tell(const std::vector<Verdict>& trace, bool permitted, v1::ExplainResponse* response) {
  response->set_permitted(permitted);
  response->clear_clauses();
  for (const auto& verdict : trace) {
    auto* clause = response->add_clauses();
    clause->set_name(verdict.name);
    clause->set_permitted(verdict.permitted);
    clause->set_because(verdict.because);
  }
}

// The verdicts for the chunk that is judged best: the first that is permitted, else the first.
StatusOr<v1::ExplainResponse> ExplainDocument(const ReadContext& context,
                                              const v1::ExplainRequest& request,
                                              journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection,
                   FindCollection(context, *view.view, request.collection(), record));
  RETURN_IF_ERROR(CheckName("document", request.document(), limits::kIdBytes));
  ASSIGN_OR_RETURN(const Micros at, TimeOf(request, view.as_of));
  ASSIGN_OR_RETURN(const Judged judged,
                   Judged::In(view->state(), at, request.destination(), context.caller.dev()));
  ASSIGN_OR_RETURN(const auto through, ThroughKeyOf(request, judged));
  ASSIGN_OR_RETURN(JudgedSubjects subjects,
                   through ? through->Subjects(request.as()) : judged.Subjects(request.as()));
  if (!request.break_glass().empty()) {
    RETURN_IF_ERROR(BreakGlassOf(judged.world(), request.break_glass(), subjects.subject()));
    if (through) RETURN_IF_ERROR(through->CheckBreakGlass(*subjects.subject()));
  }
  record->set_break_glass(request.break_glass());
  record->set_subject(context.tenant->pseudonyms.Of("principal", subjects.name()));
  record->set_destination(request.destination());
  record->add_documents(context.tenant->pseudonyms.Of("document", request.document()));
  store::v1::DocumentRecord document;
  ASSIGN_OR_RETURN(const bool found,
                   view->documents().Read(collection->id, request.document(), &document));
  if (!found) return DocumentNotFound();
  ASSIGN_OR_RETURN(const Validity validity, ValidityOf(document.document()));
  v1::ExplainResponse response;
  response.set_revision(view->revision());
  for (const auto& chunk : document.chunks()) {
    const Facts facts{chunk.class_id(), validity.from, validity.until};
    const bool seen = subjects.Any([&](const Subject& subject) {
      std::vector<Verdict> trace;
      bool permitted = true;
      if (through) {
        trace.push_back(through->MayAsk(subject.name, request.collection()));
        permitted = trace.back().permitted;
      }
      permitted &= Decide(judged.world(), subject, facts, &trace);
      if (permitted || response.clauses_size() == 0) Tell(trace, permitted, &response);
      return permitted;
    });
    if (seen) return response;
  }
  return response;
}

StatusOr<v1::StatsResponse> Count(const ReadContext& context, const v1::StatsRequest& request,
                                  journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(request.as().empty() ? Right::kAdmin : Right::kAudit));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection,
                   FindCollection(context, *view.view, request.collection(), record));
  v1::StatsResponse response;
  response.set_documents(collection->documents);
  response.set_chunks(collection->chunks);
  const auto in_use = view->ClassesInUse(collection.get());
  std::set<ClassId> classes;
  for (ClassId id = 0; id < in_use.size(); ++id) {
    if (in_use[id]) classes.insert(id);
  }
  response.set_undefined_principals(UndefinedPrincipals(view->policy(), classes).size());
  response.set_revision(view->revision());
  if (request.as().empty()) {
    response.set_canary_alerts(context.tenant->canary_alerts->count());
    return response;
  }
  ASSIGN_OR_RETURN(const Judged judged, Judged::In(view->state(), view->now(),
                                                   request.destination(), context.caller.dev()));
  ASSIGN_OR_RETURN(JudgedSubjects subjects, judged.Subjects(request.as()));
  record->set_subject(context.tenant->pseudonyms.Of("principal", subjects.name()));
  record->set_destination(request.destination());
  ASSIGN_OR_RETURN(auto classes_seen, ClassesOf(judged.world(), std::move(subjects), context.stop));
  const AllowedSet allowed = {
      Bitmap::FromWords(std::move(classes_seen), view->policy().classes.classes.size()),
      view->now()};
  response.set_visible_chunks(Planted(Bug::kCountsHidden)
                                  ? collection->chunks
                                  : view->index(*collection).CountAllowed(allowed));
  return response;
}

StatusOr<v1::ListKeysResponse> Keys(const ReadContext& context) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  v1::ListKeysResponse response;
  for (const auto& [id, key] : *view->state().keys) {
    auto* info = response.add_keys();
    info->set_id(id);
    *info->mutable_grant() = ToProto(*key.grant);
    *info->mutable_created() = ToProtoTime(key.created);
    if (key.previous_until > view.as_of) {
      *info->mutable_previous_until() = ToProtoTime(key.previous_until);
    }
  }
  response.set_revision(view->revision());
  return response;
}

StatusOr<v1::ListCollectionsResponse> Collections(const ReadContext& context) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  v1::ListCollectionsResponse response;
  for (const auto& [name, collection] : *view->state().collections) {
    if (context.caller.RequireCollection(name).ok()) {
      *response.add_collections() = collection->config;
    }
  }
  response.set_revision(view->revision());
  return response;
}

}  // namespace

void Explain(const ReadContext& context, const v1::ExplainRequest& request,
             Answer<v1::ExplainResponse> done) {
  Journaled(
      context, "Explain",
      [&](journal::v1::Record* record) { return ExplainDocument(context, request, record); },
      Named<v1::ExplainResponse>, std::move(done));
}

void Stats(const ReadContext& context, const v1::StatsRequest& request,
           Answer<v1::StatsResponse> done) {
  Journaled(
      context, "Stats",
      [&](journal::v1::Record* record) { return Count(context, request, record); },
      Named<v1::StatsResponse>, std::move(done));
}

void ListKeys(const ReadContext& context, Answer<v1::ListKeysResponse> done) {
  Journaled(
      context, "ListKeys", [&](journal::v1::Record*) { return Keys(context); },
      Unnamed<v1::ListKeysResponse>, std::move(done));
}

void ListCollections(const ReadContext& context, Answer<v1::ListCollectionsResponse> done) {
  Journaled(
      context, "ListCollections", [&](journal::v1::Record*) { return Collections(context); },
      Unnamed<v1::ListCollectionsResponse>, std::move(done));
}

void Capabilities(const ReadContext& context, Answer<v1::CapabilitiesResponse> done) {
  const auto tell = [&](journal::v1::Record*) -> StatusOr<v1::CapabilitiesResponse> {
    v1::CapabilitiesResponse response;
    response.set_version(CORDON_VERSION);
    response.set_instruction_set(std::string(InstructionSet()));
    response.add_ranks(v1::RANK_VECTOR);
    response.set_dev(context.caller.dev());
    return response;
  };
  Journaled(context, "Capabilities", tell, Unnamed<v1::CapabilitiesResponse>, std::move(done));
}

}  // namespace cordon
