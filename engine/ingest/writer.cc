#include "engine/ingest/writer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/stand_back.h"
#include "engine/crypto/digest.h"

namespace cordon {
namespace {

constexpr auto kAnchorEvery = std::chrono::seconds(1);  // DESIGN §3
constexpr auto kPlantedDelay = std::chrono::milliseconds(2);

// What every later write is told: it names the disk that failed.
Status Broken(const Status& cause) {
  const bool full = cause.code() == StatusCode::kResourceExhausted;
  return Status(StatusCode::kUnavailable, cause.field(),
                full ? "the disk was full, and writes are refused; free some space and restart"
                     : "the store or the journal failed, and writes are refused; see the server's "
                       "log, mend the cause and restart");
}

// The documents that it writes anew, of an Ingest or of a listing; perhaps none.
const store::v1::IngestBatch& WrittenBy(const store::v1::Mutation& mutation) {
  return mutation.has_source() ? mutation.source().written() : mutation.ingest();
}

}  // namespace

void PutAnchor(uint32_t tenant, const JournalAnchor& anchor, Micros time, Batch* batch) {
  store::v1::AnchorRecord record;
  record.set_sequence(anchor.sequence);
  record.set_mac(std::string(AsBytes(anchor.mac)));
  record.set_time_us(time);
  batch->Put(Family::kHeads, AnchorKey(tenant), record);
}

Writer::Writer(Database* database, const Vault* vault, Clock* clock, OpenTenant open_tenant,
               std::string index_dir, IndexFiles* files)
    : database_(database),
      vault_(vault),
      clock_(clock),
      open_tenant_(std::move(open_tenant)),
      files_(files),
      thread_([this] { Run(); }),
      upkeep_(
          std::make_unique<UpkeepWorker>(UpkeepOptions{.dir = std::move(index_dir), .vault = vault},
                                         [this] {
                                           std::lock_guard lock(mutex_);
                                           upkept_ = true;
                                           wake_.notify_all();
                                         })),
      keeper_(files == nullptr ? nullptr : std::make_unique<IndexKeeper>(files)) {}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Writer::Adopt(std::shared_ptr<Tenant> tenant, Interner interner) {
  std::lock_guard lock(heads_mutex_);
  AdoptLocked(std::move(tenant), std::move(interner));
}

void Writer::AdoptLocked(std::shared_ptr<Tenant> tenant, Interner interner) {
  const PinnedView pinned = tenant->publisher.Pin(clock_);
  Head head;
  head.interner = std::move(interner);
  head.state = pinned->state();
  head.indexes = pinned->indexes();
  const std::string name = tenant->name;
  head.tenant = std::move(tenant);
  std::set<uint32_t> collections;
  for (const auto& [id, index] : head.indexes) collections.insert(id);
  upkeep_->ForgetOthers(name, collections);
  LookAfter(&heads_.insert_or_assign(name, std::move(head)).first->second);
}

// All that can be known of a mutation before its turn comes: whatever is done here, on its caller's
// thread, the one writer need not do.
Writer::Pending Writer::Prepare(std::shared_ptr<Tenant> tenant, std::optional<Authenticated> caller,
                                store::v1::Mutation mutation, journal::v1::Record record,
                                Done done) {
  Pending pending{.tenant = std::move(tenant),
                  .caller = std::move(caller),
                  .mutation = std::move(mutation),
                  .digest = {},
                  .names = {},
                  .texts = {},
                  .record = std::move(record),
                  .done = std::move(done),
                  .bytes = 0,
                  .refused = OkStatus(),
                  .applied = {}};
  // Without the time, which it gets when it is applied and which stands beside the digest.
  const std::string bytes = pending.mutation.SerializeAsString();
  pending.bytes = bytes.size();
  pending.digest = vault_->KeyedDigest(bytes);
  const auto name = [&](std::string_view id) {
    pending.names.try_emplace(id, pending.tenant->pseudonyms.Of("document", id));
  };
  const store::v1::IngestBatch& batch = WrittenBy(pending.mutation);
  for (const auto& document : batch.documents()) name(document.id());
  for (const auto& change : pending.mutation.source().redescribed()) name(change.document().id());
  for (const auto& change : pending.mutation.set_access_many().changes()) name(change.document());
  for (const auto& id : pending.mutation.set_access_selected().documents()) name(id);
  if (!batch.documents().empty()) {
    const PinnedView view = pending.tenant->publisher.Pin(clock_);
    const auto collection = view->state().FindCollection(batch.collection());
    if (collection) pending.texts = PreparedTexts(LanguageOf(collection->config), batch);
  }
  return pending;
}

void Writer::Submit(std::shared_ptr<Tenant> tenant, Authenticated caller,
                    store::v1::Mutation mutation, journal::v1::Record record, Done done) {
  Enqueue(Prepare(std::move(tenant), std::move(caller), std::move(mutation), std::move(record),
                  std::move(done)));
}

void Writer::SubmitOwn(std::shared_ptr<Tenant> tenant, store::v1::Mutation mutation,
                       journal::v1::Record record, Done done) {
  Enqueue(Prepare(std::move(tenant), std::nullopt, std::move(mutation), std::move(record),
                  std::move(done)));
}

void Writer::Enqueue(Pending pending) {
  std::vector<store::v1::Mutation> spent;  // freed without the lock
  {
    std::lock_guard lock(mutex_);
    spent.swap(spent_);
    if (!stopping_ && queued_bytes_ + pending.bytes <= limits::kWriteQueueBytes &&
        queue_.size() < limits::kWriteQueue) {
      queued_bytes_ += pending.bytes;
      queue_.push_back(std::move(pending));
      wake_.notify_one();
      return;
    }
  }
  const Status full(StatusCode::kResourceExhausted, "", "the write queue is full; try again");
  pending.record.set_outcome(std::string(CodeName(full.code())));
  pending.tenant->journal->Append(std::move(pending.record), Durability::kRequired,
                                  [full, done = std::move(pending.done)](const auto& receipt) {
                                    done(receipt.ok() ? full : receipt.status());
                                  });
}

Status Writer::WriteStaged(const Batch& rows) { return database_->Write(rows); }

void Writer::Run() {
  StandBack(Behind::kReaders);
  auto next_anchor = std::chrono::steady_clock::now() + kAnchorEvery;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait_until(lock, next_anchor, [this] {
      return stopping_ || upkept_ || !queue_.empty() || !trials_.empty();
    });
    const bool stop = stopping_ && queue_.empty() && trials_.empty();
    std::vector<Pending> group = TakeGroup();
    std::optional<WaitingTrial> trial = TakeTrial();  // one: writers wait for no more than that
    const bool upkept = std::exchange(upkept_, false);
    lock.unlock();
    if (upkept && !stop) TakeIn();
    if (!group.empty()) CommitGroup(&group);
    if (trial) trial->tried.set_value(TryOne(&*trial));
    // Due also while writes keep coming: they anchor their own tenant only.
    if (stop || std::chrono::steady_clock::now() >= next_anchor) {
      if (!stop) LookAfterAll();
      Anchor();
      next_anchor = std::chrono::steady_clock::now() + kAnchorEvery;
    }
    if (stop) return;
    Discard(std::move(group));
    lock.lock();
  }
}

