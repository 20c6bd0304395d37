// Each principal is judged in the state before and in the state after the change. Documents whose
// classes nobody's judgement changed are passed over at the cost of one look-up.
#include <fmt/format.h>

#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "engine/base/limits.h"
#include "engine/base/stop.h"
#include "engine/inspect/collections.h"
#include "engine/inspect/document_walk.h"
#include "engine/inspect/inspect.h"
#include "engine/inspect/judged.h"
#include "engine/inspect/next_event.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

using Classes = std::vector<ClassId>;

// What one principal may see before and after.
struct Judgement {
  std::string name;
  std::vector<uint64_t> before;
  std::vector<uint64_t> after;
};

bool SeesOne(const std::vector<uint64_t>& permitted, const Classes& classes) {
  for (const ClassId id : classes) {
    if (HasClass(permitted, id)) return true;
  }
  return false;
}

// None if the document is not valid: there is nothing to see then.
Classes Distinct(std::set<ClassId> ids, const Validity& validity, Micros at) {
  if (at < validity.from || validity.until <= at) return {};
  return {ids.begin(), ids.end()};
}

StatusOr<Classes> ClassesBefore(const store::v1::DocumentRecord& record, Micros at) {
  ASSIGN_OR_RETURN(const Validity validity, ValidityOf(record.document()));
  std::set<ClassId> ids;
  for (const auto& chunk : record.chunks()) ids.insert(chunk.class_id());
  return Distinct(std::move(ids), validity, at);
}

Classes ClassesAfter(const RowChange& change, Micros at) {
  std::set<ClassId> ids;
  for (const auto& row : change.rows) ids.insert(row.class_id);
  return Distinct(std::move(ids), {change.valid_from, change.valid_until}, at);
}

// What becomes of the documents that the change itself is about.
class Touched {
 public:
  Touched(const Trial& trial, Micros at)
      : collection_(trial.collection),
        dropped_(!collection_.empty() && !trial.after.FindCollection(collection_)),
        at_(at) {
    for (const RowChange& change : trial.rows) changes_[change.document] = &change;
  }

  bool none() const { return !dropped_ && changes_.empty(); }

  // Calls visit(id, classes) for each new document of the collection.
  template <typename Visit>
  Status ForEachNew(const std::string& collection, Visit visit) const {
    if (collection != collection_) return OkStatus();
    for (const auto& [id, change] : changes_) {
      if (change->kind != RowChange::kReplace || change->may_exist) continue;
      RETURN_IF_ERROR(visit(std::string(id), ClassesAfter(*change, at_)));
    }
    return OkStatus();
  }

  // Nothing if it is not one of them.
  std::optional<Classes> After(const std::string& collection, const std::string& document) const {
    if (collection != collection_) return std::nullopt;
    if (dropped_) return Classes();
    const auto found = changes_.find(document);
    if (found == changes_.end()) return std::nullopt;
    return ClassesAfter(*found->second, at_);
  }

 private:
  const std::string& collection_;
  const bool dropped_;
  const Micros at_;
  std::unordered_map<std::string_view, const RowChange*> changes_;
};

// When the change may begin to do something else. Of documents those count that it is about; if it
// is about none, then all that it may show to somebody or hide.
class LaterChanges {
 public:
  LaterChanges(const Trial& trial, Micros at) : trial_(trial), next_(at) {
    next_.AddState(trial.before->state());
    next_.AddState(trial.after);
    for (const RowChange& change : trial.rows) {
      if (change.rows.empty()) continue;  // it goes
      next_.AddValidity({change.valid_from, change.valid_until});
      for (const auto& row : change.rows) next_.AddClass(trial.after.policy, row.class_id);
    }
  }

  Status AddBefore(const store::v1::DocumentRecord& record) {
    ASSIGN_OR_RETURN(const Validity validity, ValidityOf(record.document()));
    next_.AddValidity(validity);
    for (const auto& chunk : record.chunks()) {
      next_.AddClass(trial_.before->policy(), chunk.class_id());
    }
    return OkStatus();
  }

