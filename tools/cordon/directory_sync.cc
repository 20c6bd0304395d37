#include "tools/cordon/directory_sync.h"

#include "tools/cordon/line_field.h"

namespace cordon {
namespace {

constexpr size_t kMessageBytes = 2 << 20;  // far below what a message takes; a large record is one

}  // namespace

StatusOr<v1::SyncDirectoryResponse> SendSnapshot(const Connection& connection,
                                                 const v1::SyncBegin& begin,
                                                 const DirectoryFile& file) {
  const auto stub = v1::Directory::NewStub(connection.channel());
  const auto send = [&](grpc::ClientContext* context, v1::SyncDirectoryResponse* answer) {
    const auto stream = stub->SyncDirectory(context, answer);
    v1::SyncDirectoryRequest message;
    *message.mutable_begin() = begin;
    size_t bytes = 0;
    bool alive = true;
    for (const auto& record : file.request.principals()) {
      const size_t more = record.ByteSizeLong();
      if (bytes > 0 && bytes + more > kMessageBytes) {
        alive = stream->Write(message);
        if (!alive) break;  // refused; the end says why
        message.Clear();
        bytes = 0;
      }
      *message.add_principals() = record;
      bytes += more;
    }
    message.mutable_commit()->set_principals(static_cast<uint64_t>(file.request.principals_size()));
    if (alive && stream->Write(message)) stream->WritesDone();
    return stream->Finish();
  };
  const auto response = connection.Call<v1::SyncDirectoryResponse>(send, kLongCallTimeout);
  if (!response.ok()) return AtLine(response.status(), "principals", file.lines);
  return response;
}

}  // namespace cordon
