// The files below the database: written out, written anew, named, verified.
#include <rocksdb/metadata.h>
#include <rocksdb/transaction_log.h>

#include <algorithm>

#include "engine/store/rocks.h"

namespace cordon {
namespace {

// More ranges than this are rewritten as one: a file that lies between two of them is small change.
constexpr size_t kRangesMax = 64;

struct Range {
  uint64_t first;
  uint64_t last;
};

// Ranges that hold all of `numbers`: neighbours together, and not more than kRangesMax.
std::vector<Range> RangesOf(std::span<const uint64_t> numbers) {
  std::vector<uint64_t> sorted(numbers.begin(), numbers.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<Range> ranges;
  const size_t each = sorted.size() / kRangesMax + 1;
  for (size_t i = 0; i < sorted.size(); i += each) {
    ranges.push_back({sorted[i], sorted[std::min(i + each, sorted.size()) - 1]});
  }
  return ranges;
}

StatusOr<uint64_t> RewriteRanges(const Database::Rocks& rocks, uint32_t tenant, uint32_t collection,
                                 const std::vector<Range>& ranges) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  uint64_t bytes = 0;
  for (const Family family : {Family::kDocuments, Family::kChunks}) {
    for (const Range& range : ranges) {
      const std::string first = DocumentKey(tenant, collection, range.first);
      const std::string last = PrefixEnd(DocumentKey(tenant, collection, range.last));
      const rocksdb::Slice begin(first), end(last);
      const rocksdb::Range counted(begin, end);
      uint64_t size = 0;
      rocksdb::SizeApproximationOptions approximate;
      approximate.include_files = true;
      RETURN_IF_ERROR(Translate(
          rocks.db->GetApproximateSizes(approximate, rocks.Of(family), &counted, 1, &size),
          "measure"));
      RETURN_IF_ERROR(
          Translate(rocks.db->CompactRange(options, rocks.Of(family), &begin, &end), "compact"));
      bytes += size;
    }
  }
  return bytes;
}

}  // namespace

Status Database::Flush() {
  rocksdb::FlushOptions options;
  options.wait = true;
  const std::vector<rocksdb::ColumnFamilyHandle*> families(rocks_->families.begin(),
                                                           rocks_->families.end());
  RETURN_IF_ERROR(Translate(rocks_->db->Flush(options, families), "flush"));
  return Sync();
}

// RocksDB sees what is deleted where it writes a table file.
bool Database::ManyDeleted() const {
  for (const Family family : {Family::kDocuments, Family::kChunks}) {
    uint64_t deleted = 0;
    rocks_->db->GetIntProperty(rocks_->Of(family),
                               rocksdb::DB::Properties::kNumDeletesActiveMemTable, &deleted);
    if (deleted >= kDeletionWindow) return true;
  }
  return false;
}

StatusOr<uint64_t> Database::RewriteDocuments(uint32_t tenant, uint32_t collection,
                                              std::span<const uint64_t> numbers) {
  return RewriteRanges(*rocks_, tenant, collection, RangesOf(numbers));
}

StatusOr<uint64_t> Database::RewriteCollection(uint32_t tenant, uint32_t collection) {
  return RewriteRanges(*rocks_, tenant, collection, {{0, UINT64_MAX}});
}

StatusOr<std::vector<Database::File>> Database::Files() const {
  std::vector<File> files;
  for (size_t i = 0; i < kFamilies; ++i) {
    rocksdb::ColumnFamilyMetaData meta;
    rocks_->db->GetColumnFamilyMetaData(rocks_->families[i], &meta);
    for (const auto& level : meta.levels) {
      for (const auto& file : level.files) {
        files.push_back({file.db_path + file.name, false, static_cast<Family>(i), file.smallestkey,
                         file.largestkey});
      }
    }
  }
  rocksdb::VectorLogPtr logs;
  RETURN_IF_ERROR(Translate(rocks_->db->GetSortedWalFiles(logs), "list the log"));
  for (const auto& log : logs) {
    files.push_back({rocks_->db->GetName() + log->PathName(), true, Family::kMeta, "", ""});
  }
  return files;
}

}  // namespace cordon