  const NextEventAfter& next() const { return next_; }

 private:
  const Trial& trial_;
  NextEventAfter next_;
};

// Gathers who gains and loses what.
class Comparison {
 public:
  Comparison(std::vector<Judgement> judgements, size_t named_max)
      : judgements_(std::move(judgements)), named_max_(named_max), changes_(judgements_.size()) {}

  void Begin(const std::string& collection) { collection_ = collection; }

  // The document has the same classes before and after.
  Status AddSame(const std::string& id, const Classes& classes) {
    auto found = known_.find(classes);
    if (found == known_.end()) found = known_.emplace(classes, Compare(classes, classes)).first;
    return Note(id, found->second);
  }

  // The change is about the document itself.
  Status AddChanged(const std::string& id, const Classes& before, const Classes& after) {
    return Note(id, Compare(before, after));
  }

  // All of them if `every`, else those who gain or lose.
  void Tell(bool every, v1::SimulateResponse* response) {
    for (size_t i = 0; i < judgements_.size(); ++i) {
      v1::PrincipalChange& change = changes_[i];
      if (!every && change.collections_size() == 0) continue;
      change.set_principal(judgements_[i].name);
      *response->add_principals() = std::move(change);
    }
  }

 private:
  // The places of those who gain, and of those who lose.
  struct Difference {
    std::vector<uint32_t> gain;
    std::vector<uint32_t> lose;
  };

  Difference Compare(const Classes& before, const Classes& after) const {
    Difference difference;
    for (uint32_t i = 0; i < judgements_.size(); ++i) {
      const bool saw = SeesOne(judgements_[i].before, before);
      const bool sees = SeesOne(judgements_[i].after, after);
      if (!saw && sees) difference.gain.push_back(i);
      if (saw && !sees) difference.lose.push_back(i);
    }
    return difference;
  }

  v1::CollectionChange* ChangeOf(uint32_t principal) {
    auto* collections = changes_[principal].mutable_collections();
    if (collections->empty() || collections->rbegin()->collection() != collection_) {
      collections->Add()->set_collection(collection_);
    }
    return &*collections->rbegin();
  }

  Status Note(const std::string& id, const Difference& difference) {
    for (const uint32_t i : difference.gain) {
      auto* change = ChangeOf(i);
      changes_[i].set_gained(changes_[i].gained() + 1);
      change->set_gained(change->gained() + 1);
      RETURN_IF_ERROR(Name(id, change->mutable_gained_documents()));
    }
    for (const uint32_t i : difference.lose) {
      auto* change = ChangeOf(i);
      changes_[i].set_lost(changes_[i].lost() + 1);
      change->set_lost(change->lost() + 1);
      RETURN_IF_ERROR(Name(id, change->mutable_lost_documents()));
    }
    return OkStatus();
  }

  // Keeps the first by id, whatever the order in which they come.
  Status Name(const std::string& id, google::protobuf::RepeatedPtrField<std::string>* names) {
    if (static_cast<size_t>(names->size()) == named_max_) {
      if (id >= *names->rbegin()) return OkStatus();
      named_bytes_ -= names->rbegin()->size();
      names->RemoveLast();
    }
    named_bytes_ += id.size();
    if (named_bytes_ > limits::kSimulateAnswerBytes) {
      return Invalid("limit",
                     "the documents to name are too many for one answer; ask for fewer, "
                     "or about fewer principals by 'as'");
    }
    names->Add(std::string(id));
    for (int i = names->size() - 1; i > 0 && names->Get(i) < names->Get(i - 1); --i) {
      names->SwapElements(i, i - 1);
    }
    return OkStatus();
  }

  const std::vector<Judgement> judgements_;
  const size_t named_max_;
  std::vector<v1::PrincipalChange> changes_;  // beside judgements_
  std::map<Classes, Difference> known_;
  std::string collection_;
  size_t named_bytes_ = 0;
};

