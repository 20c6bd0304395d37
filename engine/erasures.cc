#include "engine/erasures.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "engine/base/limits.h"
#include "engine/base/planted.h"

namespace cordon {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(500);  // between two looks at what there is to do
constexpr int kWarnEach = 60;                            // looks that fail, of one after the other
constexpr std::string_view kOwnKey = "retention";        // what the journal says instead of a key

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
    for (const auto& tenant : tenants_()) {
      Expire(tenant);
      const Status finished = Finish(tenant.get());
      // Old Views may still see what was erased, and files come and go: the next time, then.
      failed_ = finished.ok() ? 0 : failed_ + 1;
      if (failed_ % kWarnEach == 1) spdlog::debug("erasures: {}", finished.ToString());
      if (failed_ > 0 && failed_ % kWarnEach == 0) {
        spdlog::warn("tenant {}: an erasure is not verified yet: {}", tenant->name,
                     finished.ToString());
      }
    }
    lock.lock();
  }
}

void Erasures::Expire(const std::shared_ptr<Tenant>& tenant) {
  const PinnedView view = tenant->publisher.Pin(clock_);
  const uint32_t id = view->state().id;
  std::set<uint32_t> due;
  std::string seen;  // what is due, and what is held
  const auto note = [&](auto key, auto) {
    seen += key;
    return OkStatus();
  };
  Status scanned =
      database_->ScanFrom(Family::kDue, TenantPrefix(id), DueKey(id, view.as_of + 1, 0, 0),
                          [&](auto key, auto payload) {
                            due.insert(DuePlaceOf(key).collection);
                            return note(key, payload);
                          });
  if (due.empty()) return;
  if (scanned.ok()) scanned = database_->Scan(Family::kHolds, TenantPrefix(id), note);
  std::string digest(AsBytes(Sha256(seen)));
  if (!scanned.ok() || tried_[tenant->name] == digest) return;
  tried_[tenant->name] = std::move(digest);
  for (const auto& [name, collection] : *view->state().collections) {
    if (!due.contains(collection->id)) continue;
    store::v1::Mutation mutation;
    mutation.set_key_id(std::string(kOwnKey));
    mutation.mutable_erase()->set_collection(name);
    mutation.mutable_erase()->set_due(true);
    mutation.mutable_erase()->set_limit(limits::kEraseAtOnce);
    journal::v1::Record record;
    record.set_call("Erase");
    record.set_key_id(std::string(kOwnKey));
    writer_->SubmitOwn(tenant, std::move(mutation), std::move(record), [name](const auto& done) {
      if (!done.ok()) spdlog::error("retention of {}: {}", name, done.status().ToString());
    });
  }
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
  writer_->FreeSpent();
  writer_->RenewViews();
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
  uint64_t bytes = 0;
  if (!all.empty() || dropped) {
    ASSIGN_OR_RETURN(bytes, database_->RewriteDocuments(id, collection,
                                                        dropped ? std::vector<uint64_t>() : all));
  }
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
