#include "engine/store/raw_files.h"

#include <fmt/format.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/write_batch.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace cordon {
namespace {

constexpr size_t kFooterBytes = 53;
constexpr uint64_t kTableMagic = 0x88e241b785f4cff7;
constexpr size_t kBlockTrailerBytes = 5;  // compression, checksum
constexpr size_t kEntryTrailerBytes = 8;  // sequence and type of an internal key
constexpr uint8_t kDeletion = 0;
constexpr uint8_t kValue = 1;
constexpr uint8_t kSingleDeletion = 7;

Status Unreadable(const std::string& path, std::string_view what) {
  return Corrupt(fmt::format("{}: {}", path, what));
}

StatusOr<std::string> ReadFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return NotFound("data_dir", path + " is gone");
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) return Unreadable(path, "cannot be read");
  return bytes;
}

// Takes numbers and bytes from the front; `ok` turns false when there are none.
struct Parser {
  std::string_view left;
  bool ok = true;

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left.empty()) break;
      const auto byte = static_cast<uint8_t>(left.front());
      left.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    ok = false;
    return 0;
  }
  std::string_view Bytes(size_t count) {
    if (count > left.size()) {
      ok = false;
      return {};
    }
    const std::string_view taken = left.substr(0, count);
    left.remove_prefix(count);
    return taken;
  }
};

template <typename Number>
Number LittleEndian(std::string_view bytes) {
  Number number = 0;
  std::memcpy(&number, bytes.data(), sizeof(number));
  return number;
}

struct Handle {
  uint64_t offset;
  uint64_t size;
};

Handle ReadHandle(Parser* parser) {
  const uint64_t offset = parser->Varint();
  return {offset, parser->Varint()};
}

// A block's entries, without the restart points behind them.
StatusOr<std::string_view> BlockOf(const std::string& path, std::string_view file,
                                   const Handle& handle) {
  if (handle.offset > file.size() || handle.size > file.size() - handle.offset ||
      handle.size + kBlockTrailerBytes > file.size() - handle.offset || handle.size < 4) {
    return Unreadable(path, "a block lies outside of it");
  }
  if (file[handle.offset + handle.size] != 0) return Unreadable(path, "a block is compressed");
  const std::string_view block = file.substr(handle.offset, handle.size);
  const uint64_t restarts = LittleEndian<uint32_t>(block.substr(block.size() - 4));
  if (restarts > (block.size() - 4) / 4) return Unreadable(path, "a block has no such form");
  return block.substr(0, block.size() - 4 - restarts * 4);
}

// Calls `visit(key, rest)` for each entry; `rest` stands before the value and is left behind it.
template <typename Visit>
Status EachEntry(const std::string& path, std::string_view block, bool with_size, Visit visit) {
  Parser parser{block};
  std::string key;
  while (!parser.left.empty()) {
    const uint64_t shared = parser.Varint();
    const uint64_t fresh = parser.Varint();
    const uint64_t size = with_size ? parser.Varint() : 0;
    const std::string_view bytes = parser.Bytes(fresh);
    if (!parser.ok || shared > key.size()) return Unreadable(path, "a block's entry is damaged");
    key.resize(shared);
    key += bytes;
    RETURN_IF_ERROR(visit(std::string_view(key), size, &parser));
    if (!parser.ok) return Unreadable(path, "a block's entry is damaged");
  }
  return OkStatus();
}

std::optional<Family> FamilyNamed(std::string_view name) {
  for (size_t i = 0; i < kFamilies; ++i) {
    if (FamilyName(static_cast<Family>(i)) == name) return static_cast<Family>(i);
  }
  return std::nullopt;
}

Status VisitBlock(const std::string& path, std::string_view block, Family family,
                  const VisitEntry& visit, uint64_t* entries) {
  return EachEntry(path, block, true, [&](std::string_view key, uint64_t size, Parser* parser) {
    const std::string_view value = parser->Bytes(size);
    if (!parser->ok || key.size() < kEntryTrailerBytes) {
      return Unreadable(path, "an entry is damaged");
    }
    const auto type = static_cast<uint8_t>(key[key.size() - kEntryTrailerBytes]);
    if (type != kDeletion && type != kValue && type != kSingleDeletion) {
      return Unreadable(path, fmt::format("an entry of type {}", type));
    }
    ++*entries;
    return visit({family, key.substr(0, key.size() - kEntryTrailerBytes), value, type != kValue});
  });
}

