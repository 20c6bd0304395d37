#include "engine/store/directory_change.h"

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/store/codec.h"

namespace cordon {

DirectoryChange::DirectoryChange(Applied* applied)
    : applied_(applied),
      directory_(*applied->next.policy.directory),
      sources_(*applied->next.sources) {}

const DirectorySource& DirectoryChange::source(const std::string& name) const {
  static const DirectorySource kNone;
  const auto found = sources_.find(name);
  return found == sources_.end() ? kNone : found->second;
}

PrincipalId DirectoryChange::IdOf(const std::string& name) {
  return applied_->next.policy.principals->Intern(name);
}

StatusOr<std::shared_ptr<const DirectoryRecord>> DirectoryChange::Judge(
    const v1::Principal& record) {
  PolicyState& policy = applied_->next.policy;
  ASSIGN_OR_RETURN(auto judged, ToRecord(record, policy.principals.get()));
  if (judged->clearance) {
    RETURN_IF_ERROR(policy.rules->scheme.CheckClearance(*judged->clearance).Within("clearance"));
  }
  return judged;
}

void DirectoryChange::Set(PrincipalId id, std::shared_ptr<const DirectoryRecord> record,
                          const v1::Principal& stored, std::string path) {
  if (record->alias_of) {
    const auto* before = directory_.Find(id);
    if (Planted(Bug::kAliasKept) && before != nullptr && before->alias_of) return;
    aliases_.push_back({id, std::move(path)});
  }
  directory_.Set(id, std::move(record));
  applied_->batch.Put(Family::kDirectory, NamedKey(applied_->next.id, stored.name()), stored);
}

void DirectoryChange::Drop(PrincipalId id) {
  directory_.Set(id, nullptr);
  applied_->batch.Delete(Family::kDirectory,
                         NamedKey(applied_->next.id, applied_->next.policy.principals->Name(id)));
}

void DirectoryChange::Reached(const std::string& source, uint64_t sequence, bool snapshot) {
  DirectorySource& reached = sources_[source];
  reached.last = std::max(reached.last, sequence);
  if (snapshot) reached.snapshot = sequence;
  store::v1::SourceRecord record;
  record.set_snapshot(reached.snapshot);
  record.set_last(reached.last);
  applied_->batch.Put(Family::kPolicy, SourceKey(applied_->next.id, source), record);
}

// Judged on what came out: in which order the records came is all the same.
Status DirectoryChange::CheckAlias(const Alias& alias) const {
  const auto* record = directory_.Find(alias.id);
  if (record == nullptr || !record->alias_of) return OkStatus();  // changed again since
  const auto name = [&](PrincipalId id) { return applied_->next.policy.principals->Name(id); };
  const PrincipalId of = *record->alias_of;
  if (directory_.Canonical(of) != of) {
    return Invalid("alias_of", fmt::format("{} is an alias itself; name the principal that it "
                                           "stands for, {}",
                                           name(of), name(directory_.Canonical(of))));
  }
  if (!directory_.AliasesOf(alias.id).empty()) {
    return Invalid("alias_of",
                   fmt::format("{} has aliases, such as {}; give those to another "
                               "principal first",
                               name(alias.id), name(directory_.AliasesOf(alias.id).front())));
  }
  if (directory_.AliasesOf(of).size() > limits::kAliasesPerPrincipal) {
    return Invalid("alias_of", fmt::format("{} would have more than {} aliases; remove some",
                                           name(of), limits::kAliasesPerPrincipal));
  }
  return OkStatus();
}

Status DirectoryChange::Finish() {
  for (const auto& alias : aliases_) RETURN_IF_ERROR(CheckAlias(alias).Within(alias.path));
  if (directory_.size() > limits::kRecordsPerDirectory) {
    return Status(
        StatusCode::kFailedPrecondition, "principals",
        fmt::format("would make more than {} records; remove some", limits::kRecordsPerDirectory));
  }
  applied_->next.policy.directory = std::make_shared<const Directory>(std::move(directory_));
  applied_->next.sources = std::make_shared<const TenantState::Sources>(std::move(sources_));
  return OkStatus();
}

Status BelongsTo(const std::string& source) {
  return Status(StatusCode::kFailedPrecondition, "source",
                fmt::format("the record belongs to the source '{}'; change it there, or give that "
                            "source and a later sequence",
                            source));
}

}  // namespace cordon
