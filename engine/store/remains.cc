#include "engine/store/remains.h"

#include "engine/store/raw_files.h"

namespace cordon {
namespace {

constexpr size_t kDocumentKeyBytes = 16;  // tenant, collection, number

class Search {
 public:
  Search(uint32_t tenant, uint32_t collection, const std::set<uint64_t>& numbers)
      : prefix_(CollectionPrefix(tenant, collection)), numbers_(numbers) {}

  Status File(const Database::File& file) {
    const auto visit = [this](const RawEntry& entry) {
      Note(entry);
      return OkStatus();
    };
    if (file.log) {
      ++searched_.files;
      return ReadLogFile(file.path,
                         [&](std::string_view record) { return ReadLogRecord(record, visit); });
    }
    if (!HoldsDocuments(file.family)) return OkStatus();
    ++searched_.files;
    return MayHold(file) ? ReadTableFile(file.path, visit) : OkStatus();
  }

  const Searched& searched() const { return searched_; }

 private:
  static bool HoldsDocuments(Family family) {
    return family == Family::kDocuments || family == Family::kChunks;
  }

  // Whether one of the numbers lies between the table's first and last key. A key may be the end of
  // a range of deletions, which is shorter than a document's.
  bool MayHold(const Database::File& file) const {
    if (file.largest < prefix_ || file.smallest >= PrefixEnd(prefix_)) return false;
    const auto number_of = [&](const std::string& key, uint64_t otherwise) {
      const bool whole = key.starts_with(prefix_) && key.size() >= kDocumentKeyBytes;
      return whole ? DocumentNumber(key) : otherwise;
    };
    const auto first = numbers_.lower_bound(number_of(file.smallest, 0));
    return first != numbers_.end() && *first <= number_of(file.largest, UINT64_MAX);
  }

  // Deletions hold a number and nothing else.
  void Note(const RawEntry& entry) {
    if (entry.deletion || !HoldsDocuments(entry.family) || !entry.key.starts_with(prefix_)) return;
    if (entry.key.size() >= kDocumentKeyBytes && numbers_.contains(DocumentNumber(entry.key))) {
      ++searched_.records_left;
    }
  }

  const std::string prefix_;
  const std::set<uint64_t>& numbers_;
  Searched searched_;
};

}  // namespace

StatusOr<Searched> SearchRemains(const Database& database, uint32_t tenant, uint32_t collection,
                                 const std::set<uint64_t>& numbers) {
  if (numbers.empty()) return Searched{};
  Search search(tenant, collection, numbers);
  ASSIGN_OR_RETURN(const auto files, database.Files());
  for (const auto& file : files) {
    const Status read = search.File(file);
    if (read.code() == StatusCode::kNotFound) {
      return Status(StatusCode::kUnavailable, "data_dir", "files were rewritten meanwhile");
    }
    RETURN_IF_ERROR(read);
  }
  return search.searched();
}

}  // namespace cordon
