#include "engine/ingest/directory_sync.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

constexpr std::string_view kCall = "SyncDirectory";

// A snapshot says what is there: what is not in it is gone, and its order is that of the whole.
Status CheckRecord(const v1::Principal& record) {
  if (record.remove()) {
    return Invalid("delete", "a snapshot says what there is; leave the record out");
  }
  if (!record.source().empty() || record.sequence() != 0) {
    return Invalid("source", "the snapshot has a source and a sequence; its records have none");
  }
  return CheckPrincipal(record);
}

// What a mutation in the log would make of a part: only a planted bug asks.
void MakeVisible(const WriteContext& context, const v1::SyncDirectoryRequest& request) {
  store::v1::Mutation mutation;
  *mutation.mutable_directory()->mutable_principals() = request.principals();
  Commit<v1::SyncDirectoryResponse>(
      context, std::move(mutation), [](auto) {},
      [](const auto&) { return v1::SyncDirectoryResponse(); });
}

}  // namespace

bool OpenSyncs::Enter(const std::string& tenant) {
  std::lock_guard lock(mutex_);
  size_t& open = open_[tenant];
  if (open >= limits::kSyncsPerTenant) return false;
  ++open;
  return true;
}

void OpenSyncs::Leave(const std::string& tenant) {
  std::lock_guard lock(mutex_);
  if (--open_.at(tenant) == 0) open_.erase(tenant);
}

void OpenSync(const WriteContext& context, std::function<void(Status)> done) {
  const Status held = context.caller.Require(Right::kAdmin);
  if (held.ok()) return done(held);
  RefuseJournaled(context, kCall, held, std::move(done));
}

DirectorySync::~DirectorySync() {
  if (!tenant_) return;
  Batch batch;
  batch.DeletePrefix(Family::kStaged, StagedPrefix(tenant_id_, generation_));
  const Status dropped = names_.empty() ? OkStatus() : writer_->WriteStaged(batch);
  // The next start drops it.
  if (!dropped.ok()) spdlog::warn("a snapshot's stage is left: {}", dropped.ToString());
  open_->Leave(tenant_->name);
}

Status DirectorySync::Add(const WriteContext& context, const v1::SyncDirectoryRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  if (whole_) return Invalid("commit", "was the last message; open another stream");
  if (request.has_begin() == (tenant_ != nullptr)) {
    return Invalid("begin", tenant_ ? "was the first message; open another stream"
                                    : "missing; say whose snapshot it is in the first message");
  }
  if (request.has_begin()) RETURN_IF_ERROR(Begin(context, request.begin()));
  if (context.tenant != tenant_) return Invalid("begin", "began for another tenant");
  if (Planted(Bug::kSyncEarly)) MakeVisible(context, request);
  RETURN_IF_ERROR(Stage(request));
  if (!request.has_commit()) return OkStatus();
  if (request.commit().principals() != names_.size()) {
    return Invalid("commit.principals", fmt::format("{} were sent and {} have come; send the "
                                                    "snapshot again",
                                                    request.commit().principals(), names_.size()));
  }
  whole_ = true;
  return OkStatus();
}

Status DirectorySync::Begin(const WriteContext& context, const v1::SyncBegin& begin) {
  RETURN_IF_ERROR(CheckShortName("source", begin.source()).Within("begin"));
  RETURN_IF_ERROR(CheckReason(begin.reason()).Within("begin"));
  if (begin.removals_max_percent() > 100) {
    return Invalid("begin.removals_max_percent", "not 0 to 100");
  }
  if (!open_->Enter(context.tenant->name)) {
    return Status(StatusCode::kResourceExhausted, "begin",
                  fmt::format("{} snapshots are on their way in; try again when one has ended",
                              limits::kSyncsPerTenant));
  }
  tenant_ = context.tenant;
  writer_ = context.writer;
  tenant_id_ = tenant_->publisher.Pin(context.clock)->state().id;
  generation_ = writer_->NewGeneration();
  begin_ = begin;
  return OkStatus();
}

Status DirectorySync::Stage(const v1::SyncDirectoryRequest& request) {
  Batch batch;
  for (const auto& record : request.principals()) {
    const std::string path = fmt::format("principals[{}]", names_.size());
    RETURN_IF_ERROR(CheckRecord(record).Within(path));
    if (names_.size() >= limits::kRecordsPerDirectory) {
      return Invalid(path, fmt::format("more than {}", limits::kRecordsPerDirectory));
    }
    const std::string bytes = record.SerializeAsString();
    bytes_ += bytes.size();
    if (bytes_ > bytes_max_) {
      return Invalid(
          path, fmt::format("the snapshot has more than {} bytes; split its source", bytes_max_));
    }
    digest_ = Sha256(std::string(AsBytes(digest_)) + bytes);
    v1::Principal row = record;
    row.set_sequence(names_.size());  // its place, for refusals
    if (!names_.insert(record.name()).second) {
      return Invalid("principal", "given twice; name each principal once").Within(path);
    }
    batch.Put(Family::kStaged, StagedPrefix(tenant_id_, generation_) + record.name(), row);
  }
  return request.principals().empty() ? OkStatus() : writer_->WriteStaged(batch);
}

store::v1::Mutation DirectorySync::MutationOf() const {
  store::v1::Mutation mutation;
  mutation.set_reason(begin_.reason());
  auto* sync = mutation.mutable_sync();
  *sync->mutable_begin() = begin_;
  sync->set_generation(generation_);
  sync->set_principals(names_.size());
  sync->set_digest(std::string(AsBytes(digest_)));
  return mutation;
}

void DirectorySync::Commit(const WriteContext& context,
                           Acknowledge<v1::SyncDirectoryResponse> done) {
  if (begin_.dry_run()) return DryRun(context, done);
  cordon::Commit(context, MutationOf(), std::move(done), [](Committed& committed) {
    v1::SyncDirectoryResponse response = std::move(committed.sync);
    response.set_revision(committed.revision);
    return response;
  });
}

StatusOr<Trial> DirectorySync::Try(const WriteContext& context) const {
  CORDON_CHECK(whole_);
  return context.writer->Try(context.tenant, context.caller, MutationOf());
}

void DirectorySync::DryRun(const WriteContext& context,
                           const Acknowledge<v1::SyncDirectoryResponse>& done) {
  auto trial = Try(context);
  if (!trial.ok()) return RefuseJournaled(context, kCall, trial.status(), done);
  auto record = RecordOf(kCall, context.caller, *context.tenant);
  record.set_reason(begin_.reason());
  record.set_revision(trial->before->revision());
  v1::SyncDirectoryResponse response = std::move(trial->sync);
  response.set_revision(trial->before->revision());
  AnswerJournaled(context, std::move(record), std::move(response), done);
}

}  // namespace cordon