class Batches final : public rocksdb::WriteBatch::Handler {
 public:
  explicit Batches(const VisitEntry& visit) : visit_(visit) {}

  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    return Take(family, key, value, false);
  }
  rocksdb::Status DeleteCF(uint32_t family, const rocksdb::Slice& key) override {
    return Take(family, key, {}, true);
  }
  rocksdb::Status DeleteRangeCF(uint32_t family, const rocksdb::Slice& begin,
                                const rocksdb::Slice&) override {
    return Take(family, begin, {}, true);
  }
  void LogData(const rocksdb::Slice&) override {}
  const Status& status() const { return status_; }

 private:
  rocksdb::Status Take(uint32_t family, const rocksdb::Slice& key, const rocksdb::Slice& value,
                       bool deletion) {
    if (family >= kFamilies) {
      status_ = Corrupt("the log has a family that is not known");
    } else {
      status_ = visit_({static_cast<Family>(family),
                        {key.data(), key.size()},
                        {value.data(), value.size()},
                        deletion});
    }
    return status_.ok() ? rocksdb::Status::OK() : rocksdb::Status::Aborted();
  }

  const VisitEntry& visit_;
  Status status_;
};

}  // namespace

Status ReadTableFile(const std::string& path, const VisitEntry& visit) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  rocksdb::SstFileReader reader{rocksdb::Options()};
  if (!reader.Open(path).ok() || !reader.VerifyChecksum().ok()) {
    return Unreadable(path, "is damaged");
  }
  const auto properties = reader.GetTableProperties();
  const auto family = FamilyNamed(properties->column_family_name);
  if (!family || bytes.size() < kFooterBytes ||
      LittleEndian<uint64_t>(std::string_view(bytes).substr(bytes.size() - 8)) != kTableMagic) {
    return Unreadable(path, "is no table of this store");
  }
  Parser footer{std::string_view(bytes).substr(bytes.size() - kFooterBytes + 1)};
  ReadHandle(&footer);  // of the meta blocks
  const Handle index = ReadHandle(&footer);
  ASSIGN_OR_RETURN(const std::string_view index_block, BlockOf(path, bytes, index));
  uint64_t entries = 0;
  // Every entry of the index is a restart point: its handle is whole.
  RETURN_IF_ERROR(EachEntry(path, index_block, properties->index_value_is_delta_encoded == 0,
                            [&](std::string_view, uint64_t, Parser* parser) -> Status {
                              const Handle data = ReadHandle(parser);
                              if (!parser->ok) return OkStatus();  // which the caller sees
                              ASSIGN_OR_RETURN(const std::string_view block,
                                               BlockOf(path, bytes, data));
                              return VisitBlock(path, block, *family, visit, &entries);
                            }));
  // Ranges of deletions lie in a block of their own, and hold no values.
  if (entries + properties->num_range_deletions != properties->num_entries) {
    return Unreadable(path, "not all of its entries could be read");
  }
  return OkStatus();
}

Status ReadLogFile(const std::string& path, const VisitLogRecord& visit) {
  constexpr size_t kBlockBytes = 32768, kHeaderBytes = 7, kRecyclableHeaderBytes = 11;
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  std::string record;
  for (size_t at = 0; at < bytes.size();) {
    const size_t in_block = kBlockBytes - at % kBlockBytes;
    if (in_block < kHeaderBytes) {
      at += in_block;
      continue;
    }
    if (bytes.size() - at < kHeaderBytes) break;  // torn: whoever opens the store judges that
    const auto length = LittleEndian<uint16_t>(std::string_view(bytes).substr(at + 4, 2));
    const auto type = static_cast<uint8_t>(bytes[at + 6]);
    if (type == 0 && length == 0) {  // room that was made beforehand
      at += in_block;
      continue;
    }
    const bool recyclable = type >= 5 && type <= 8;
    const size_t head = recyclable ? kRecyclableHeaderBytes : kHeaderBytes;
    if (type > 8 || head + length > in_block) return Unreadable(path, "a record is damaged");
    if (bytes.size() - at < head + length) break;
    const int part = recyclable ? type - 4 : type;  // 1 whole, 2 first, 3 middle, 4 last
    if (part <= 2) record.clear();
    record.append(bytes, at + head, length);
    if (part == 1 || part == 4) RETURN_IF_ERROR(visit(record));
    at += head + length;
  }
  return OkStatus();
}

Status ReadLogRecord(std::string_view record, const VisitEntry& visit) {
  Batches batches(visit);
  const rocksdb::WriteBatch batch{std::string(record)};
  const auto read = batch.Iterate(&batches);
  RETURN_IF_ERROR(batches.status());
  return read.ok() ? OkStatus() : Corrupt("a record of the log is damaged");
}

}  // namespace cordon
