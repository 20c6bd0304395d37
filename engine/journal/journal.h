// The append-only, chained record of one tenant (docs/storage-format-journal.md): what must never
// be lost, undone or denied. It lies outside the store and is the witness against it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cordon/journal/v1/record.pb.h"
#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/crypto/secret_key.h"
#include "engine/journal/anchor.h"
#include "engine/journal/receipt.h"

namespace cordon {

class DirectoryLock;

namespace journal {
class ChainWriter;
class LogFiles;
class RecordIndex;
}  // namespace journal

enum class Durability {
  kRequired,  // answered once the record survives power loss
  kBuffered,  // answered once it is queued; on disk within Journal::kSyncEvery
};

// One writer thread syncs once for all records that wait. After an error of a write or a sync the
// journal is broken for good and refuses everything (UNAVAILABLE); a restart finds out what is on
// disk. Thread-safe.
class Journal {
 public:
  using Record = journal::v1::Record;
  using Done = std::function<void(StatusOr<JournalReceipt>)>;

  // The longest that a buffered record waits for its sync.
  static constexpr std::chrono::milliseconds kSyncEvery{1000};

  struct Options {
    std::filesystem::path dir;  // the tenant's own: JOURNALDIR/TENANT
    std::string tenant;
    SecretKey key;  // the master; others are derived from it
    uint64_t file_bytes_max = limits::kJournalFileBytes;
    size_t queue_bytes_max = limits::kJournalQueueBytes;
    Clock* clock = nullptr;                      // not owned; null: the wall clock
    std::shared_ptr<journal::LogFiles> files{};  // null: the disk; tests put a failing one here
    std::function<void(const Record&)> visit{};  // gets each record that Open finds, in order
  };

  // Opens or begins the tenant's journal. `anchor` is what the store remembers; a sequence of 0 is
  // as none. A torn end (never known to be on disk) is cut if what remains still reaches the
  // anchor. Refuses, naming file and record: DATA_LOSS for damage, altered, moved or missing
  // records, and for a journal that does not pass through the anchor; FAILED_PRECONDITION for
  // another key, another tenant's journal, or a directory in use.
  static StatusOr<std::unique_ptr<Journal>> Open(Options options,
                                                 std::optional<JournalAnchor> anchor);

  // Writes and syncs what is queued, calling back for each.
  ~Journal();

  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Queues `record`, filling in `sequence` and `time_us` (given or the clock's, never less than the
  // record before). `done` is called exactly once: in order of the sequences by the writer thread,
  // which it must not block; or by the caller's before Append returns, for a buffered record and
  // for a refusal: INVALID_ARGUMENT (not UTF-8, too large), RESOURCE_EXHAUSTED (the queue is full),
  // UNAVAILABLE (broken).
  void Append(Record record, Durability durability, Done done);

  // Appends all of `records` next to each other and returns once they are durable; waits for room
  // in the queue instead of refusing, so that a mutation that the store has is not turned away.
  // Blocks; never from a callback. On an error some of them may be on disk nevertheless.
  StatusOr<std::vector<JournalReceipt>> AppendBatch(std::vector<Record> records);

  // The last `limit` written records with a lower number than `before`, oldest first.
  // INVALID_ARGUMENT beyond limits::kJournalTail.
  StatusOr<std::vector<Record>> Tail(size_t limit, uint64_t before = UINT64_MAX) const;

  // The record of this number; NOT_FOUND if none was written.
  StatusOr<Record> Find(uint64_t sequence) const;

  // Calls `visit` for each written record behind `sequence`, oldest first.
  Status VisitAfter(uint64_t sequence, const std::function<void(const Record&)>& visit) const;

  // The revision of the last durable record with `mutation`; 0 if none. Revisions rise, except
  // where a loss was accepted: its record says where the store goes on.
  uint64_t last_revision() const;

  // Where the durable part of the chain ends: what the store is to remember.
  JournalAnchor synced() const;

  // The time of the last record, for Clock::AtLeast; 0 if none.
  Micros last_time() const;

  // Bytes of a torn end that Open cut off; 0 if none.
  uint64_t cut_bytes() const { return cut_bytes_; }

  // OK, or why the journal is broken: for the log, not for callers.
  Status health() const;

  // Figures for who operates it. Does not wait for the disk.
  struct Figures {
    uint64_t records = 0;  // durable ones, of earlier runs too
    uint64_t syncs = 0;    // of this run, with the time they took in all
    std::chrono::nanoseconds syncing{0};
    bool failed = false;  // it refuses everything until a restart
  };
  Figures figures() const;

 private:
  struct Pending;
  struct Group;

  Journal(Options options, std::unique_ptr<DirectoryLock> lock);

  // Takes its place in the chain and in the queue. Requires mutex_.
  JournalReceipt Enqueue(Pending pending);
  void Run();
  // Waits for records, for the time of the next sync, or for the end; returns what to write.
  // Requires `lock` on mutex_.
  std::vector<Pending> TakeGroup(std::unique_lock<std::mutex>* lock);
  Status WriteGroup(const std::vector<Pending>& group, bool sync);
  // Syncs, and counts it.
  Status Sync();
  StatusOr<std::vector<Record>> ReadFrom(uint64_t first, size_t count) const;

  const Options options_;
  const std::shared_ptr<const std::string> tenant_;  // for receipts
  const std::unique_ptr<DirectoryLock> lock_;
  const std::unique_ptr<journal::RecordIndex> index_;
  uint64_t cut_bytes_ = 0;
  std::unique_ptr<journal::ChainWriter> writer_;  // the thread's own once it runs

  mutable std::mutex mutex_;
  std::condition_variable work_;  // there is something to write, or the end has come
  std::condition_variable room_;  // the queue became shorter
  // Guarded by mutex_:
  std::deque<Pending> queue_;
  size_t queue_bytes_ = 0;
  size_t required_queued_ = 0;  // of those in the queue, who is waited for
  uint64_t next_sequence_ = 1;
  Micros last_time_ = 0;
  uint64_t written_ = 0;           // the last record that can be read
  JournalAnchor synced_;           // the last durable one
  uint64_t last_revision_ = 0;     // of the durable ones
  uint64_t written_revision_ = 0;  // of the written ones
  std::optional<std::chrono::steady_clock::time_point> sync_by_;  // something written is not synced
  Status broken_;
  bool stopping_ = false;
  uint64_t syncs_ = 0;
  std::chrono::nanoseconds syncing_{0};

  std::thread thread_;
};

}  // namespace cordon
