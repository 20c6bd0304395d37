#include "engine/erasures.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <set>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/planted.h"

namespace cordon {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(500);  // between two looks at what there is to do
constexpr int kWarnEach = 60;  // looks since the first of those that failed one after the other
constexpr int kPauseMax = 7;   // looks that are left out after one that failed
// The same after space was given back, a minute: each time costs table files that are written anew.
constexpr int kSpacePause = 120;
// When what is due is tried again though nothing has changed: it may be held, or a hold may have
// come and gone between two looks.
constexpr Micros kHeldAgain = Micros{3600} * 1'000'000;
constexpr Micros kFailedAgain = Micros{60} * 1'000'000;
constexpr std::string_view kOwnKey = "retention";  // what the journal says instead of a key

// A collection that was deleted, whose space is to come back.
bool IsDropped(const Erasures::Open& erasure) {
  return erasure.record.numbers().empty() && erasure.record.documents().empty();
}

}  // namespace

Erasures::Erasures(Database* database, const Vault* vault, Writer* writer, Clock* clock,
                   Tenants tenants)
    : database_(database),
      vault_(vault),
      writer_(writer),
      clock_(clock),
      tenants_(std::move(tenants)),
      thread_([this] { Run(); }) {}

Erasures::~Erasures() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Erasures::Run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kEvery, [this] { return stopping_; })) {
    lock.unlock();
    CatchUpKeys();
    GiveSpaceBack();
    for (const auto& tenant : tenants_()) {
      Expire(tenant);
      TryFinish(tenant.get());
    }
    lock.lock();
  }
}

void Erasures::CatchUpKeys() {
  const Status copied = vault_->keys().CatchUpCopy();
  if (!copied.ok() && copied_.ok()) {
    spdlog::error("the copy of the keys is behind: {}", copied.ToString());
  } else if (copied.ok() && !copied_.ok()) {
    spdlog::info("the copy of the keys is the newest again");
  }
  copied_ = copied;
}

// Old Views may still see what was erased, and files come and go: the next time, then. It costs
// reads and rewritten files, so that what fails again and again is tried more seldom.
void Erasures::TryFinish(Tenant* tenant) {
  Failing& failing = failing_[tenant->name];
  if (failing.looks > 0 && failing.looks % kWarnEach == 0) {
    spdlog::warn("tenant {}: an erasure is not verified yet: {}", tenant->name,
                 failing.last.ToString());
  }
  if (failing.looks > 0) ++failing.looks;
  if (failing.wait > 0) {
    --failing.wait;
    return;
  }
  failing.last = Finish(tenant);
  if (failing.last.ok()) {
    failing = {};
    return;
  }
  if (failing.looks == 0) failing.looks = 1;
  failing.pause = std::min(2 * failing.pause + 1, kPauseMax);
  failing.wait = failing.pause;
  spdlog::debug("tenant {}: erasures: {}", tenant->name, failing.last.ToString());
}

void Erasures::Expire(const std::shared_ptr<Tenant>& tenant) {
  if (!clock_->Trusted().ok()) return;  // it was logged when it began
  Micros now = 0;
  uint32_t id = 0;
  {
    const PinnedView view = tenant->publisher.Pin(clock_);
    now = view.as_of;
    id = view->state().id;
  }
  const std::string end = DueKey(id, now + 1, 0, 0);
  const auto due = Fingerprint(Family::kDue, TenantPrefix(id), end);
  if (!due.ok() || due->keys == 0) return;
  const auto held = Fingerprint(Family::kHolds, TenantPrefix(id), PrefixEnd(TenantPrefix(id)));
  if (!held.ok()) return;
  Tried& tried = tried_[tenant->name];
  if (tried.due == *due && tried.held == *held && now < tried.again) return;
  const Status erased = EraseDue(tenant, TenantPrefix(id), end);
  if (!erased.ok()) spdlog::error("retention of {}: {}", tenant->name, erased.ToString());
  const auto left = Fingerprint(Family::kDue, TenantPrefix(id), end);
  tried = {left.ok() ? *left : *due, *held, now + (erased.ok() ? kHeldAgain : kFailedAgain)};
}

StatusOr<Erasures::KeysSeen> Erasures::Fingerprint(Family family, const std::string& from,
                                                   const std::string& end) const {
  KeysSeen seen;
  const auto cursor = database_->Walk(family, from, end, nullptr);
  for (; cursor->Valid(); cursor->Next()) {
    ++seen.keys;
    seen.hash = seen.hash * 31 + std::hash<std::string_view>()(cursor->key());
  }
  RETURN_IF_ERROR(cursor->status());
  return seen;
}

// Rows of what is held stay: each mutation gets its own share of the rows, so that those at the
// front keep none from those behind, nor does a collection that fails. The first error is returned.
Status Erasures::EraseDue(const std::shared_ptr<Tenant>& tenant, std::string from,
                          const std::string& end) {
  Status first;
  while (from < end && !Stopping()) {
    std::set<uint32_t> collections;
    std::string to = end;
    {
      const auto cursor = database_->Walk(Family::kDue, from, end, nullptr);
      for (size_t rows = 0; cursor->Valid() && rows < limits::kEraseAtOnce;
           cursor->Next(), ++rows) {
        collections.insert(DuePlaceOf(cursor->key()).collection);
      }
      RETURN_IF_ERROR(cursor->status());
      if (cursor->Valid()) to = cursor->key();
    }
    for (const uint32_t collection : collections) {
      const Status erased = EraseDueOf(tenant, collection, from, to);
      if (first.ok()) first = erased;
    }
    from = to;
  }
  return first;
}

