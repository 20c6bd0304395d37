#include <algorithm>
#include <optional>

#include "engine/base/limits.h"
#include "engine/base/stop.h"
#include "engine/base/text_check.h"
#include "engine/inspect/collections.h"
#include "engine/inspect/document_walk.h"
#include "engine/inspect/inspect.h"
#include "engine/inspect/judged.h"
#include "engine/inspect/next_event.h"
#include "engine/inspect/through_key.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

// Who might see a class: nobody else passes its lists. Whether they do see it, Decide says.
class Candidates {
 public:
  explicit Candidates(const World& world) : world_(world) {}

  // Adds everybody below the shortest of the allow lists of the class: all of them must permit.
  void AddClass(const SecurityClass& security) {
    std::optional<std::set<PrincipalId>> fewest;
    for (const auto* allow : AllowLists(security)) {
      auto below = Below(*allow);
      if (below && (!fewest || below->size() < fewest->size())) fewest = std::move(below);
    }
    if (fewest) {
      ids_.insert(fewest->begin(), fewest->end());
    } else {
      all_ = true;
    }
  }

  // Every user and service that is known must be judged.
  bool all() const { return all_; }

  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const PrincipalId id : ids_) {
      std::string name = world_.state.principals->Name(id);
      if (name.starts_with("user:") || name.starts_with("service:")) names.insert(std::move(name));
    }
    return names;
  }

 private:
  std::vector<const EntryList*> AllowLists(const SecurityClass& security) const {
    std::vector<const EntryList*> lists;
    const auto add = [&](const Clause& clause) {
      if (!clause.only_denies) lists.push_back(&clause.allow);
    };
    std::set<std::string> added;  // containers, which several lists of the class may be below
    const auto add_container = [&](const std::string& name, const Container* container,
                                   const std::string* /*below*/) {
      if (container != nullptr && added.insert(name).second) add(container->clause);
      return true;
    };
    for (const ClauseId id : security.clauses) {
      const ClauseSlot& slot = world_.state.classes.clauses[id];
      if (slot.container.empty()) {
        add(slot.clause);
      } else {
        ForEachUpwards(*world_.state.rules, slot.container, add_container);
      }
    }
    return lists;
  }

  // Whom the list names, and their members to the last; nothing if that is every user.
  std::optional<std::set<PrincipalId>> Below(const EntryList& allow) const {
    std::vector<PrincipalId> next;
    std::set<PrincipalId> below;
    const auto add = [&](const EntryList& entries) {
      for (const auto& entry : entries) {
        const PrincipalId principal = world_.state.directory->Canonical(entry.principal);
        if (entry.Counts(world_.now) && below.insert(principal).second) next.push_back(principal);
      }
    };
    add(allow);
    while (!next.empty()) {
      const PrincipalId id = next.back();
      next.pop_back();
      if (id == PrincipalTable::kEveryoneId) return std::nullopt;
      const auto* record = world_.state.directory->Find(id);
      if (record != nullptr && record->members) add(*record->members);
    }
    return below;
  }

  const World world_;
  std::set<PrincipalId> ids_;
  bool all_ = false;
};

// Somebody by the name alone, or through the key that is asked about. An error may be as
// IsUndetermined() says.
StatusOr<bool> MaySeeOne(const Judged& judged, const std::optional<ThroughKey>& through,
                         const std::string& collection, const std::string& name,
                         const std::vector<Facts>& chunks) {
  if (through && !through->MayAsk(name, collection).permitted) return false;
  ASSIGN_OR_RETURN(JudgedSubjects subjects,
                   through ? through->Subjects(name) : judged.Subjects(name));
  return subjects.Any([&](const Subject& subject) {
    return std::any_of(chunks.begin(), chunks.end(),
                       [&](const Facts& chunk) { return Decide(judged.world(), subject, chunk); });
  });
}

// One page of an answer: names come in their order.
class Page {
 public:
  Page(std::string after, size_t limit) : after_(std::move(after)), limit_(limit) {}

  void Sees(const std::string& name) {
    response_.set_total(response_.total() + 1);
    if (HasRoomFor(name)) response_.add_principals(name);
  }
  void Undetermined(std::string_view name, std::string_view because) {
    response_.set_undetermined_total(response_.undetermined_total() + 1);
    if (HasRoomFor(name)) TellUndetermined(name, because, &response_);
  }
  v1::WhoCanSeeResponse& response() { return response_; }

