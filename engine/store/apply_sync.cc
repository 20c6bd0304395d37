#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/store/apply_steps.h"
#include "engine/store/codec.h"
#include "engine/store/directory_change.h"

namespace cordon {
namespace {

// The names of one kind of difference.
class Names {
 public:
  void Add(std::string name) { names_.push_back(std::move(name)); }
  size_t size() const { return names_.size(); }

  // The first of them, sorted.
  void Tell(google::protobuf::RepeatedPtrField<std::string>* out) {
    const size_t kept = std::min(names_.size(), limits::kSyncNames);
    const auto end = names_.begin() + static_cast<std::ptrdiff_t>(kept);
    std::partial_sort(names_.begin(), end, names_.end());
    out->Assign(names_.begin(), end);
  }

 private:
  std::vector<std::string> names_;
};

size_t MembersOf(const DirectoryRecord& record) {
  return record.members ? record.members->size() : 0;
}

// Makes the staged records what their source says.
class SnapshotChange {
 public:
  SnapshotChange(const ApplyContext& context, const store::v1::DirectorySync& sync,
                 Applied* applied)
      : context_(context), sync_(sync), begin_(sync.begin()), applied_(applied), change_(applied) {}

  Status Run() {
    if (sync_.has_difference()) return Replay();
    RETURN_IF_ERROR(CheckSequence());
    RETURN_IF_ERROR(TakeStaged());
    RemoveMissing();
    RETURN_IF_ERROR(CheckRemovals());
    change_.Reached(begin_.source(), sequence_, /*snapshot=*/true);
    told_.mutable_begin()->set_source(begin_.source());
    told_.mutable_begin()->set_sequence(sequence_);
    told_.mutable_difference();  // be it empty
    applied_->batch.DeletePrefix(Family::kStaged,
                                 StagedPrefix(applied_->next.id, sync_.generation()));
    Tell();
    *applied_->told.emplace().mutable_sync() = std::move(told_);
    return change_.Finish();
  }

 private:
  // In a restored store: what the snapshot changed when it was made.
  Status Replay() {
    if (sync_.difference().too_large()) {
      return Status(StatusCode::kFailedPrecondition, "id",
                    fmt::format("a snapshot of '{}' that was made since is too large for the "
                                "journal; restore a backup that was made after it",
                                begin_.source()));
    }
    for (const auto& record : sync_.difference().changed()) {
      ASSIGN_OR_RETURN(auto judged, change_.Judge(record));
      change_.Set(change_.IdOf(record.name()), std::move(judged), record, "principals");
    }
    for (const auto& name : sync_.difference().dropped()) change_.Drop(change_.IdOf(name));
    change_.Reached(begin_.source(), begin_.sequence(), /*snapshot=*/true);
    return change_.Finish();
  }

  // Null if there is more to tell than a record of the journal holds.
  store::v1::SyncedDifference* Told(size_t bytes) {
    auto* told = told_.mutable_difference();
    told_bytes_ += bytes;
    if (told_bytes_ <= limits::kSyncToldBytes) return told;
    told->Clear();
    told->set_too_large(true);
    return nullptr;
  }

  Status CheckSequence() {
    const DirectorySource& source = change_.source(begin_.source());
    sequence_ = begin_.sequence() == 0 ? source.last + 1 : begin_.sequence();
    if (sequence_ > source.snapshot || Planted(Bug::kStaleAccepted)) return OkStatus();
    return Status(StatusCode::kAborted, "begin.sequence",
                  fmt::format("{} comes late, the last snapshot of '{}' was {}; take a new one",
                              sequence_, begin_.source(), source.snapshot));
  }

  Status TakeStaged() {
    uint64_t staged = 0;
    RETURN_IF_ERROR(context_.database.Scan(
        Family::kStaged, StagedPrefix(applied_->next.id, sync_.generation()),
        [&](auto, auto payload) -> Status {
          v1::Principal record;
          RETURN_IF_ERROR(ParseRecord(payload, &record));
          ++staged;
          const std::string path = fmt::format("principals[{}]", record.sequence());
          return Take(&record, path).Within(path);
        }));
    if (staged == sync_.principals()) return OkStatus();
    return Status(StatusCode::kAborted, "principals",
                  "the stage is not whole any more; send the snapshot again");
  }