// The two states, as far as names are judged in them.
class TwoStates {
 public:
  static StatusOr<TwoStates> Of(const Trial& trial, Micros at, const std::string& destination,
                                bool dev) {
    auto before = Judged::In(trial.before->state(), at, destination, dev);
    auto after = Judged::In(trial.after, at, destination, dev);
    // A destination that only one of them has receives nothing in the other.
    if (!before.ok() && !after.ok()) return before.status();
    TwoStates two;
    two.break_glass_ = trial.break_glass;
    if (before.ok()) two.before_ = *std::move(before);
    if (after.ok()) two.after_ = *std::move(after);
    return two;
  }

  // Errors as IsUndetermined() say in which of the states.
  StatusOr<Judgement> Judge(const std::string& name, const std::function<bool()>& stop) const {
    Judgement judgement{name, {}, {}};
    ASSIGN_OR_RETURN(judgement.before, ClassesIn(before_, "before the change", name, stop));
    ASSIGN_OR_RETURN(judgement.after, ClassesIn(after_, "after the change", name, stop));
    return judgement;
  }

 private:
  StatusOr<std::vector<uint64_t>> ClassesIn(const std::optional<Judged>& judged,
                                            std::string_view when, const std::string& name,
                                            const std::function<bool()>& stop) const {
    if (!judged) return std::vector<uint64_t>();
    auto subjects = judged->Subjects(name);
    if (!subjects.ok()) {
      const Status& status = subjects.status();
      return Status(status.code(), std::string(status.field()),
                    fmt::format("{}: {}", when, status.message()));
    }
    // In the state in which the access is open, its user is judged as one who reads under it; not
    // if it is another's.
    if (!break_glass_.empty()) {
      (void)BreakGlassOf(judged->world(), break_glass_, subjects->subject());
    }
    return ClassesOf(judged->world(), *std::move(subjects), stop);
  }

  std::string break_glass_;  // empty: the change is about none
  std::optional<Judged> before_;
  std::optional<Judged> after_;
};

// The classes in use after the change, and those before that may no longer be.
std::vector<bool> UsableClassesAfter(const ReadContext& context, const Trial& trial,
                                     std::vector<bool> in_use) {
  in_use.resize(trial.after.policy.classes.classes.size());
  if (!context.caller.RequireCollection(trial.collection).ok()) return in_use;
  for (const RowChange& change : trial.rows) {
    for (const auto& row : change.rows) in_use[row.class_id] = true;
  }
  return in_use;
}

// Whom the question is about.
StatusOr<std::set<std::string>> NamesOf(const ReadContext& context, const Trial& trial,
                                        const v1::SimulateRequest& request) {
  if (static_cast<size_t>(request.as_size()) > limits::kSimulateNamed) {
    return Invalid("as", fmt::format("more than {}; ask in parts", limits::kSimulateNamed));
  }
  std::set<std::string> names(request.as().begin(), request.as().end());
  if (!names.empty()) return names;
  const std::vector<bool> in_use = UsableClasses(context, *trial.before.view);
  names = KnownPrincipals(trial.before->state(), in_use);
  names.merge(KnownPrincipals(trial.after, UsableClassesAfter(context, trial, in_use)));
  if (names.size() <= limits::kSimulatePrincipals) return names;
  return Invalid("as", fmt::format("missing, and {} users and services are known, more than {}; "
                                   "name those asked about",
                                   names.size(), limits::kSimulatePrincipals));
}

