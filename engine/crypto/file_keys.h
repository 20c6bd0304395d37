// The keys of files that are derived from documents, one random AES-256 key each, all in one small
// file beside the documents' keys:
//
//   KEYS/files    every key that is in use, sealed with a key of the root
//
// A key is on the disk before its file is written, and destroyed before a file of which something
// must not be read again is given up. What the keys open can be made anew, so a keys' file that is
// missing or damaged holds none, and nothing else follows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>

#include "engine/crypto/key_files.h"
#include "engine/crypto/secret_key.h"

namespace cordon {

// Thread-safe.
class FileKeys {
 public:
  // `seal` seals the file of keys; `files` is the disk.
  FileKeys(std::filesystem::path path, std::shared_ptr<KeyFiles> files, SecretKey seal);

  // Takes in what is on the disk. False if it was damaged, and there are no keys then; the next
  // Destroy() takes it off the disk, for what is damaged may still tell some.
  bool Load();

  // Whether what is on the disk was damaged when it was loaded, and is there still.
  bool damaged() const;

  // A new key, once it is on the disk, under a number that no file had before.
  struct Made {
    uint64_t number;
    SecretKey key;
  };
  StatusOr<Made> Make();

  // Nothing if it was destroyed, or never made.
  std::optional<SecretKey> Find(uint64_t number) const;

  // Returns once these keys are on no disk any more; numbers without a key are passed over.
  Status Destroy(std::span<const uint64_t> numbers);
  // The same with all keys but these. The numbers, which are those of the files that there are, are
  // not given to new ones, though the keys' file may have been lost.
  Status DestroyOthers(const std::set<uint64_t>& numbers);

 private:
  using Keys = std::map<uint64_t, SecretKey>;
  Status Store(const Keys& keys, uint64_t next) const;
  // Requires writing_.
  Status Exchange(Keys keys, uint64_t next);

  const std::filesystem::path path_;
  const std::shared_ptr<KeyFiles> files_;
  const SecretKey seal_;
  mutable std::mutex writing_;  // one change of the file at a time
  mutable std::mutex mutex_;
  Keys keys_;             // guarded by mutex_
  uint64_t next_ = 0;     // guarded by writing_
  bool damaged_ = false;  // what is on the disk; guarded by writing_
};

}  // namespace cordon
