#include "engine/journal/chain_writer.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/planted.h"

namespace cordon::journal {

ChainWriter::ChainWriter(Options options, const ChainKeys& keys, std::shared_ptr<LogFiles> files,
                         Recovered recovered, RecordIndex* index)
    : options_(std::move(options)),
      keys_(keys),
      files_(std::move(files)),
      index_(index),
      file_(std::move(recovered.file)),
      end_(recovered.end),
      last_(recovered.last),
      synced_(recovered.last) {}

Status ChainWriter::Write(const std::vector<const Draft*>& drafts) {
  // A file whose chain is still its header's holds no record: following it would never end.
  const bool holds_records = last_.sequence > 0 && end_.chain == last_.mac;
  if (end_.offset >= options_.file_bytes_max && holds_records) RETURN_IF_ERROR(Rotate());
  buffer_.clear();
  for (const Draft* draft : drafts) Append(*draft);
  return file_->Append(buffer_);
}

Status ChainWriter::Sync() {
  if (!Planted(Bug::kJournalUnsynced)) RETURN_IF_ERROR(file_->Sync());
  synced_ = last_;
  return OkStatus();
}

// Only the newest file may have a torn end, so this one is whole before the next exists.
Status ChainWriter::Rotate() {
  RETURN_IF_ERROR(Sync());
  const FileHeader header{.number = end_.number + 1, .before = last_, .tenant = options_.tenant};
  std::string bytes;
  const Digest mac = AppendHeader(header, keys_.header, &bytes);
  const auto path = options_.directory / LogFileName(header.number);
  RETURN_IF_ERROR(files_->Create(path, bytes));
  ASSIGN_OR_RETURN(file_, files_->OpenToAppend(path));
  end_.number = header.number;
  end_.offset = bytes.size();
  end_.chain = mac;
  return OkStatus();
}

void ChainWriter::Append(const Draft& draft) {
  CORDON_CHECK(draft.sequence == last_.sequence + 1);
  Record place;
  place.set_sequence(draft.sequence);
  place.set_time_us(draft.time);
  place.set_synced(synced_.sequence);
  // Serialized messages that follow each other are one message (protobuf encoding, "Last One
  // Wins").
  const std::string payload = place.SerializeAsString() + draft.body;
  const Digest mac = ChainMac(keys_.record, end_.chain, payload);
  index_->Note(end_);
  const size_t before = buffer_.size();
  AppendFrame(payload, mac, &buffer_);
  last_ = {draft.sequence, mac};
  end_.offset += buffer_.size() - before;
  end_.last = draft.sequence;
  end_.chain = mac;
}

}  // namespace cordon::journal
