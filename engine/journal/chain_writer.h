// Appends records to a journal's newest file, each linked to the one before.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/journal/recovery.h"

namespace cordon::journal {

// A record on its way: everything but what only its place decides, already serialized.
struct Draft {
  uint64_t sequence = 0;
  Micros time = 0;
  std::string body;  // serialized Record without sequence, time_us and synced
};

// The bytes that the fields of a draft beside its body add to it, at most: three tags and varints.
inline constexpr size_t kDraftFieldBytes = 3 * 12;

// Not thread-safe: the journal's writer thread owns it. After an error it must not be used again.
class ChainWriter {
 public:
  struct Options {
    std::filesystem::path directory;
    std::string tenant;
    uint64_t file_bytes_max;
  };

  // Goes on where `recovered` ended. `index` outlives the writer.
  ChainWriter(Options options, const ChainKeys& keys, std::shared_ptr<LogFiles> files,
              Recovered recovered, RecordIndex* index);

  // Appends `drafts`, whose sequences follow the last record's, with one write. A file that has
  // reached its bound is synced and followed by a new one first.
  Status Write(const std::vector<const Draft*>& drafts);

  // Makes everything written durable.
  Status Sync();

  // The last record written.
  const JournalAnchor& last() const { return last_; }
  // The last record synced.
  const JournalAnchor& synced() const { return synced_; }

 private:
  Status Rotate();
  void Append(const Draft& draft);

  const Options options_;
  const ChainKeys keys_;
  const std::shared_ptr<LogFiles> files_;
  RecordIndex* const index_;
  std::unique_ptr<LogFile> file_;
  Mark end_;
  JournalAnchor last_;
  JournalAnchor synced_;
  std::string buffer_;
};

}  // namespace cordon::journal