Status Erasures::EraseDueOf(const std::shared_ptr<Tenant>& tenant, uint32_t collection,
                            const std::string& from, const std::string& to) {
  store::v1::Mutation mutation;
  mutation.set_key_id(std::string(kOwnKey));
  auto* erase = mutation.mutable_erase();
  erase->set_due(true);
  erase->set_due_from(from);
  erase->set_due_to(to);
  erase->set_limit(limits::kEraseAtOnce);
  {
    const PinnedView view = tenant->publisher.Pin(clock_);  // not while the writer is waited for
    for (const auto& [name, known] : *view->state().collections) {
      if (known->id == collection) erase->set_collection(name);
    }
  }
  if (erase->collection().empty()) erase->set_dropped_collection(collection);
  while (!Stopping()) {
    journal::v1::Record record;
    record.set_call("Erase");
    record.set_key_id(std::string(kOwnKey));
    const auto done = std::make_shared<std::promise<StatusOr<bool>>>();
    auto more = done->get_future();
    writer_->SubmitOwn(tenant, mutation, std::move(record), [done](const auto& committed) {
      done->set_value(committed.ok() ? StatusOr<bool>(committed->more) : committed.status());
    });
    ASSIGN_OR_RETURN(const bool left, more.get());
    if (!left) break;
  }
  return OkStatus();
}

// Where nothing more is written, deletions stay in memory, and what they delete on the disk.
void Erasures::GiveSpaceBack() {
  if (until_space_ > 0) {
    --until_space_;
    return;
  }
  if (!database_->ManyDeleted()) return;
  until_space_ = kSpacePause;
  writer_->RenewViews();  // old ones keep what they see
  const Status flushed = database_->Flush();
  if (!flushed.ok()) spdlog::warn("deleted documents keep their space: {}", flushed.ToString());
}

bool Erasures::Stopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

Status Erasures::Finish(Tenant* tenant) {
  const uint32_t id = tenant->publisher.Pin(clock_)->state().id;
  std::map<uint32_t, std::vector<Open>> open;
  RETURN_IF_ERROR(database_->Scan(Family::kErasures, TenantPrefix(id),
                                  [&](auto key, std::string_view payload) -> Status {
                                    Open erasure{LastLongNumber(key), {}};
                                    RETURN_IF_ERROR(ParseRecord(payload, &erasure.record));
                                    open[erasure.record.collection_id()].push_back(erasure);
                                    return OkStatus();
                                  }));
  if (open.empty()) return OkStatus();
  writer_->RenewViews();
  writer_->FreeSpent();
  RETURN_IF_ERROR(database_->Flush());
  for (const auto& [collection, erasures] : open) {
    RETURN_IF_ERROR(FinishCollection(tenant, collection, erasures));
  }
  return OkStatus();
}

Status Erasures::FinishCollection(Tenant* tenant, uint32_t collection,
                                  const std::vector<Open>& open) {
  const uint32_t id = tenant->publisher.Pin(clock_)->state().id;
  std::set<uint64_t> numbers;
  for (const auto& erasure : open) {
    numbers.insert(erasure.record.numbers().begin(), erasure.record.numbers().end());
  }
  const std::vector<uint64_t> all(numbers.begin(), numbers.end());
  const bool dropped = std::any_of(open.begin(), open.end(), IsDropped);
  ASSIGN_OR_RETURN(const uint64_t bytes, dropped
                                             ? database_->RewriteCollection(id, collection)
                                             : database_->RewriteDocuments(id, collection, all));
  Searched searched;
  if (!Planted(Bug::kEarlyReceipt)) {
    ASSIGN_OR_RETURN(searched, SearchRemains(*database_, id, collection, numbers));
  }
  if (searched.records_left > 0) {
    return Status(StatusCode::kUnavailable, "data_dir", "records of erased documents are left");
  }
  for (const uint64_t number : all) {
    if (vault_->keys().Find(id, number).state == KeyStore::State::kThere &&
        !Planted(Bug::kKeyKept)) {
      return Internal("an erased document has its key");
    }
  }
  RETURN_IF_ERROR(vault_->keys().CatchUpCopy());  // it may still open what was erased
  if (writer_->FilesHold(id, all)) {
    return Status(StatusCode::kUnavailable, "data_dir", "a file of the index has erased rows");
  }
  for (const auto& erasure : open) {
    if (!IsDropped(erasure)) {
      RETURN_IF_ERROR(WriteReceipt(tenant, erasure, searched, bytes));
    }
    RETURN_IF_ERROR(writer_->ForgetErasure(id, erasure.revision));
  }
  return OkStatus();
}

Status Erasures::WriteReceipt(Tenant* tenant, const Open& erasure, const Searched& searched,
                              uint64_t rewritten_bytes) {
  journal::v1::Record record;
  record.set_call("ErasureVerified");
  record.set_outcome(std::string(CodeName(StatusCode::kOk)));
  record.set_key_id(std::string(kOwnKey));
  record.set_collection(erasure.record.collection());
  if (record.collection().empty()) record.set_dropped_collection(erasure.record.collection_id());
  *record.mutable_documents() = erasure.record.documents();
  auto* receipt = record.mutable_erasure();
  receipt->set_revision(erasure.revision);
  receipt->set_rewritten_bytes(rewritten_bytes);
  receipt->set_files_searched(searched.files);
  receipt->set_verified_us(clock_->Now());
  *receipt->mutable_destinations() = erasure.record.destinations();
  return tenant->journal->AppendBatch({std::move(record)}).status();
}

}  // namespace cordon
