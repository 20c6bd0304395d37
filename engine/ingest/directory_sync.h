// A snapshot of a source of the directory on its way in (docs/decisions/directory-sync.md).
//
//   begin → records, message by message, to rows that nothing reads → commit: one mutation
//
// Nothing of it counts before the mutation; without one the rows are dropped.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "engine/base/limits.h"
#include "engine/ingest/ingest.h"

namespace cordon {

// How many snapshots of each tenant are on their way in. Thread-safe.
class OpenSyncs {
 public:
  // False if the tenant has limits::kSyncsPerTenant.
  bool Enter(const std::string& tenant);
  void Leave(const std::string& tenant);

 private:
  std::mutex mutex_;
  std::map<std::string, size_t> open_;  // guarded by mutex_
};

// Whether the caller may send a snapshot at all. `done` gets the refusal, once it has its record.
void OpenSync(const WriteContext& context, std::function<void(Status)> done);

// One snapshot. For one thread at a time. `open` outlives it.
class DirectorySync {
 public:
  // `bytes_max` of records: more are refused.
  explicit DirectorySync(OpenSyncs* open, size_t bytes_max = limits::kSyncBytes)
      : open_(open), bytes_max_(bytes_max) {}
  // Drops what is staged, unless a mutation took it.
  ~DirectorySync();

  DirectorySync(const DirectorySync&) = delete;
  DirectorySync& operator=(const DirectorySync&) = delete;

  // Takes the next message. A refusal ends the snapshot; it has no record yet. The caller's rights
  // are asked each time: they may have ended.
  Status Add(const WriteContext& context, const v1::SyncDirectoryRequest& request);

  // After the message with `commit`: makes the change, or finds out what it would be. The snapshot
  // lives until `done` was called.
  void Commit(const WriteContext& context, Acknowledge<v1::SyncDirectoryResponse> done);

  // After the same: what the change would make of the tenant. Waits for the writer.
  StatusOr<Trial> Try(const WriteContext& context) const;

 private:
  Status Begin(const WriteContext& context, const v1::SyncBegin& begin);
  Status Stage(const v1::SyncDirectoryRequest& request);
  store::v1::Mutation MutationOf() const;
  void DryRun(const WriteContext& context, const Acknowledge<v1::SyncDirectoryResponse>& done);

  OpenSyncs* const open_;
  const size_t bytes_max_;
  std::shared_ptr<Tenant> tenant_;  // null before it has begun
  Writer* writer_ = nullptr;
  uint32_t tenant_id_ = 0;
  uint64_t generation_ = 0;
  v1::SyncBegin begin_;
  std::unordered_set<std::string> names_;  // so far
  size_t bytes_ = 0;                       // so far
  Digest digest_{};                        // so far
  bool whole_ = false;                     // `commit` has come
};

}  // namespace cordon
