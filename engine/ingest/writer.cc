#include "engine/ingest/writer.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/stand_back.h"
#include "engine/crypto/digest.h"

namespace cordon {
namespace {

constexpr auto kAnchorEvery = std::chrono::seconds(1);  // DESIGN §3
// Handed on at once, though more waits: some milliseconds of applying, in which the disk is idle.
constexpr size_t kHandOnBytes = 1 << 20;

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
      upkeep_(
          std::make_unique<UpkeepWorker>(UpkeepOptions{.dir = std::move(index_dir), .vault = vault},
                                         [this] {
                                           std::lock_guard lock(mutex_);
                                           upkept_ = true;
                                           wake_.notify_all();
                                         })),
      keeper_(files == nullptr ? nullptr : std::make_unique<IndexKeeper>(files)),
      finishing_thread_([this] { RunFinishing(); }),
      thread_([this] { Run(); }) {}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  {
    std::lock_guard lock(mutex_);
    applied_all_ = true;
  }
  handed_on_.notify_all();
  finishing_thread_.join();
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
      return (stopping_ && queue_.empty()) || upkept_ || !trials_.empty() || !renewals_.empty() ||
             MayTake();
    });
    const bool stop = stopping_ && queue_.empty() && trials_.empty() && renewals_.empty();
    Group group;
    group.awaiting = std::exchange(renewals_, {});
    group.mutations = TakeSome();
    const bool tries = !trials_.empty();
    const bool upkept = std::exchange(upkept_, false);
    lock.unlock();
    if (upkept && !stop) TakeIn();
    for (auto& pending : group.mutations) {
      ApplyOne(&pending);
      group.bytes += pending.bytes;
    }
    if (!group.awaiting.empty()) MarkAllChanged();
    HandOn(std::move(group));
    if (tries || stop) AwaitFinished();
    if (tries) TryNext();  // one: writers wait for no more than that
    // Due also while writes keep coming: they anchor their own tenant only.
    if (stop || std::chrono::steady_clock::now() >= next_anchor) {
      if (!stop) LookAfterAll();
      Anchor();
      next_anchor = std::chrono::steady_clock::now() + kAnchorEvery;
    }
    if (stop) return;
    lock.lock();
  }
}

bool Writer::MayTake(size_t taken) const {
  if (queue_.empty() || taken >= limits::kWriteGroup) return false;
  return !handed_ || (handed_->bytes < limits::kWriteGroupBytes &&
                      handed_->mutations.size() + taken < limits::kWriteGroup);
}

std::vector<Writer::Pending> Writer::TakeSome() {
  std::vector<Pending> some;
  size_t bytes = 0;
  while (bytes < kHandOnBytes && MayTake(some.size())) {
    bytes += queue_.front().bytes;
    some.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  return some;
}

// What was handed on before and is not taken up yet takes it in: the slower the disk is, the more
// one sync covers.
void Writer::HandOn(Group group) {
  group.views = TakeChanged();
  if (group.mutations.empty() && group.views.empty() && group.awaiting.empty()) return;
  std::lock_guard lock(mutex_);
  if (!handed_) handed_ = Group();
  handed_->Append(&group);
  handed_on_.notify_one();
}

std::vector<Writer::Unpublished> Writer::TakeChanged() {
  std::vector<Unpublished> changed;
  std::lock_guard lock(heads_mutex_);
  for (auto& [name, head] : heads_) {
    if (!head.changed) continue;
    head.changed = false;
    LookAfter(&head);
    changed.push_back({head.tenant, head.state, head.indexes, database_->TakeSnapshot(),
                       std::exchange(head.gone, {})});
  }
  return changed;
}

void Writer::AwaitFinished() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !handed_ && !finishing_; });
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
  std::future<void> renewed;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    renewed = renewals_.emplace_back().get_future();
    wake_.notify_all();
  }
  renewed.wait();
}

// Whoever asks for new Views wants nothing old to be seen any more.
void Writer::MarkAllChanged() {
  std::lock_guard lock(heads_mutex_);
  for (auto& [name, head] : heads_) head.changed = true;
  held_.reset();
}

Status Writer::ForgetErasure(uint32_t tenant, uint64_t revision) {
  std::lock_guard lock(heads_mutex_);
  RETURN_IF_ERROR(broken());
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
  pending->refused = broken();
  if (!pending->refused.ok()) return;
  std::lock_guard lock(heads_mutex_);
  const auto head = heads_.find(pending->tenant->name);
  CORDON_CHECK(head != heads_.end());
  rush_.Add(pending->bytes, Rush::Clock::now());
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

void Writer::AnchorHead(const Head& head, Batch* batch) const {
  PutAnchor(head.state.id, head.tenant->journal->synced(), clock_->Now(), batch);
  // Read after the anchor: what is counted has its record behind it at worst, never missing.
  head.tenant->meters.PutChanged(head.state.id, clock_->Now(), batch);
}

void Writer::Anchor() {
  std::lock_guard lock(heads_mutex_);
  if (!broken().ok()) return;
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
