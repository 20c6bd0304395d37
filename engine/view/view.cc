#include "engine/view/view.h"

#include <algorithm>

namespace cordon {
namespace {

Metric ToMetric(v1::Metric metric) {
  switch (metric) {
    case v1::METRIC_INNER_PRODUCT:
      return Metric::kInnerProduct;
    case v1::METRIC_L2:
      return Metric::kL2;
    default:
      return Metric::kCosine;
  }
}

DocumentChange::Kind ToKind(RowChange::Kind kind) {
  switch (kind) {
    case RowChange::kReclass:
      return DocumentChange::Kind::kReclass;
    case RowChange::kRemove:
      return DocumentChange::Kind::kRemove;
    case RowChange::kErase:
      return DocumentChange::Kind::kErase;
    case RowChange::kReplace:
      break;
  }
  return DocumentChange::Kind::kReplace;
}

}  // namespace

std::shared_ptr<const View> View::Build(TenantState state, Indexes indexes,
                                        std::shared_ptr<const Snapshot> snapshot,
                                        const Database* database, const Vault* vault, Micros now,
                                        const View* previous) {
  std::shared_ptr<View> view(new View());
  view->state_ = std::move(state);
  view->indexes_ = std::move(indexes);
  view->snapshot_ = std::move(snapshot);
  view->database_ = database;
  view->vault_ = vault;
  view->now_ = previous == nullptr ? now : std::max(now, previous->now_);
  view->callers_ = previous == nullptr ? std::make_shared<EntitlementCache>() : previous->callers_;
  view->FindNextEvent(previous);
  return view;
}

std::shared_ptr<const View> View::At(Micros now) const {
  return Build(state_, indexes_, snapshot_, database_, vault_, now, this);
}

void View::FindNextEvent(const View* previous) {
  // Most Views have the rules of the one before: their next event holds until it has come.
  const bool known = previous != nullptr && previous->policy().rules == policy().rules &&
                     previous->next_rules_event_ > now_;
  next_rules_event_ = known ? previous->next_rules_event_ : policy().rules->NextEvent(now_);
  next_event_ = std::min(
      {policy().classes.ends.Next(now_), policy().directory->NextEvent(now_), next_rules_event_});
  for (const auto& [id, index] : indexes_) {
    next_event_ = std::min(next_event_, index.NextEvent(now_));
  }
}

std::vector<bool> View::ClassesInUse(const Collection* collection) const {
  std::vector<bool> in_use(policy().classes.classes.size());
  for (const auto& [id, index] : indexes_) {
    if (collection == nullptr || collection->id == id) MarkClassesInUse(index, &in_use);
  }
  return in_use;
}

void MarkClassesInUse(const VectorIndex& index, std::vector<bool>* in_use) {
  for (const Segment& segment : index.segments()) {
    for (const ClassRun& run : segment.rows().runs()) {
      for (uint32_t row = run.begin; row < run.end && !(*in_use)[run.class_id]; ++row) {
        if (!segment.Dead(row)) (*in_use)[run.class_id] = true;
      }
    }
  }
}

VectorIndex EmptyIndex(const v1::CollectionConfig& config) {
  return VectorIndex(config.dimension(), ToMetric(config.metric()));
}

DocumentChange ToDocumentChange(const RowChange& change) {
  DocumentChange out;
  out.document = change.document;
  out.kind = ToKind(change.kind);
  out.may_exist = change.may_exist;
  out.valid_from = change.valid_from;
  out.valid_until = change.valid_until;
  out.rows.reserve(change.rows.size());
  for (const auto& row : change.rows) {
    out.rows.push_back({row.ordinal, row.class_id, row.embedding});
  }
  return out;
}

VectorIndex ApplyRows(const VectorIndex& index, const std::vector<RowChange>& changes) {
  std::vector<DocumentChange> out;
  out.reserve(changes.size());
  for (const auto& change : changes) out.push_back(ToDocumentChange(change));
  return index.Apply(out);
}

}  // namespace cordon
