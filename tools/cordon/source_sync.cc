#include "tools/cordon/source_sync.h"

#include <optional>

#include "engine/base/limits.h"
#include "tools/cordon/message_size.h"

namespace cordon {

void SourceSyncRun::Restart() {
  message_.Clear();
  *message_.mutable_begin() = begin_;
  message_bytes_ = 0;
  incomplete_ = false;
  lines_ = {};
  synced_ = {};
}

bool SourceSyncRun::SendMessage(Stream& stream) {
  const bool sent = stream.Write(message_);
  message_.Clear();
  message_bytes_ = 0;
  return sent;
}

bool SourceSyncRun::SendLine(ListedLine& line, Stream& stream) {
  if (line.refused.ok()) line.refused = CheckMessageSize(line.document);
  if (!line.refused.ok()) {
    incomplete_ = true;
    ++synced_.refused;
    if (synced_.refusals.size() < limits::kListedRefusals) {
      synced_.refusals.push_back(RefusedOf(line));
    }
    return true;
  }
  const auto count = static_cast<size_t>(message_.documents_size() + message_.unchanged_size());
  const size_t bytes = BytesInMessage(line.document);
  const bool full = count >= kBatchDocuments || message_bytes_ + bytes > kBatchBytes;
  if (count > 0 && full && !SendMessage(stream)) return false;
  message_bytes_ += bytes;
  ++synced_.listed;
  lines_.Move(line, &message_);
  return true;
}

Status SourceSyncRun::SendAll(ListingFile& file, Stream& stream) {
  ListedLine line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, file.Next(line));
    if (!more) break;
    if (!SendLine(line, stream)) return OkStatus();  // the end of the call says why
    progress_.Update({synced_.listed, synced_.refused, file.Fraction()});
  }
  message_.mutable_commit()->set_documents(synced_.listed);
  message_.mutable_commit()->set_incomplete(incomplete_);
  if (SendMessage(stream)) stream.WritesDone();
  return OkStatus();
}

StatusOr<SyncedSource> SourceSyncRun::Send(const std::string& path) {
  const auto stub = v1::Ingest::NewStub(connection_.channel());
  std::optional<Status> failed;  // of the file, not of the call
  const auto send = [&](grpc::ClientContext* context, v1::SyncSourceResponse* answer) {
    Restart();
    auto file = ListingFile::Open(path);
    if (!file.ok()) {
      failed = file.status();
      return grpc::Status(grpc::StatusCode::CANCELLED, "");
    }
    const auto stream = stub->SyncSource(context, answer);
    if (const Status sent = SendAll(*file, *stream); !sent.ok()) {
      failed = sent;
      context->TryCancel();  // without an end nothing is deleted
    }
    grpc::Status ended = stream->Finish();
    const bool once = path == "-" && ended.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    if (once) failed = connection_.Outcome(ended).status;
    return once ? grpc::Status(grpc::StatusCode::CANCELLED, "") : ended;
  };
  auto response = connection_.Call<v1::SyncSourceResponse>(send, std::chrono::milliseconds(0));
  if (failed) return *failed;
  RETURN_IF_ERROR(response.status());
  synced_.response = *std::move(response);
  synced_.refused += synced_.response.refused_documents();
  lines_.MergeRefusals(synced_.response.refused(), &synced_.refusals);
  return std::move(synced_);
}

}  // namespace cordon
