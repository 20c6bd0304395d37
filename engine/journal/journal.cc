#include "engine/journal/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>

#include "engine/base/directory_lock.h"
#include "engine/base/planted.h"
#include "engine/base/replace_file.h"
#include "engine/base/text_check.h"
#include "engine/journal/chain_writer.h"

namespace cordon {

using journal::ChainKeys;
using journal::ChainReader;

namespace {

constexpr std::chrono::milliseconds kGather{2};  // for buffered records alone
constexpr size_t kGroupBytesMax = 8 << 20;       // of one write: a sync is not kept waiting by more

Clock* WallClock() {
  static Clock clock;
  return &clock;
}

// What callers are told; health() says why.
Status Broken() {
  return Status(StatusCode::kUnavailable, "journal",
                "the journal cannot be written; repair its disk, then restart the server");
}

// The record without what its place decides. What could not be read back is refused here: once in
// the chain it would stop every later start.
StatusOr<std::string> SerializeBody(journal::v1::Record record) {
  record.clear_sequence();
  record.clear_time_us();
  record.clear_synced();
  std::string body;
  if (record.ByteSizeLong() > limits::kJournalRecordBytes - journal::kDraftFieldBytes) {
    return Invalid("journal.record", fmt::format("a journal record has at most {} bytes",
                                                 limits::kJournalRecordBytes));
  }
  journal::v1::Record back;
  if (!record.SerializeToString(&body) || !back.ParseFromString(body)) {
    return Invalid("journal.record", "a journal record holds text that is not valid UTF-8");
  }
  return body;
}

}  // namespace

struct Journal::Pending {
  journal::Draft draft;
  Durability durability = Durability::kRequired;
  uint64_t revision = 0;  // of a mutation
  Done done;              // null for a buffered one, which has its answer

  size_t bytes() const { return draft.body.size() + sizeof(Pending); }
};

StatusOr<std::unique_ptr<Journal>> Journal::Open(Options options,
                                                 std::optional<JournalAnchor> anchor) {
  RETURN_IF_ERROR(CheckName("tenant", options.tenant, limits::kNameBytes));
  if (options.files == nullptr) options.files = journal::DiskLogFiles();
  if (options.clock == nullptr) options.clock = WallClock();
  if (!anchor || anchor->sequence == 0) {
    RETURN_IF_ERROR(CreateDirectories(options.dir, "journal"));
  }
  auto lock = DirectoryLock::Take("journal_dir", options.dir);
  if (lock.status().code() == StatusCode::kNotFound) {
    return Corrupt(
        fmt::format("the journal's directory {} is missing, and the store remembers "
                    "record {}; restore the directory from a copy",
                    options.dir.string(), anchor ? anchor->sequence : 0));
  }
  RETURN_IF_ERROR(lock.status());
  const ChainKeys keys(options.key);
  std::unique_ptr<Journal> opened(
      new Journal(std::move(options), std::make_unique<DirectoryLock>(*std::move(lock))));
  const Options& own = opened->options_;
  ASSIGN_OR_RETURN(auto recovered,
                   journal::Recover(own.dir, own.tenant, keys, anchor, own.files.get(),
                                    opened->index_.get(), own.visit));
  opened->cut_bytes_ = recovered.cut_bytes;
  opened->next_sequence_ = recovered.last.sequence + 1;
  opened->last_time_ = recovered.last_time;
  opened->written_ = recovered.last.sequence;
  opened->synced_ = recovered.last;
  opened->last_revision_ = opened->written_revision_ = recovered.last_revision;
  opened->writer_ = std::make_unique<journal::ChainWriter>(
      journal::ChainWriter::Options{own.dir, own.tenant, own.file_bytes_max}, keys, own.files,
      std::move(recovered), opened->index_.get());
  opened->thread_ = std::thread([journal = opened.get()] { journal->Run(); });
  return opened;
}

Journal::Journal(Options options, std::unique_ptr<DirectoryLock> lock)
    : options_(std::move(options)),
      tenant_(std::make_shared<const std::string>(options_.tenant)),
      lock_(std::move(lock)),
      index_(std::make_unique<journal::RecordIndex>()) {}

Journal::~Journal() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Journal::Append(Record record, Durability durability, Done done) {
  if (Planted(Bug::kRecordLost)) return done(JournalReceipt(tenant_, 1));
  Pending pending;
  pending.durability = durability;
  pending.revision = record.mutation() ? record.revision() : 0;
  pending.draft.time = record.time_us();
  auto body = SerializeBody(std::move(record));
  if (!body.ok()) return done(body.status());
  pending.draft.body = *std::move(body);
  if (durability == Durability::kRequired) pending.done = done;

  std::unique_lock lock(mutex_);
  Status refused;
  if (!broken_.ok() || stopping_) {
    refused = Broken();
  } else if (queue_bytes_ + pending.bytes() > options_.queue_bytes_max) {
    refused = Status(StatusCode::kResourceExhausted, "journal",
                     "too many records wait for the journal; try again later");
  }
  if (!refused.ok()) {
    lock.unlock();
    return done(refused);
  }
  const bool wake = queue_.empty() || durability == Durability::kRequired;
  const JournalReceipt receipt = Enqueue(std::move(pending));
  lock.unlock();
  if (wake) work_.notify_one();
  if (durability == Durability::kBuffered) done(receipt);
}

StatusOr<std::vector<JournalReceipt>> Journal::AppendBatch(std::vector<Record> records) {
  CORDON_CHECK(std::this_thread::get_id() != thread_.get_id());
  struct Outcome {
    std::vector<JournalReceipt> receipts;
    Status error;
    size_t left;
    std::promise<void> finished;
  };
  if (records.empty()) return std::vector<JournalReceipt>();
  auto outcome = std::make_shared<Outcome>();
  outcome->left = records.size();
  std::vector<Pending> batch;
  size_t bytes = 0;
  for (Record& record : records) {
    Pending& pending = batch.emplace_back();
    pending.revision = record.mutation() ? record.revision() : 0;
    pending.draft.time = record.time_us();
    ASSIGN_OR_RETURN(pending.draft.body, SerializeBody(std::move(record)));
    pending.done = [outcome](StatusOr<JournalReceipt> receipt) {
      if (receipt.ok()) outcome->receipts.push_back(*receipt);
      if (!receipt.ok()) outcome->error = receipt.status();
      if (--outcome->left == 0) outcome->finished.set_value();
    };
    bytes += pending.bytes();
  }
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] {
      return !broken_.ok() || queue_.empty() || queue_bytes_ + bytes <= options_.queue_bytes_max;
    });
    if (!broken_.ok() || stopping_) return Broken();
    for (Pending& pending : batch) Enqueue(std::move(pending));
  }
  work_.notify_one();
  outcome->finished.get_future().wait();
  RETURN_IF_ERROR(outcome->error);
  return std::move(outcome->receipts);
}

