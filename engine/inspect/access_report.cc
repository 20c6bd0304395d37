#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/base/limits.h"
#include "engine/base/stop.h"
#include "engine/inspect/collections.h"
#include "engine/inspect/document_walk.h"
#include "engine/inspect/inspect.h"
#include "engine/inspect/judged.h"
#include "engine/inspect/through_key.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

// What may be retrieved: the classes, by whomever, in which collections.
struct Reach {
  std::vector<uint64_t> classes;
  std::shared_ptr<const Grant> grant;  // of the key, which bounds the collections; null: of nobody
  uint64_t judged = 0;
  uint64_t by_token = 0;  // of them, those for whom the key asks only with their own token
  std::vector<std::pair<std::string, std::string>> undetermined = {};  // names, and why
};

// For whom a key may ask: those of its patterns' users and services who are known; and every user,
// known or a stranger, whose own token it is brought.
struct CoveredNames {
  std::set<std::string> known;
  std::set<std::string> by_token;  // of them, those whom no pattern covers
  bool stranger = false;
};

bool IsUserOrService(std::string_view name) {
  const auto kind = ParsePrincipal("as_patterns", name);
  return kind.ok() && (*kind == PrincipalKind::kUser || *kind == PrincipalKind::kService);
}

// What CheckActing (engine/policy/decide.cc) lets through.
StatusOr<CoveredNames> CoveredBy(const ReadContext& context, const View& view, const Grant& grant) {
  const TenantState& state = view.state();
  CoveredNames covered;
  covered.known.insert(CanonicalName(state.policy, grant.principal));
  if (!grant.rights.Has(Right::kActAs)) return covered;
  covered.stranger = true;
  for (const auto& pattern : grant.as_patterns) {
    // It is never the alias that is acted for.
    if (pattern.ends_with('*') || CanonicalName(state.policy, pattern) != pattern) continue;
    if (IsUserOrService(pattern)) covered.known.insert(pattern);
  }
  for (const auto& name : KnownPrincipals(state, UsableClasses(context, view))) {
    const bool by_pattern = grant.MayActAs(name);
    if (!by_pattern && !name.starts_with("user:")) continue;  // a token stands for a user
    const bool is_new = covered.known.insert(name).second;
    if (is_new && !by_pattern) covered.by_token.insert(name);
  }
  if (covered.known.size() <= limits::kReportPrincipals) return covered;
  return Status(
      StatusCode::kFailedPrecondition, "key_id",
      fmt::format("may act for {} known users and services, {} of them by their own tokens "
                  "alone, more than {}; ask about them one by one",
                  covered.known.size(), covered.by_token.size(), limits::kReportPrincipals));
}

// Adds what the key retrieves for `name`, by one destination or another. False if that is
// undetermined, which is noted under the name `told`.
StatusOr<bool> AddThrough(const ReadContext& context, const World& world, const ThroughKey& through,
                          const std::string& name, std::string_view told, Reach* reach) {
  RETURN_IF_ERROR(CheckGoesOn(context.stop));
  auto subjects = through.Subjects(name);
  if (IsUndetermined(subjects.status())) {
    reach->undetermined.emplace_back(told, subjects.status().message());
    return false;
  }
  RETURN_IF_ERROR(subjects.status());
  ASSIGN_OR_RETURN(const auto classes, ClassesOf(world, *std::move(subjects), context.stop));
  reach->classes.resize(classes.size());
  for (size_t i = 0; i < classes.size(); ++i) reach->classes[i] |= classes[i];
  return true;
}

StatusOr<Reach> OfKey(const ReadContext& context, const v1::AccessReportRequest& request,
                      const View& view, const Judged& judged, journal::v1::Record* record) {
  ASSIGN_OR_RETURN(const ThroughKey through, ThroughKey::Of(judged, request.key_id()));
  Reach reach;
  reach.grant = through.shared_grant();
  record->set_subject(context.tenant->pseudonyms.Of("principal", reach.grant->principal));
  if (!through.MayRetrieve()) return reach;
  ASSIGN_OR_RETURN(const CoveredNames covered, CoveredBy(context, view, *reach.grant));
  const World world = judged.world();
  if (covered.stranger) {  // "everyone" stands before all users and services
    const std::string stranger = UnnamedUser(view.state());
    RETURN_IF_ERROR(AddThrough(context, world, through, stranger, kEveryone, &reach).status());
  }
  for (const auto& name : covered.known) {
    ASSIGN_OR_RETURN(const bool added, AddThrough(context, world, through, name, name, &reach));
    reach.judged += added;
    reach.by_token += added && covered.by_token.contains(name);
  }
  return reach;
}

StatusOr<Reach> ReachOf(const ReadContext& context, const v1::AccessReportRequest& request,
                        const PinnedView& view, Micros at, journal::v1::Record* record) {
  ASSIGN_OR_RETURN(const Judged judged,
                   Judged::In(view->state(), at, request.destination(), context.caller.dev()));
  switch (request.whose_case()) {
    case v1::AccessReportRequest::kKeyId:
      return OfKey(context, request, *view.view, judged, record);
    case v1::AccessReportRequest::kAs: {
      ASSIGN_OR_RETURN(JudgedSubjects subjects, judged.Subjects(request.as()));
      record->set_subject(context.tenant->pseudonyms.Of("principal", subjects.name()));
      ASSIGN_OR_RETURN(auto classes, ClassesOf(judged.world(), std::move(subjects), context.stop));
      return Reach{std::move(classes), nullptr, 1};
    }
    case v1::AccessReportRequest::WHOSE_NOT_SET:
      break;
  }
  return Invalid("as", "missing; name a user or service, or the id of a key");
}

