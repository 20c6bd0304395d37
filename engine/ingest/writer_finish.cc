// The second half of a commit: what was applied becomes durable, is published and acknowledged.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "engine/base/planted.h"
#include "engine/ingest/writer.h"

namespace cordon {
namespace {

constexpr auto kPlantedDelay = std::chrono::milliseconds(2);

// What every later write is told: it names the disk that failed.
Status Broken(const Status& cause) {
  const bool full = cause.code() == StatusCode::kResourceExhausted;
  return Status(StatusCode::kUnavailable, cause.field(),
                full ? "the disk was full, and writes are refused; free some space and restart"
                     : "the store or the journal failed, and writes are refused; see the server's "
                       "log, mend the cause and restart");
}

}  // namespace

void Writer::Group::Append(Group* later) {
  std::move(later->mutations.begin(), later->mutations.end(), std::back_inserter(mutations));
  std::move(later->awaiting.begin(), later->awaiting.end(), std::back_inserter(awaiting));
  bytes += later->bytes;
  for (Unpublished& view : later->views) {
    const auto same = std::find_if(views.begin(), views.end(), [&view](const Unpublished& earlier) {
      return earlier.tenant == view.tenant;
    });
    if (same == views.end()) {
      views.push_back(std::move(view));
      continue;
    }
    view.gone.insert(view.gone.end(), same->gone.begin(), same->gone.end());
    std::swap(*same, view);
  }
}

// Does not stand back: a revocation waits for it, and new tenants' journals inherit its place.
void Writer::RunFinishing() {
  std::unique_lock lock(mutex_);
  while (true) {
    handed_on_.wait(lock, [this] { return applied_all_ || handed_; });
    if (!handed_) return;
    Group group = *std::exchange(handed_, std::nullopt);
    finishing_ = true;
    wake_.notify_all();  // there is room again
    lock.unlock();
    Finish(&group);
    Discard(std::exchange(group.mutations, {}));
    // Only now: who waits for new Views frees what was discarded next.
    for (auto& waiting : group.awaiting) waiting.set_value();
    group = {};  // of a failed one, the Views
    lock.lock();
    finishing_ = false;
    wake_.notify_all();
  }
}

void Writer::Finish(Group* group) {
  if (broken().ok() && !group->mutations.empty()) {
    Status synced = database_->Sync();
    if (synced.ok()) synced = DestroyKeys(group->mutations);
    if (!synced.ok()) Break(synced);
  }
  const auto receipts = AppendRecords(&group->mutations);
  const auto publish = [&] {
    for (Unpublished& changed : std::exchange(group->views, {})) Publish(std::move(changed));
  };
  // Once for all: what is applied beside this may fail any time, and this is on the disk.
  const Status failed = broken();
  if (failed.ok() && !Planted(Bug::kAckBeforePublish)) publish();
  for (size_t i = 0; i < group->mutations.size(); ++i) {
    Answer(&group->mutations[i], receipts[i], failed);
  }
  if (failed.ok() && Planted(Bug::kAckBeforePublish)) {
    std::this_thread::sleep_for(kPlantedDelay);
    publish();
  }
}

void Writer::Publish(Unpublished changed) {
  const auto& [tenant, state, indexes, snapshot, gone] = changed;
  for (const uint32_t id : gone) {
    upkeep_->Forget({tenant->name, id});
    if (files_ != nullptr) files_->Forget(state.id, id);
  }
  const PinnedView previous = tenant->publisher.Pin(clock_);
  if (Planted(Bug::kRevisionTooEarly)) {
    TenantState early = previous->state();
    early.revision = state.revision;
    tenant->publisher.Publish(View::Build(std::move(early), previous->indexes(),
                                          database_->TakeSnapshot(), database_, vault_,
                                          clock_->Now(), previous.view.get()));
    std::this_thread::sleep_for(kPlantedDelay);
  }
  tenant->publisher.Publish(View::Build(std::move(changed.state), std::move(changed.indexes),
                                        std::move(changed.snapshot), database_, vault_,
                                        clock_->Now(), previous.view.get()));
}

void Writer::Answer(Pending* pending, const std::optional<JournalReceipt>& receipt,
                    const Status& failed) {
  if (pending->refused.ok() && pending->applied.created && failed.ok()) {
    pending->refused = OpenCreated(*pending);
  }
  if (!pending->refused.ok()) return pending->done(pending->refused);
  if (!failed.ok()) return pending->done(failed);
  CountIngested(*pending);
  Applied& applied = pending->applied;
  pending->done(Committed{applied.next.revision, applied.existed, std::move(applied.existed_each),
                          std::move(applied.stale), applied.parts, applied.more,
                          std::move(applied.undefined), std::move(applied.look_alikes),
                          std::move(applied.model_label), std::move(applied.sync), *receipt});
}

void Writer::Discard(std::vector<Pending> group) {
  std::vector<store::v1::Mutation> unclaimed;
  std::lock_guard lock(mutex_);
  unclaimed.swap(spent_);  // nobody came
  for (auto& pending : group) spent_.push_back(std::move(pending.mutation));
}

// The first cause is told: others follow from it.
void Writer::Break(const Status& cause) {
  std::lock_guard lock(broken_mutex_);
  if (broken_.ok()) broken_ = Broken(cause);
  failed_ = true;
}

Status Writer::broken() const {
  if (!failed_) return OkStatus();
  std::lock_guard lock(broken_mutex_);
  return broken_;
}

void Writer::CountIngested(const Pending& pending) {
  const auto& documents = WrittenBy(pending.mutation).documents();
  if (documents.empty()) return;
  uint64_t chunks = 0;
  for (const auto& document : documents) chunks += static_cast<uint64_t>(document.chunks_size());
  documents_.fetch_add(static_cast<uint64_t>(documents.size()), std::memory_order_relaxed);
  chunks_.fetch_add(chunks, std::memory_order_relaxed);
}

Status Writer::DestroyKeys(const std::vector<Pending>& group) {
  for (const auto& pending : group) {
    if (!pending.refused.ok() || pending.applied.erased.empty()) continue;
    const uint32_t tenant = pending.applied.next.id;
    RETURN_IF_ERROR(vault_->keys().Destroy(tenant, pending.applied.erased));
    // In this order: a file that is written meanwhile sees that a document's key is gone.
    if (files_ != nullptr) RETURN_IF_ERROR(files_->Erase(tenant, pending.applied.erased));
  }
  return OkStatus();
}

void Writer::CompleteRecord(Pending* pending) {
  if (pending->refused.ok()) pending->refused = broken();
  journal::v1::Record& record = pending->record;
  record.set_outcome(std::string(CodeName(pending->refused.code())));
  if (!pending->refused.ok()) {
    record.set_refused_field(std::string(pending->refused.field()));
    return;
  }
  record.set_time_us(pending->mutation.time_us());
  record.set_revision(pending->applied.next.revision);
  record.set_mutation(true);
  record.set_collection(pending->applied.collection);
  record.set_dropped_collection(pending->applied.dropped);
  if (pending->applied.replay.ByteSizeLong() > 0) {
    record.mutable_replay()->Swap(&pending->applied.replay);
  }
  const auto& names = pending->applied.names;
  record.mutable_documents()->Assign(names.begin(), names.end());
  record.set_mutation_digest(pending->tenant->pseudonyms.Digest(AsBytes(pending->digest)));
}

// Appends one record for each of the group, tenant by tenant; a place without a receipt has none.
std::vector<std::optional<JournalReceipt>> Writer::AppendRecords(std::vector<Pending>* group) {
  std::map<Tenant*, std::vector<size_t>> by_tenant;
  for (size_t i = 0; i < group->size(); ++i) {
    CompleteRecord(&(*group)[i]);
    by_tenant[(*group)[i].tenant.get()].push_back(i);
  }
  std::vector<std::optional<JournalReceipt>> receipts(group->size());
  for (const auto& [tenant, places] : by_tenant) {
    std::vector<journal::v1::Record> records;
    for (const size_t place : places) records.push_back(std::move((*group)[place].record));
    const auto appended = tenant->journal->AppendBatch(std::move(records));
    if (!appended.ok()) {
      spdlog::error("journal: {}", appended.status().ToString());
      Break(appended.status());
      continue;
    }
    for (size_t i = 0; i < places.size(); ++i) receipts[places[i]] = (*appended)[i];
  }
  return receipts;
}

// Under the lock: whoever finds the tenant may write at once, and that is not applied before the
// writer has it.
Status Writer::OpenCreated(const Pending& pending) {
  std::lock_guard lock(heads_mutex_);
  ASSIGN_OR_RETURN(std::shared_ptr<Tenant> tenant, open_tenant_(*pending.applied.created));
  AdoptLocked(std::move(tenant), Interner());
  return OkStatus();
}

}  // namespace cordon
