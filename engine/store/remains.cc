#include "engine/store/remains.h"

#include "engine/store/raw_files.h"

namespace cordon {
namespace {

class Search {
 public:
  Search(uint32_t tenant, uint32_t collection, const std::set<uint64_t>& numbers)
      : prefix_(CollectionPrefix(tenant, collection)),
        first_(DocumentKey(tenant, collection, *numbers.begin())),
        end_(PrefixEnd(DocumentKey(tenant, collection, *numbers.rbegin()))),
        numbers_(numbers) {}

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
    if (file.smallest >= end_ || file.largest < first_) return OkStatus();  // its keys say so
    return ReadTableFile(file.path, visit);
  }

  const Searched& searched() const { return searched_; }

 private:
  static bool HoldsDocuments(Family family) {
    return family == Family::kDocuments || family == Family::kChunks;
  }

  // Deletions hold a number and nothing else.
  void Note(const RawEntry& entry) {
    if (entry.deletion || !HoldsDocuments(entry.family) || !entry.key.starts_with(prefix_)) return;
    if (entry.key.size() >= first_.size() && numbers_.contains(DocumentNumber(entry.key))) {
      ++searched_.records_left;
    }
  }

  const std::string prefix_;
  const std::string first_;
  const std::string end_;
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
