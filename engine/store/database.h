// RocksDB, and nothing above it: sealed records by family and key.
//
// A stored value is its CRC-32 over (family, key, payload), 4 bytes little-endian, then the
// payload: a value that was damaged, or moved to another key, is refused as DATA_LOSS. RocksDB's
// own texts are logged here and never travel further.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/store/schema.h"

namespace google::protobuf {
class MessageLite;
}
namespace rocksdb {
class Env;
}

namespace cordon {

// A set of changes that becomes visible and durable as one.
class Batch {
 public:
  void Put(Family family, std::string_view key, const google::protobuf::MessageLite& record);
  // The same for a payload that is made elsewhere.
  void PutBytes(Family family, std::string_view key, std::string_view payload);
  void Delete(Family family, std::string_view key);
  // Deletes all keys that begin with `prefix`.
  void DeletePrefix(Family family, std::string_view prefix);
  // Empties it, but keeps its memory for the next changes.
  void Clear();

 private:
  friend class Database;
  // Lies in bytes_: the key, then the sealed value of a kPut, each change behind the one before. A
  // string of its own for each would cost as much as writing it.
  struct Change {
    enum Kind { kPut, kDelete, kDeletePrefix } kind;
    Family family;
    size_t key_bytes;
    size_t value_bytes;
  };
  struct Entry {
    Change::Kind kind;
    Family family;
    std::string_view key;
    std::string_view value;
  };
  // By family and key where that changes nothing: neighbours are quickly put beside each other.
  std::vector<Entry> Sorted() const;

  std::vector<Change> changes_;
  std::string bytes_;
};

// A pinned, unchanging picture of the whole database. Outlives no Database.
class Snapshot;

// Thread-safe. One process at a time may have a directory open for writing.
class Database {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // Opens `path`, or creates it if `create`. FAILED_PRECONDITION if another process has it. `env`,
  // which outlives the database, is the disk below it; null: the real one.
  static StatusOr<std::unique_ptr<Database>> Open(const std::string& path, bool create,
                                                  Access access = Access::kReadWrite,
                                                  rocksdb::Env* env = nullptr);
  ~Database();

  // Reads a record into `record`. False if there is none; DATA_LOSS if it is damaged. A null
  // snapshot reads the newest state.
  StatusOr<bool> Get(Family family, const std::string& key, google::protobuf::MessageLite* record,
                     const Snapshot* snapshot = nullptr) const;

  // Reads several records at once and calls `found(i, payload)` for each keys[i] that there is, in
  // their order, until it returns an error; the payload is borrowed for the call. DATA_LOSS if a
  // record is damaged.
  using Found = std::function<Status(size_t i, std::string_view payload)>;
  Status GetMany(Family family, std::span<const std::string> keys, const Found& found,
                 const Snapshot* snapshot = nullptr) const;

  // Calls `visit(key, payload)` for each record that begins with `prefix`, in order, until it
  // returns an error.
  using Visit = std::function<Status(std::string_view key, std::string_view payload)>;
  Status Scan(Family family, const std::string& prefix, const Visit& visit,
              const Snapshot* snapshot = nullptr) const;

  // The same, from the first key at or after `from`.
  Status ScanFrom(Family family, const std::string& from, const std::string& end,
                  const Visit& visit, const Snapshot* snapshot = nullptr) const;

  // The same, taken record by record: to walk two families in step.
  class Cursor;
  std::unique_ptr<Cursor> Walk(Family family, const std::string& prefix) const;
  std::unique_ptr<Cursor> Walk(Family family, const std::string& from, const std::string& end,
                               const Snapshot* snapshot) const;

  // Writes one batch to the log, atomically, without waiting for the disk.
  Status Write(const Batch& batch);
  // Returns when everything written is on the disk. After a failure it fails until the database is
  // opened anew: what the disk has lost it may not tell twice.
  Status Sync();

  std::shared_ptr<const Snapshot> TakeSnapshot() const;

  // Everything written so far into table files, and the log files that held it away.
  Status Flush();
  // Whether so many documents or chunks were deleted, and are in no table file yet, that a Flush()
  // lets their space come back.
  bool ManyDeleted() const;
  // Writes the files anew that hold records of these documents, without what was deleted from them;
  // reads and writes go on. What an older snapshot still sees stays. Returns the bytes written,
  // about; without numbers there is nothing to do.
  StatusOr<uint64_t> RewriteDocuments(uint32_t tenant, uint32_t collection,
                                      std::span<const uint64_t> numbers);
  // The same for all documents of a collection.
  StatusOr<uint64_t> RewriteCollection(uint32_t tenant, uint32_t collection);

  // A table file of the store, or one of its log.
  struct File {
    std::string path;
    bool log = false;
    Family family = Family::kMeta;  // of a table
    std::string smallest, largest;  // its keys
  };
  // Those of this moment; they may be gone before they are read.
  StatusOr<std::vector<File>> Files() const;

  struct Rocks;
  const Rocks& rocks() const { return *rocks_; }  // for store/ alone, which knows what it is

 private:
  explicit Database(std::unique_ptr<Rocks> rocks);
  std::unique_ptr<Rocks> rocks_;
};

// Walks the records that begin with a prefix, in order. For one thread; the database outlives it.
class Database::Cursor {
 public:
  ~Cursor();

  // False past the last record and after an error, which status() then tells.
  bool Valid() const;
  Status status() const;
  void Next();
  // To the last one.
  void Last();

  // Requires Valid(); borrowed until Next(). DATA_LOSS if the record is damaged.
  std::string_view key() const;
  StatusOr<std::string_view> Payload() const;

 private:
  friend class Database;
  struct Place;
  explicit Cursor(std::unique_ptr<Place> place);
  std::unique_ptr<Place> place_;
};

// Parses `payload` into `record`; DATA_LOSS if it does not parse.
Status ParseRecord(std::string_view payload, google::protobuf::MessageLite* record);

}  // namespace cordon
