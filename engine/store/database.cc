#include "engine/store/database.h"

#include <fcntl.h>
#include <google/protobuf/message_lite.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <tuple>

#include "engine/base/checksum.h"
#include "engine/base/planted.h"
#include "engine/base/stand_back.h"
#include "engine/store/options_file.h"
#include "engine/store/rocks.h"
#include "engine/store/snapshot.h"
#include "engine/store/torn_manifest.h"

namespace cordon {
namespace {

constexpr size_t kSealBytes = sizeof(uint32_t);
constexpr size_t kBlockCacheBytes = 64 << 20;   // vectors are in memory already
constexpr size_t kWriteBufferBytes = 32 << 20;  // for each busy family
constexpr size_t kChunkBufferBytes = 64 << 20;  // fewer and larger files to merge
constexpr uint64_t kBytesPerSync = 1 << 20;
constexpr uint64_t kWalBytesMax = 256 << 20;  // bounds the replay at start

uint32_t SealOf(Family family, std::string_view key, std::string_view payload) {
  const char number = static_cast<char>(family);
  return Crc32(Crc32(Crc32(0, std::string_view(&number, 1)), key), payload);
}

// Appends the record's seal and payload to `bytes`; returns how many that are.
size_t AppendSealed(Family family, std::string_view key,
                    const google::protobuf::MessageLite& record, std::string* bytes) {
  const size_t payload_bytes = record.ByteSizeLong();
  const size_t at = bytes->size();
  bytes->resize(at + kSealBytes + payload_bytes);
  char* const payload = bytes->data() + at + kSealBytes;
  record.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(payload));
  const uint32_t seal = SealOf(family, key, std::string_view(payload, payload_bytes));
  std::memcpy(bytes->data() + at, &seal, kSealBytes);
  return kSealBytes + payload_bytes;
}

StatusOr<std::string_view> Unseal(Family family, std::string_view key, std::string_view value) {
  uint32_t seal = 0;
  if (value.size() >= kSealBytes) std::memcpy(&seal, value.data(), kSealBytes);
  if (value.size() < kSealBytes ||
      (seal != SealOf(family, key, value.substr(kSealBytes)) && !Planted(Bug::kSealUnchecked))) {
    spdlog::error("damaged record in family {}", FamilyName(family));
    return Corrupt("a stored record is damaged; restore from a backup");
  }
  return value.substr(kSealBytes);
}

rocksdb::Options DatabaseOptions(bool create) {
  rocksdb::Options options;
  options.create_if_missing = create;
  options.error_if_exists = create;
  options.create_missing_column_families = create;
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.track_and_verify_wals_in_manifest = true;
  options.max_total_wal_size = kWalBytesMax;
  // The disk begins to write while a group is still being applied: its sync then waits less. And
  // no table that is written in the background is in its way all at once.
  options.wal_bytes_per_sync = kBytesPerSync;
  options.bytes_per_sync = kBytesPerSync;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 4;
  options.max_open_files = 512;
  // The default starts 16 threads for each family, which costs more than the files it opens.
  options.max_file_opening_threads = 1;
  options.max_background_jobs = 2;
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = family == Family::kChunks ? kChunkBufferBytes : kWriteBufferBytes;
  // Each document that is written is looked up, and most are new: a filter says so at once.
  if (family == Family::kNumbers) {
    options.memtable_prefix_bloom_size_ratio = 0.02;
    options.memtable_whole_key_filtering = true;
  }
  options.compression = rocksdb::kNoCompression;  // what is encrypted does not compress
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kDeletionWindow, kDeletionWindow / 2));
  return options;
}

// RocksDB's threads are as the one that starts them, and writers alone wait for theirs.
void StartJobs(const rocksdb::Options& options) {
  std::thread([&options] {
    StandBack(Behind::kReaders);
    for (const auto pool : {rocksdb::Env::LOW, rocksdb::Env::HIGH}) {
      options.env->IncBackgroundThreadsIfNeeded(options.max_background_jobs, pool);
    }
  }).join();
}

}  // namespace

// RocksDB's status as ours; its text goes to the log only.
Status Translate(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return OkStatus();
  spdlog::error("store: {}: {}", doing, status.ToString());
  if (status.IsCorruption()) return Corrupt("the store is damaged; restore from a backup");
  if (status.IsNoSpace()) {
    return Status(StatusCode::kResourceExhausted, "data_dir", "the disk is full; free some space");
  }
  return Status(StatusCode::kUnavailable, "data_dir", "the store failed; see the server's log");
}