// Counts what of one collection can be reached.
class Counter {
 public:
  Counter(const PolicyState& policy, const Reach& reach, Micros now)
      : policy_(policy), reach_(reach), now_(now), by_label_(policy.classes.labels.size()) {}

  Status Add(const store::v1::DocumentRecord& record) {
    ASSIGN_OR_RETURN(const Validity validity, ValidityOf(record.document()));
    if (now_ < validity.from || validity.until <= now_) return OkStatus();
    std::set<LabelId> labels;
    uint64_t chunks = 0;
    for (const auto& chunk : record.chunks()) {
      if (!HasClass(reach_.classes, chunk.class_id())) continue;
      const LabelId label = SameLabel(policy_.classes.classes[chunk.class_id()].label);
      labels.insert(label);
      Count(0, 1, &by_label_[label]);
      ++chunks;
    }
    if (chunks == 0) return OkStatus();
    for (const LabelId label : labels) Count(1, 0, &by_label_[label]);
    Count(1, chunks, &all_);
    Count(1, chunks, &by_source_[record.document().provenance().source()]);
    if (by_source_.size() <= limits::kReportGroups && same_.size() <= limits::kReportGroups) {
      return OkStatus();
    }
    return Status(StatusCode::kFailedPrecondition, "collection",
                  fmt::format("has documents of more than {} sources or labels; it cannot be "
                              "told by source and label",
                              limits::kReportGroups));
  }

  void Tell(v1::CollectionAccess* access) const {
    *access->mutable_count() = all_;
    const Scheme& scheme = policy_.rules->scheme;
    std::vector<std::pair<size_t, Label>> labels;  // by rank; beyond the scheme last
    for (const auto& [label, id] : same_) {
      labels.emplace_back(scheme.Rank(label.level).value_or(scheme.levels.size()), label);
    }
    std::sort(labels.begin(), labels.end());
    for (const auto& [rank, label] : labels) {
      auto* row = access->add_labels();
      *row->mutable_label() = ToProto(label);
      *row->mutable_count() = by_label_[same_.at(label)];
    }
    for (const auto& [source, count] : by_source_) {
      auto* row = access->add_sources();
      row->set_source(source);
      *row->mutable_count() = count;
    }
  }

 private:
  static void Count(uint64_t documents, uint64_t chunks, v1::AccessCount* count) {
    count->set_documents(count->documents() + documents);
    count->set_chunks(count->chunks() + chunks);
  }

  // One number for all labels that read the same: those that differ by how their regions met do.
  LabelId SameLabel(LabelId id) {
    Label label = policy_.classes.labels[id];
    label.regions.reset();
    return same_.try_emplace(std::move(label), id).first->second;
  }

  const PolicyState& policy_;
  const Reach& reach_;
  const Micros now_;
  v1::AccessCount all_;
  std::vector<v1::AccessCount> by_label_;
  std::map<std::string, v1::AccessCount> by_source_;
  std::map<Label, LabelId> same_;  // of the labels that were met
};

StatusOr<v1::AccessReportResponse> Report(const ReadContext& context,
                                          const v1::AccessReportRequest& request,
                                          journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  record->set_revision(view->revision());
  auto collections = UsableCollections(context, *view.view);
  if (!request.collection().empty()) {
    ASSIGN_OR_RETURN(const auto only,
                     FindCollection(context, *view.view, request.collection(), record));
    collections = {only};
  }
  record->set_destination(request.destination());
  ASSIGN_OR_RETURN(const Micros at, TimeOf(request, view.as_of));
  ASSIGN_OR_RETURN(const Reach reach, ReachOf(context, request, view, at, record));
  v1::AccessReportResponse response;
  response.set_judged(reach.judged);
  response.set_judged_by_token(reach.by_token);
  for (const auto& [name, because] : reach.undetermined) TellUndetermined(name, because, &response);
  response.set_revision(view->revision());
  for (const auto& collection : collections) {
    auto* access = response.add_collections();
    access->set_collection(collection->config.name());
    access->mutable_count();
    if (reach.grant && !reach.grant->MayUseCollection(collection->config.name())) continue;
    Counter counter(view->policy(), reach, at);
    RETURN_IF_ERROR(WalkDocuments(*view.view, *collection, context.stop,
                                  [&](const auto& document) { return counter.Add(document); }));
    counter.Tell(access);
  }
  return response;
}

}  // namespace

void AccessReport(const ReadContext& context, const v1::AccessReportRequest& request,
                  Answer<v1::AccessReportResponse> done) {
  Journaled(
      context, "AccessReport",
      [&](journal::v1::Record* record) { return Report(context, request, record); },
      Named<v1::AccessReportResponse>, std::move(done));
}

}  // namespace cordon
