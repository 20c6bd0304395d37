// A snapshot of RocksDB, and what was opened at it. Internal to store/.
#pragma once

#include <rocksdb/db.h>

#include <memory>

#include "cordon/store/v1/records.pb.h"
#include "engine/store/kept_records.h"

namespace cordon {

class Snapshot {
 public:
  Snapshot(rocksdb::DB* db, const std::shared_ptr<KeptBytes>& kept)
      : db_(db), snapshot_(db->GetSnapshot()), documents_(kept), chunks_(kept) {}
  ~Snapshot() { db_->ReleaseSnapshot(snapshot_); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  const rocksdb::Snapshot* get() const { return snapshot_; }

  // By the documents' ids, and by the chunks' keys.
  KeptRecords<store::v1::DocumentRecord>& documents() const { return documents_; }
  KeptRecords<store::v1::ChunkRecord>& chunks() const { return chunks_; }

 private:
  rocksdb::DB* db_;
  const rocksdb::Snapshot* snapshot_;
  mutable KeptRecords<store::v1::DocumentRecord> documents_;
  mutable KeptRecords<store::v1::ChunkRecord> chunks_;
};

}  // namespace cordon