namespace {
rocksdb::ReadOptions ReadAt(const Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  if (snapshot != nullptr) options.snapshot = snapshot->get();
  return options;
}
}  // namespace

void Batch::Put(Family family, std::string_view key, const google::protobuf::MessageLite& record) {
  bytes_.append(key);
  changes_.push_back(
      {Change::kPut, family, key.size(), AppendSealed(family, key, record, &bytes_)});
}

void Batch::PutBytes(Family family, std::string_view key, std::string_view payload) {
  bytes_.append(key);
  const uint32_t seal = SealOf(family, key, payload);
  bytes_.append(reinterpret_cast<const char*>(&seal), kSealBytes).append(payload);
  changes_.push_back({Change::kPut, family, key.size(), kSealBytes + payload.size()});
}

void Batch::Delete(Family family, std::string_view key) {
  bytes_.append(key);
  changes_.push_back({Change::kDelete, family, key.size(), 0});
}

void Batch::DeletePrefix(Family family, std::string_view prefix) {
  bytes_.append(prefix);
  changes_.push_back({Change::kDeletePrefix, family, prefix.size(), 0});
}

void Batch::Clear() {
  changes_.clear();
  bytes_.clear();
}

Database::Database(std::unique_ptr<Rocks> rocks) : rocks_(std::move(rocks)) {}

Database::~Database() {
  for (auto* family : rocks_->families) {
    if (family != nullptr) rocks_->db->DestroyColumnFamilyHandle(family);
  }
  rocks_->db->Close();
}

StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, bool create,
                                                   Access access, rocksdb::Env* env) {
  const auto cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (size_t i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    descriptors.emplace_back(std::string(FamilyName(family)), FamilyOptions(family, cache));
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  auto options = DatabaseOptions(create);
  auto disk = WithoutOptionsFile(env != nullptr ? env : options.env);
  options.env = disk.get();
  StartJobs(options);
  auto status = access == Access::kReadOnly
                    ? rocksdb::DB::OpenForReadOnly(options, path, descriptors, &handles, &db)
                    : rocksdb::DB::Open(options, path, descriptors, &handles, &db);
  if (status.IsCorruption() && !create && access == Access::kReadWrite) {
    ASSIGN_OR_RETURN(const bool torn, CutTornManifest(options.env, path));
    if (torn) {
      spdlog::warn("store: the last record of the MANIFEST was torn and is cut off");
      status = rocksdb::DB::Open(options, path, descriptors, &handles, &db);
    }
  }
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  "another server has this directory open; stop it or use another directory");
  }
  RETURN_IF_ERROR(Translate(status, "open"));
  auto rocks = std::make_unique<Rocks>();
  rocks->disk = std::move(disk);
  rocks->db.reset(db);
  std::copy(handles.begin(), handles.end(), rocks->families.begin());
  return std::unique_ptr<Database>(new Database(std::move(rocks)));
}

StatusOr<bool> Database::Get(Family family, const std::string& key,
                             google::protobuf::MessageLite* record,
                             const Snapshot* snapshot) const {
  rocksdb::PinnableSlice value;
  const auto status = rocks_->db->Get(ReadAt(snapshot), rocks_->Of(family), key, &value);
  if (status.IsNotFound()) return false;
  RETURN_IF_ERROR(Translate(status, "read"));
  ASSIGN_OR_RETURN(const std::string_view payload, Unseal(family, key, View(value)));
  RETURN_IF_ERROR(ParseRecord(payload, record));
  return true;
}

Status Database::GetMany(Family family, std::span<const std::string> keys, const Found& found,
                         const Snapshot* snapshot) const {
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  rocks_->db->MultiGet(ReadAt(snapshot), rocks_->Of(family), keys.size(), slices.data(),
                       values.data(), statuses.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    RETURN_IF_ERROR(Translate(statuses[i], "read"));
    ASSIGN_OR_RETURN(const std::string_view payload, Unseal(family, keys[i], View(values[i])));
    RETURN_IF_ERROR(found(i, payload));
  }
  return OkStatus();
}

Status Database::Scan(Family family, const std::string& prefix, const Visit& visit,
                      const Snapshot* snapshot) const {
  return ScanFrom(family, prefix, PrefixEnd(prefix), visit, snapshot);
}

Status Database::ScanFrom(Family family, const std::string& from, const std::string& end,
                          const Visit& visit, const Snapshot* snapshot) const {
  const auto cursor = Walk(family, from, end, snapshot);
  for (; cursor->Valid(); cursor->Next()) {
    ASSIGN_OR_RETURN(const std::string_view payload, cursor->Payload());
    RETURN_IF_ERROR(visit(cursor->key(), payload));
  }
  return cursor->status();
}