 private:
  bool HasRoomFor(std::string_view name) {
    if (name <= after_) return false;
    const int told = response_.principals_size() + response_.undetermined_size();
    if (static_cast<size_t>(told) < limit_) return true;
    response_.set_more(true);
    return false;
  }

  const std::string after_;
  const size_t limit_;
  v1::WhoCanSeeResponse response_;
};

// The chunks' facts, each once.
StatusOr<std::vector<Facts>> FactsOf(const store::v1::DocumentRecord& record) {
  ASSIGN_OR_RETURN(const Validity validity, ValidityOf(record.document()));
  std::set<ClassId> classes;
  for (const auto& chunk : record.chunks()) classes.insert(chunk.class_id());
  std::vector<Facts> facts;
  for (const ClassId id : classes) facts.push_back({id, validity.from, validity.until});
  return facts;
}

StatusOr<v1::WhoCanSeeResponse> Who(const ReadContext& context, const v1::WhoCanSeeRequest& request,
                                    journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection,
                   FindCollection(context, *view.view, request.collection(), record));
  RETURN_IF_ERROR(CheckName("document", request.document(), limits::kIdBytes));
  if (request.limit() > limits::kWhoCanSeePage) {
    return Invalid("limit", "more than 1000; ask page by page with 'after'");
  }
  RETURN_IF_ERROR(CheckText("after", request.after(), limits::kPrincipalBytes));
  record->set_destination(request.destination());
  record->add_documents(context.tenant->pseudonyms.Of("document", request.document()));
  ASSIGN_OR_RETURN(const Micros at, TimeOf(request, view.as_of));
  ASSIGN_OR_RETURN(const Judged judged,
                   Judged::In(view->state(), at, request.destination(), context.caller.dev()));
  ASSIGN_OR_RETURN(const auto through, ThroughKeyOf(request, judged));
  store::v1::DocumentRecord document;
  ASSIGN_OR_RETURN(const bool found,
                   view->documents().Read(collection->id, request.document(), &document));
  if (!found) return DocumentNotFound();
  ASSIGN_OR_RETURN(const std::vector<Facts> chunks, FactsOf(document));
  NextEventAfter next(at);
  next.AddState(view->state());
  Candidates candidates(judged.world());
  const auto& classes = view->policy().classes.classes;
  for (const auto& chunk : chunks) {
    next.AddValidity({chunk.valid_from, chunk.valid_until});
    next.AddClass(view->policy(), chunk.class_id);
    // One that is not there is for nobody, Decide says.
    if (chunk.class_id < classes.size()) candidates.AddClass(classes[chunk.class_id]);
  }
  const auto may_see = [&](const std::string& name) {
    return MaySeeOne(judged, through, request.collection(), name, chunks);
  };
  Page page(request.after(), request.limit() == 0 ? limits::kWhoCanSeePage : request.limit());
  if (candidates.all()) {  // else no list leads to a user whom nothing names
    const auto everyone = may_see(UnnamedUser(view->state()));
    if (IsUndetermined(everyone.status())) {
      page.Undetermined(kEveryone, everyone.status().message());  // the first of all names
    } else {
      RETURN_IF_ERROR(everyone.status());
      page.response().set_everyone(*everyone);
    }
  }
  const auto names = candidates.all()
                         ? KnownPrincipals(view->state(), UsableClasses(context, *view.view))
                         : candidates.names();
  for (const auto& name : names) {
    RETURN_IF_ERROR(CheckGoesOn(context.stop));
    const auto sees = may_see(name);
    if (IsUndetermined(sees.status())) {
      page.Undetermined(name, sees.status().message());
      continue;
    }
    RETURN_IF_ERROR(sees.status());
    if (*sees) page.Sees(name);
  }
  next.Tell(&page.response());
  page.response().set_revision(view->revision());
  return std::move(page.response());
}

}  // namespace

void WhoCanSee(const ReadContext& context, const v1::WhoCanSeeRequest& request,
               Answer<v1::WhoCanSeeResponse> done) {
  Journaled(
      context, "WhoCanSee",
      [&](journal::v1::Record* record) { return Who(context, request, record); },
      Named<v1::WhoCanSeeResponse>, std::move(done));
}

}  // namespace cordon