JournalReceipt Journal::Enqueue(Pending pending) {
  pending.draft.sequence = next_sequence_++;
  if (pending.draft.time == 0) pending.draft.time = options_.clock->Now();
  last_time_ = pending.draft.time = std::max(pending.draft.time, last_time_);
  queue_bytes_ += pending.bytes();
  if (pending.durability == Durability::kRequired) ++required_queued_;
  const JournalReceipt receipt(tenant_, pending.draft.sequence);
  queue_.push_back(std::move(pending));
  return receipt;
}

void Journal::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    std::vector<Pending> group = TakeGroup(&lock);
    const bool overdue = sync_by_ && std::chrono::steady_clock::now() >= *sync_by_;
    if (group.empty() && !overdue && !(stopping_ && sync_by_)) {
      if (stopping_) return;
      continue;
    }
    const bool sync = overdue || stopping_ || std::any_of(group.begin(), group.end(), [](auto& p) {
                        return p.durability == Durability::kRequired;
                      });
    const bool broken = !broken_.ok();
    lock.unlock();
    Status status = broken ? Broken() : WriteGroup(group, sync);
    if (Planted(Bug::kJournalErrorsIgnored)) status = OkStatus();
    lock.lock();
    if (!broken && !status.ok()) broken_ = status;
    if (status.ok()) {
      written_ = writer_->last().sequence;
      synced_ = writer_->synced();
      for (const Pending& p : group) {
        if (p.revision > 0) written_revision_ = p.revision;
      }
      if (sync) last_revision_ = written_revision_;
    }
    if (sync || !status.ok()) {
      sync_by_.reset();
    } else if (!sync_by_) {
      sync_by_ = std::chrono::steady_clock::now() + kSyncEvery;
    }
    lock.unlock();
    room_.notify_all();
    for (Pending& pending : group) {
      if (pending.done == nullptr) continue;
      if (status.ok()) pending.done(JournalReceipt(tenant_, pending.draft.sequence));
      if (!status.ok()) pending.done(Broken());
    }
    lock.lock();
  }
}