  // `record` as it is staged, with its place in the snapshot for a sequence.
  Status Take(v1::Principal* record, const std::string& path) {
    const PrincipalId id = change_.IdOf(record->name());
    seen_.insert(id);
    const DirectoryRecord* stored = change_.directory().FindStored(id);
    const bool owned = stored != nullptr && stored->source == begin_.source();
    if (stored != nullptr && !stored->source.empty() && !owned) return BelongsTo(stored->source);
    if (owned && stored->sequence > sequence_) {
      ++later_;
      return OkStatus();
    }
    record->set_source(begin_.source());
    record->set_sequence(sequence_);
    ASSIGN_OR_RETURN(auto judged, change_.Judge(*record));
    if (stored != nullptr) CountMembers(*stored, MembersOf(*judged));
    if (owned && SaysTheSame(*stored, *judged)) {
      ++unchanged_;
      return OkStatus();
    }
    (stored == nullptr || stored->removed ? added_ : changed_).Add(record->name());
    if (auto* told = Told(record->ByteSizeLong())) *told->add_changed() = *record;
    change_.Set(id, std::move(judged), *record, path);
    return OkStatus();
  }

  // What the source said before and does not say any more. What it said later stays, and so does
  // the memory of what it took out later.
  void RemoveMissing() {
    std::vector<PrincipalId> missing;
    change_.directory().ForEachStored([&](PrincipalId id, const DirectoryRecord& record) {
      if (record.source != begin_.source()) return;
      owned_ += !record.removed;
      if (seen_.contains(id)) return;
      if (record.sequence > sequence_) {
        later_ += !record.removed;
        return;
      }
      if (!record.removed) removed_.Add(applied_->next.policy.principals->Name(id));
      CountMembers(record, 0);
      missing.push_back(id);
    });
    for (const PrincipalId id : missing) {
      if (Planted(Bug::kRemovedKept)) continue;
      const std::string name = applied_->next.policy.principals->Name(id);
      if (auto* told = Told(name.size())) told->add_dropped(name);
      change_.Drop(id);
    }
  }

  // A group that has as many members as before counts as none lost, be they others.
  void CountMembers(const DirectoryRecord& before, size_t after) {
    const size_t had = MembersOf(before);
    members_ += had;
    members_lost_ += had - std::min(had, after);
  }

  // Of what it had: what the snapshot adds does not make room for removals. A group that is left
  // without members denies and allows nobody, like one that is gone: so they count by themselves.
  Status CheckRemovals() const {
    if (begin_.allow_removals()) return OkStatus();
    RETURN_IF_ERROR(CheckShare(removed_.size(), owned_ - added_.size(), "records"));
    return CheckShare(members_lost_, members_, "memberships in groups");
  }

  Status CheckShare(uint64_t removed, uint64_t had, std::string_view what) const {
    const uint64_t share_pct = begin_.removals_max_percent() == 0 ? limits::kSyncRemovalsDefault_pct
                                                                  : begin_.removals_max_percent();
    if (removed * 100 <= had * share_pct) return OkStatus();
    return Status(
        StatusCode::kFailedPrecondition, "begin.removals_max_percent",
        fmt::format("would remove {} of {} {} of '{}', more than {} %; look at what a dry "
                    "run shows, and allow removals if it is meant",
                    removed, had, what, begin_.source(), share_pct));
  }

  void Tell() {
    auto* difference = applied_->sync.mutable_difference();
    difference->set_added(added_.size());
    difference->set_changed(changed_.size());
    difference->set_removed(removed_.size());
    difference->set_unchanged(unchanged_);
    difference->set_later(later_);
    applied_->sync.set_sequence(sequence_);
    if (!begin_.dry_run()) return;
    added_.Tell(difference->mutable_added_names());
    changed_.Tell(difference->mutable_changed_names());
    removed_.Tell(difference->mutable_removed_names());
  }

  const ApplyContext& context_;
  const store::v1::DirectorySync& sync_;
  const v1::SyncBegin& begin_;
  Applied* const applied_;
  DirectoryChange change_;
  uint64_t sequence_ = 0;
  store::v1::DirectorySync told_;
  size_t told_bytes_ = 0;
  std::unordered_set<PrincipalId> seen_;
  Names added_, changed_, removed_;
  uint64_t unchanged_ = 0;
  uint64_t later_ = 0;
  uint64_t owned_ = 0;    // records of the source once the staged ones are taken
  uint64_t members_ = 0;  // of the groups that the snapshot replaces or removes, before it
  uint64_t members_lost_ = 0;
};

}  // namespace

Status ApplyDirectorySync(const ApplyContext& context, const store::v1::DirectorySync& sync,
                          Applied* applied) {
  return SnapshotChange(context, sync, applied).Run();
}

}  // namespace cordon