struct Database::Cursor::Place {
  Family family;
  std::string end;
  rocksdb::Slice upper;
  std::unique_ptr<rocksdb::Iterator> it;
};

std::unique_ptr<Database::Cursor> Database::Walk(Family family, const std::string& prefix) const {
  return Walk(family, prefix, PrefixEnd(prefix), nullptr);
}

std::unique_ptr<Database::Cursor> Database::Walk(Family family, const std::string& from,
                                                 const std::string& end,
                                                 const Snapshot* snapshot) const {
  auto place = std::make_unique<Cursor::Place>();
  place->family = family;
  place->end = end;
  place->upper = Slice(place->end);
  auto options = ReadAt(snapshot);
  options.iterate_upper_bound = &place->upper;
  options.fill_cache = false;
  place->it.reset(rocks_->db->NewIterator(options, rocks_->Of(family)));
  place->it->Seek(from);
  return std::unique_ptr<Cursor>(new Cursor(std::move(place)));
}

Database::Cursor::Cursor(std::unique_ptr<Place> place) : place_(std::move(place)) {}
Database::Cursor::~Cursor() = default;
bool Database::Cursor::Valid() const { return place_->it->Valid(); }
Status Database::Cursor::status() const { return Translate(place_->it->status(), "scan"); }
void Database::Cursor::Next() { place_->it->Next(); }
void Database::Cursor::Last() { place_->it->SeekToLast(); }
std::string_view Database::Cursor::key() const { return View(place_->it->key()); }
StatusOr<std::string_view> Database::Cursor::Payload() const {
  return Unseal(place_->family, key(), View(place_->it->value()));
}

std::vector<Batch::Entry> Batch::Sorted() const {
  std::vector<Entry> entries;
  entries.reserve(changes_.size());
  bool ranges = false;
  std::string_view left = bytes_;
  const auto take = [&left](size_t bytes) {
    const std::string_view taken = left.substr(0, bytes);
    left.remove_prefix(bytes);
    return taken;
  };
  for (const auto& change : changes_) {
    const std::string_view key = take(change.key_bytes);
    entries.push_back({change.kind, change.family, key, take(change.value_bytes)});
    ranges = ranges || change.kind == Change::kDeletePrefix;
  }
  // What was changed twice keeps its order; a range must not pass the changes of its keys.
  if (ranges) return entries;
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.family, a.key) < std::tie(b.family, b.key);
  });
  return entries;
}

Status Database::Rocks::Fill(const Batch& batch) {
  filled.Clear();
  for (const auto& change : batch.Sorted()) {
    auto* family = Of(change.family);
    const rocksdb::Slice key = Slice(change.key);
    rocksdb::Status status;
    switch (change.kind) {
      case Batch::Change::kPut:
        status = filled.Put(family, key, Slice(change.value));
        break;
      case Batch::Change::kDelete:
        status = filled.Delete(family, key);
        break;
      case Batch::Change::kDeletePrefix:
        status = filled.DeleteRange(family, key, PrefixEnd(std::string(change.key)));
        break;
    }
    RETURN_IF_ERROR(Translate(status, "fill a batch"));
  }
  return OkStatus();
}

Status Database::Write(const Batch& batch) {
  std::lock_guard lock(rocks_->filling);
  RETURN_IF_ERROR(rocks_->Fill(batch));
  rocksdb::WriteOptions options;
  options.sync = false;  // Sync() follows once for all batches of a group, before the answer
  return Translate(rocks_->db->Write(options, &rocks_->filled), "write");
}

Status Database::Sync() {
  if (Planted(Bug::kStoreUnsynced)) return OkStatus();
  std::lock_guard lock(rocks_->syncing);
  if (rocks_->synced.ok()) {
    rocks_->synced = Translate(rocks_->db->FlushWAL(/*sync=*/true), "sync");
  }
  return rocks_->synced;
}

std::shared_ptr<const Snapshot> Database::TakeSnapshot() const {
  return std::make_shared<const Snapshot>(rocks_->db.get(), rocks_->kept);
}

Status ParseRecord(std::string_view payload, google::protobuf::MessageLite* record) {
  if (record->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return OkStatus();
  spdlog::error("a sealed record does not parse");
  return Corrupt("a stored record is damaged; restore from a backup");
}

}  // namespace cordon
