#include "engine/journal/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/planted.h"

namespace cordon::journal {
namespace {

namespace fs = std::filesystem;

Status CutTail(uint64_t last, uint64_t anchor) {
  return Corrupt(
      fmt::format("cut or replaced journal tail: the journal ends at record {}, and the store "
                  "remembers record {}; restore the journal's directory from a copy",
                  last, anchor));
}

Status Replaced(uint64_t sequence) {
  return Corrupt(
      fmt::format("cut or replaced journal tail: record {} is not the one that the store "
                  "remembers; restore the journal's directory from a copy",
                  sequence));
}

// Reads all records; on return the reader stands at the end or at a torn end.
Status ReadAll(const std::optional<JournalAnchor>& anchor, ChainReader* reader, RecordIndex* index,
               const std::function<void(const Record&)>& visit, Recovered* recovered) {
  while (reader->Next()) {
    const Record& record = reader->record();
    index->Note(reader->place());
    if (visit) visit(record);
    recovered->last_time = record.time_us();
    if (record.mutation()) recovered->last_revision = record.revision();
    if (anchor && anchor->sequence == record.sequence() && *anchor != reader->last()) {
      return Replaced(record.sequence());
    }
  }
  if (reader->damage() && reader->damage()->kind != Damage::Kind::kTorn) {
    return reader->damage()->ToStatus();
  }
  if (anchor && reader->last().sequence < anchor->sequence && !Planted(Bug::kAnchorUnchecked)) {
    return CutTail(reader->last().sequence, anchor->sequence);
  }
  return OkStatus();
}

}  // namespace

StatusOr<Recovered> Recover(const fs::path& directory, const std::string& tenant,
                            const ChainKeys& keys, const std::optional<JournalAnchor>& anchor,
                            LogFiles* files, RecordIndex* index,
                            const std::function<void(const v1::Record&)>& visit) {
  ASSIGN_OR_RETURN(const auto numbers, ListLogFiles(directory));
  if (numbers.empty()) {
    if (anchor && anchor->sequence > 0) return CutTail(0, anchor->sequence);
    std::string header;
    AppendHeader({.tenant = tenant}, keys.header, &header);
    RETURN_IF_ERROR(files->Create(directory / LogFileName(1), header));
  }
  Recovered recovered;
  ChainReader reader(directory, tenant, keys);
  RETURN_IF_ERROR(ReadAll(anchor, &reader, index, visit, &recovered));
  recovered.end = reader.end();
  recovered.last = reader.last();
  const fs::path newest = directory / LogFileName(recovered.end.number);
  ASSIGN_OR_RETURN(recovered.file, files->OpenToAppend(newest));
  if (reader.damage()) {
    ASSIGN_OR_RETURN(const FileView view, FileView::Open(newest));
    recovered.cut_bytes = view.size() - recovered.end.offset;
    RETURN_IF_ERROR(recovered.file->Truncate(recovered.end.offset));
  }
  // What was read may have been in memory only, if the process before was killed.
  RETURN_IF_ERROR(recovered.file->Sync());
  return recovered;
}

}  // namespace cordon::journal