std::vector<Journal::Pending> Journal::TakeGroup(std::unique_lock<std::mutex>* lock) {
  const auto ready = [this] { return stopping_ || !queue_.empty(); };
  if (sync_by_) {
    work_.wait_until(*lock, *sync_by_, ready);
  } else {
    work_.wait(*lock, ready);
  }
  // Buffered records have their answers: those of a moment are written together.
  if (!queue_.empty()) {
    work_.wait_for(*lock, kGather, [this] { return stopping_ || required_queued_ > 0; });
  }
  std::vector<Pending> group;
  for (size_t bytes = 0; !queue_.empty() && bytes < kGroupBytesMax; queue_.pop_front()) {
    bytes += queue_.front().bytes();
    queue_bytes_ -= queue_.front().bytes();
    if (queue_.front().durability == Durability::kRequired) --required_queued_;
    group.push_back(std::move(queue_.front()));
  }
  return group;
}

Status Journal::WriteGroup(const std::vector<Pending>& group, bool sync) {
  std::vector<const journal::Draft*> drafts;
  for (const Pending& pending : group) drafts.push_back(&pending.draft);
  if (!drafts.empty()) RETURN_IF_ERROR(writer_->Write(drafts));
  return sync ? Sync() : OkStatus();
}

Status Journal::Sync() {
  const auto begun = std::chrono::steady_clock::now();
  Status synced = writer_->Sync();
  const auto took = std::chrono::steady_clock::now() - begun;
  std::lock_guard lock(mutex_);
  ++syncs_;
  syncing_ += took;
  return synced;
}

StatusOr<std::vector<Journal::Record>> Journal::Tail(size_t limit, uint64_t before) const {
  if (limit > limits::kJournalTail) {
    return Invalid("limit", fmt::format("is at most {} records", limits::kJournalTail));
  }
  uint64_t last;
  {
    std::lock_guard lock(mutex_);
    last = written_;
  }
  if (before <= last) last = before == 0 ? 0 : before - 1;
  const auto count = static_cast<size_t>(std::min<uint64_t>(limit, last));
  return ReadFrom(last - count + 1, count);
}

StatusOr<Journal::Record> Journal::Find(uint64_t sequence) const {
  {
    std::lock_guard lock(mutex_);
    if (sequence == 0 || sequence > written_) {
      return NotFound("journal_id", "there is no journal record of this number");
    }
  }
  ASSIGN_OR_RETURN(auto records, ReadFrom(sequence, 1));
  return std::move(records.front());
}

StatusOr<std::vector<Journal::Record>> Journal::ReadFrom(uint64_t first, size_t count) const {
  std::vector<Record> records;
  if (count == 0) return records;
  ChainReader reader(options_.dir, options_.tenant, ChainKeys(options_.key));
  reader.Seek(index_->Before(first));
  while (records.size() < count && reader.Next()) {
    if (reader.last().sequence >= first) records.push_back(reader.record());
  }
  if (records.size() == count) return records;
  return reader.damage() ? reader.damage()->ToStatus()
                         : Corrupt("the journal's files became shorter; restore its directory");
}

Status Journal::VisitAfter(uint64_t sequence,
                           const std::function<void(const Record&)>& visit) const {
  uint64_t last = 0;
  {
    std::lock_guard lock(mutex_);
    last = written_;
  }
  if (sequence >= last) return OkStatus();
  ChainReader reader(options_.dir, options_.tenant, ChainKeys(options_.key));
  reader.Seek(index_->Before(sequence + 1));
  while (reader.last().sequence < last && reader.Next()) {
    if (reader.last().sequence > sequence) visit(reader.record());
  }
  return reader.damage() ? reader.damage()->ToStatus() : OkStatus();
}

uint64_t Journal::last_revision() const {
  std::lock_guard lock(mutex_);
  return last_revision_;
}

JournalAnchor Journal::synced() const {
  std::lock_guard lock(mutex_);
  return synced_;
}

Micros Journal::last_time() const {
  std::lock_guard lock(mutex_);
  return last_time_;
}

Status Journal::health() const {
  std::lock_guard lock(mutex_);
  return broken_;
}

Journal::Figures Journal::figures() const {
  std::lock_guard lock(mutex_);
  return {synced_.sequence, syncs_, syncing_, !broken_.ok()};
}

}  // namespace cordon