void Writer::Discard(std::vector<Pending> group) {
  std::vector<store::v1::Mutation> unclaimed;
  std::lock_guard lock(mutex_);
  unclaimed.swap(spent_);  // nobody came
  for (auto& pending : group) spent_.push_back(std::move(pending.mutation));
}

std::vector<Writer::Pending> Writer::TakeGroup() {
  std::vector<Pending> group;
  size_t bytes = 0;
  while (!queue_.empty() && bytes < limits::kWriteGroupBytes) {
    bytes += queue_.front().bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  return group;
}

void Writer::CommitGroup(std::vector<Pending>* group) {
  std::lock_guard lock(heads_mutex_);
  for (auto& pending : *group) ApplyOne(&pending);
  if (broken_.ok()) {
    Status synced = database_->Sync();
    if (synced.ok()) synced = DestroyKeys(*group);
    if (!synced.ok()) Break(synced);
  }
  const auto receipts = AppendRecords(group);
  if (broken_.ok() && !Planted(Bug::kAckBeforePublish)) PublishChanged();
  for (size_t i = 0; i < group->size(); ++i) {
    Pending& pending = (*group)[i];
    if (pending.refused.ok() && pending.applied.created && broken_.ok()) {
      pending.refused = OpenCreated(pending);
    }
    if (!pending.refused.ok()) {
      pending.done(pending.refused);
    } else if (!receipts[i] || !broken_.ok()) {
      pending.done(broken_);
    } else {
      CountIngested(pending);
      Applied& applied = pending.applied;
      pending.done(Committed{
          applied.next.revision, applied.existed, std::move(applied.existed_each), applied.parts,
          applied.more, std::move(applied.undefined), std::move(applied.look_alikes),
          std::move(applied.model_label), std::move(applied.sync), *receipts[i]});
    }
  }
  if (broken_.ok() && Planted(Bug::kAckBeforePublish)) {
    std::this_thread::sleep_for(kPlantedDelay);
    PublishChanged();
  }
}

void Writer::Break(const Status& cause) {
  broken_ = Broken(cause);
  failed_ = true;
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

bool Writer::FilesHold(uint32_t tenant, std::span<const uint64_t> numbers) const {
  return files_ != nullptr && files_->Hold(tenant, numbers);
}

void Writer::FreeSpent() {
  std::vector<store::v1::Mutation> spent;
  std::lock_guard lock(mutex_);
  spent.swap(spent_);
}

void Writer::RenewViews() {
  std::lock_guard lock(heads_mutex_);
  if (!broken_.ok()) return;
  for (auto& [name, head] : heads_) head.changed = true;
  PublishChanged();
}

Status Writer::ForgetErasure(uint32_t tenant, uint64_t revision) {
  std::lock_guard lock(heads_mutex_);
  RETURN_IF_ERROR(broken_);
  Batch batch;
  batch.Delete(Family::kErasures, RevisionKey(tenant, revision));
  return database_->Write(batch);
}

std::string Writer::NameOf(const Pending& pending, std::string_view kind, std::string_view value) {
  const auto known = pending.names.find(value);
  if (kind == "document" && known != pending.names.end()) return known->second;
  return pending.tenant->pseudonyms.Of(kind, value);
}

void Writer::ApplyOne(Pending* pending) {
  if (!broken_.ok()) {
    pending->refused = broken_;
    return;
  }
  const auto head = heads_.find(pending->tenant->name);
  CORDON_CHECK(head != heads_.end());
  pending->refused = ApplyToHead(&head->second, pending);
  if (pending->refused.ok()) {
    head->second.interner.Commit();
  } else {
    head->second.interner.Rollback();
  }
}

ApplyContext Writer::ContextOf(Head* head, PseudonymOf pseudonym, const Digest& digest) const {
  return {*database_,
          *vault_,
          head->interner,
          [head] {
            std::vector<bool> in_use(head->state.policy.classes.classes.size());
            for (const auto& [id, index] : head->indexes) MarkClassesInUse(index, &in_use);
            return in_use;
          },
          std::move(pseudonym),
          digest};
}

Status Writer::ApplyToHead(Head* head, Pending* pending) {
  const ApplyContext context = ContextOf(
      head,
      [pending](std::string_view kind, std::string_view value) {
        return NameOf(*pending, kind, value);
      },
      pending->digest);
  RETURN_IF_ERROR(clock_->Trusted());  // also of what is done by itself, as retention is
  pending->mutation.set_time_us(std::max(clock_->Now(), head->state.time));
  ASSIGN_OR_RETURN(pending->applied,
                   Apply(context, head->state, pending->mutation, std::move(batch_)));
  Applied& applied = pending->applied;
  if (pending->caller) {
    RETURN_IF_ERROR(CheckNotRaised(head->state, applied.next, *pending->caller, applied.next.time));
  }
  AnchorHead(*head, &applied.batch);
  if (const Status written = database_->Write(applied.batch); !written.ok()) {
    Break(written);
    return written;
  }
  batch_ = std::move(applied.batch);
  batch_.Clear();
  const auto before = head->state.FindCollection(applied.collection);
  AdoptNames(head->state, &applied.next);
  head->state = applied.next;
  const auto after = head->state.FindCollection(applied.collection);
  const auto gone = FollowSpaces(*head->state.collections, &head->indexes);
  head->gone.insert(head->gone.end(), gone.begin(), gone.end());
  if (before && after && before->space != after->space) {
    SwitchIndexes(*before, *after, &head->indexes);
  }
  if (!applied.rows.empty()) ApplyRows(*after, applied.rows, pending->texts, &head->indexes);
  head->changed = true;
  return OkStatus();
}

void Writer::CompleteRecord(Pending* pending) {
  if (pending->refused.ok() && !broken_.ok()) pending->refused = broken_;
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

// Whoever asks waits for the tenant's journal, whose thread would stand back if this one started
// it.
Status Writer::OpenCreated(const Pending& pending) {
  std::promise<StatusOr<std::shared_ptr<Tenant>>> opened;
  CORDON_CHECK(opening_.Submit([&] { opened.set_value(open_tenant_(*pending.applied.created)); }));
  ASSIGN_OR_RETURN(std::shared_ptr<Tenant> tenant, opened.get_future().get());
  AdoptLocked(std::move(tenant), Interner());
  return OkStatus();
}

void Writer::PublishChanged() {
  for (auto& [name, head] : heads_) {
    if (!head.changed) continue;
    head.changed = false;
    for (const uint32_t id : std::exchange(head.gone, {})) {
      upkeep_->Forget({name, id});
      if (files_ != nullptr) files_->Forget(head.state.id, id);
    }
    LookAfter(&head);
    const PinnedView previous = head.tenant->publisher.Pin(clock_);
    if (Planted(Bug::kRevisionTooEarly)) {
      TenantState early = previous->state();
      early.revision = head.state.revision;
      head.tenant->publisher.Publish(View::Build(std::move(early), previous->indexes(),
                                                 database_->TakeSnapshot(), database_, vault_,
                                                 clock_->Now(), previous.view.get()));
      std::this_thread::sleep_for(kPlantedDelay);
    }
    head.tenant->publisher.Publish(View::Build(head.state, head.indexes, database_->TakeSnapshot(),
                                               database_, vault_, clock_->Now(),
                                               previous.view.get()));
  }
}

void Writer::AnchorHead(const Head& head, Batch* batch) const {
  PutAnchor(head.state.id, head.tenant->journal->synced(), clock_->Now(), batch);
  // Read after the anchor: what is counted has its record behind it at worst, never missing.
  head.tenant->meters.PutChanged(head.state.id, clock_->Now(), batch);
}

void Writer::Anchor() {
  std::lock_guard lock(heads_mutex_);
  if (!broken_.ok()) return;
  Batch batch;
  bool moved = false;
  for (auto& [name, head] : heads_) {
    const uint64_t sequence = head.tenant->journal->synced().sequence;
    if (sequence == head.anchored) continue;
    head.anchored = sequence;
    AnchorHead(head, &batch);
    moved = true;
  }
  if (!moved) return;
  Status written = database_->Write(batch);
  if (written.ok()) written = database_->Sync();
  if (!written.ok()) Break(written);
}

}  // namespace cordon
