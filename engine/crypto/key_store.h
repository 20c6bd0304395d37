// The keys of documents, one random AES-256 key each, outside the store and outside its backups.
// What a destroyed key has sealed, nobody reads again, wherever copies of it lie.
//
//   KEYS/root                  the store's id and root key, sealed with the master key
//   KEYS/TENANT-SEGMENT.keys   the keys of kSegmentKeys documents, sealed with a key of the root
//   KEYS/files                 the keys of files that are derived from documents (file_keys.h)
//
// A segment is made whole before the first document of its numbers is written, so that no document
// is ever without its key and ingest waits for the disk once in kSegmentKeys documents. Destroying
// keys rewrites their segments. docs/decisions/erasure.md says why it is so.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/base/directory_lock.h"
#include "engine/crypto/copied_key_files.h"
#include "engine/crypto/file_keys.h"
#include "engine/crypto/key_files.h"
#include "engine/crypto/secret_key.h"

namespace cordon {

// Thread-safe. One process at a time, and one KeyStore in it: it holds its directory.
class KeyStore {
 public:
  static constexpr uint64_t kSegmentKeys = 8192;  // 256 KiB: a moment to rewrite

  struct Options {
    std::filesystem::path dir;
    SecretKey master;
    std::shared_ptr<KeyFiles> files = nullptr;  // null: the disk
    std::filesystem::path copy_dir{};           // where the newest copy is kept; empty: nowhere
  };

  // Makes an empty one; its directory must exist. ALREADY_EXISTS if there is one.
  static Status Create(const Options& options);

  // FAILED_PRECONDITION if there is none, if another holds it, or if the master key is another's;
  // DATA_LOSS if a file is
  // damaged.
  static StatusOr<std::unique_ptr<KeyStore>> Open(Options options);

  ~KeyStore();
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;

  // Tells one key store from another; 16 bytes.
  const std::string& id() const { return id_; }

  // A key for one purpose of the whole store, such as pseudonyms; it cannot be destroyed.
  SecretKey ForPurpose(std::string_view purpose) const;

  // Returns once the key of this number is on the disk.
  Status Provide(uint32_t tenant, uint64_t number);

  // kNone: a number that was never provided, or the keys are an older copy.
  enum class State { kThere, kDestroyed, kNone };
  struct Found {
    State state = State::kNone;
    std::optional<SecretKey> key;
  };
  Found Find(uint32_t tenant, uint64_t number) const;
  class Walk;  // of many

  // Returns once these keys are on no disk any more; numbers without a key are passed over. After
  // an error some of them may be destroyed; then it is to be called again.
  Status Destroy(uint32_t tenant, std::span<const uint64_t> numbers);

  // The same of all from `first` up to `end`, which is not one of them.
  Status DestroyRange(uint32_t tenant, uint64_t first, uint64_t end);

  // Keeps the copy from now on (copied_key_files.h): once it is known that these keys are the
  // newest.
  Status BeginCopy() { return copy_ == nullptr ? OkStatus() : copy_->Begin(); }
  // Ok if the copy is what the keys are: what was destroyed is on no disk of it either.
  Status CatchUpCopy() { return copy_ == nullptr ? OkStatus() : copy_->CatchUp(); }
  bool copy_behind() const { return copy_ != nullptr && copy_->behind(); }

  // Of files that can be made anew from documents.
  FileKeys& file_keys() { return file_keys_; }

  // The first number behind all that have been provided.
  uint64_t End(uint32_t tenant) const;

  // Every key that is there, for those who search for what keys still open.
  struct Count {
    uint64_t there = 0;
    uint64_t destroyed = 0;
  };
  Count CountKeys() const;

 private:
  struct Segment;
  using Place = std::pair<uint32_t, uint64_t>;  // tenant, segment

  KeyStore(Options options, std::shared_ptr<CopiedKeyFiles> copy, DirectoryLock lock,
           std::string id, SecretKey root);
  Status LoadAll();
  std::filesystem::path PathOf(const Place& place) const;
  StatusOr<std::string> Sealed(const Place& place, const Segment& segment) const;
  StatusOr<std::unique_ptr<Segment>> Opened(const Place& place, const std::string& bytes) const;
  Status DestroyIn(const Place& place, std::span<const uint64_t> numbers);
  // What a segment, which may be null, says of a number.
  static Found FindIn(const Segment* segment, uint64_t number);

  const Options options_;
  const std::shared_ptr<CopiedKeyFiles> copy_;  // by which options_.files goes; null: none
  const DirectoryLock lock_;
  const std::string id_;
  const SecretKey root_;
  const SecretKey seal_;  // of segments
  FileKeys file_keys_;
  std::mutex writing_;  // one change of the files at a time
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_. A segment does not change: another takes its place.
  std::map<Place, std::shared_ptr<const Segment>> segments_;
};

// Keys of a tenant that are asked for in the order of their numbers: a segment is looked for once
// for all that it has, which is then as it was at that moment. For one thread; the keys outlive it.
class KeyStore::Walk {
 public:
  Walk(const KeyStore& keys, uint32_t tenant) : keys_(keys), tenant_(tenant) {}

  Found Find(uint64_t number);

 private:
  const KeyStore& keys_;
  const uint32_t tenant_;
  std::optional<uint64_t> at_;              // the number of `segment_`; nothing before the first
  std::shared_ptr<const Segment> segment_;  // null: there is none
};

}  // namespace cordon