// How many could be judged, and who could not, it tells in `response`.
StatusOr<std::vector<Judgement>> JudgeAll(const ReadContext& context, const Trial& trial, Micros at,
                                          const v1::SimulateRequest& request, bool untouched,
                                          v1::SimulateResponse* response) {
  ASSIGN_OR_RETURN(const std::set<std::string> names, NamesOf(context, trial, request));
  ASSIGN_OR_RETURN(const TwoStates states,
                   TwoStates::Of(trial, at, request.destination(), context.caller.dev()));
  std::vector<Judgement> judgements;
  // Judges `name`, which is told as `told`; whether that could be.
  const auto judge = [&](const std::string& name, std::string_view told) -> StatusOr<bool> {
    RETURN_IF_ERROR(CheckGoesOn(context.stop));
    auto judgement = states.Judge(name, context.stop);
    if (IsUndetermined(judgement.status())) {
      TellUndetermined(told, judgement.status().message(), response);
      return false;
    }
    RETURN_IF_ERROR(judgement.status());
    // Who sees the same classes sees the same documents, unless some of these are changed.
    const bool all = !request.as().empty() || told == kEveryone;
    if (untouched && !all && judgement->before == judgement->after) return true;
    judgements.push_back(*std::move(judgement));
    judgements.back().name = told;
    return true;
  };
  if (request.as().empty()) {
    RETURN_IF_ERROR(judge(UnnamedUser(trial.after), kEveryone).status());
  }
  for (const auto& name : names) {
    ASSIGN_OR_RETURN(const bool judged, judge(name, name));
    if (judged) response->set_judged(response->judged() + 1);
  }
  return judgements;
}

StatusOr<v1::SimulateResponse> Compare(const ReadContext& context,
                                       const v1::SimulateRequest& request, const Trial& trial) {
  ASSIGN_OR_RETURN(const Micros at, TimeOf(request, trial.now()));
  const size_t limit = request.limit() == 0 ? limits::kSimulateDocumentsDefault : request.limit();
  v1::SimulateResponse response;
  const Touched touched(trial, at);
  ASSIGN_OR_RETURN(std::vector<Judgement> judgements,
                   JudgeAll(context, trial, at, request, touched.none(), &response));
  Comparison comparison(std::move(judgements), limit);
  const View& view = *trial.before.view;
  LaterChanges later(trial, at);
  for (const auto& collection : UsableCollections(context, view)) {
    const std::string& name = collection->config.name();
    comparison.Begin(name);
    const auto add = [&](const store::v1::DocumentRecord& record) -> Status {
      const std::string& id = record.document().id();
      ASSIGN_OR_RETURN(const Classes classes, ClassesBefore(record, at));
      const std::optional<Classes> after = touched.After(name, id);
      if (after || touched.none()) RETURN_IF_ERROR(later.AddBefore(record));
      return after ? comparison.AddChanged(id, classes, *after) : comparison.AddSame(id, classes);
    };
    RETURN_IF_ERROR(WalkDocuments(view, *collection, context.stop, add));
    const auto add_new = [&](const std::string& id, const Classes& classes) -> Status {
      RETURN_IF_ERROR(CheckGoesOn(context.stop));  // a batch is large, and known are many
      return comparison.AddChanged(id, {}, classes);
    };
    RETURN_IF_ERROR(touched.ForEachNew(name, add_new));
  }
  response.mutable_refused()->Assign(trial.refused.begin(), trial.refused.end());
  comparison.Tell(!request.as().empty(), &response);
  later.next().Tell(&response);
  response.set_revision(view.revision());
  return response;
}

StatusOr<v1::SimulateResponse> TryAndCompare(const ReadContext& context,
                                             const v1::SimulateRequest& request,
                                             const TryChangeOf& try_change,
                                             journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  record->set_query_digest(context.tenant->pseudonyms.Digest(request.SerializeAsString()));
  record->set_destination(request.destination());
  if (request.limit() > limits::kSimulateDocuments) {
    return Invalid("limit", "more than 1000; the counts are whole without it");
  }
  ASSIGN_OR_RETURN(const Trial trial, try_change(request));
  record->set_revision(trial.before->revision());
  record->set_collection(trial.collection);
  return Compare(context, request, trial);
}

}  // namespace

void Simulate(const ReadContext& context, const v1::SimulateRequest& request,
              const TryChangeOf& try_change, Answer<v1::SimulateResponse> done) {
  const auto simulate = [&](journal::v1::Record* record) {
    return TryAndCompare(context, request, try_change, record);
  };
  Journaled(context, "Simulate", simulate, Named<v1::SimulateResponse>, std::move(done));
}

}  // namespace cordon
