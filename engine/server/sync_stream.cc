#include "engine/server/sync_stream.h"

namespace cordon {

SyncStream::SyncStream(Front* front, grpc::CallbackServerContext* context,
                       v1::SyncDirectoryResponse* response)
    : ClientStream(front, context, response), sync_(&front->syncs) {
  Start();
}

void SyncStream::Open(const Authenticated& caller) {
  OpenSync(front_->engine->WriteAs(caller), [this](const Status& status) { ReadIfOk(status); });
}

void SyncStream::Process(const Authenticated& caller) {
  const WriteContext write = front_->engine->WriteAs(caller);
  const Status taken = sync_.Add(write, incoming_);
  if (!taken.ok()) return Refuse(caller, taken);
  if (!incoming_.has_commit()) return Read();
  sync_.Commit(write, [this](auto result) { Answer(std::move(result)); });
}

void SyncStream::Refuse(const Authenticated& caller, const Status& status) {
  RefuseJournaled(front_->engine->FindTenant(caller.tenant()), caller, "SyncDirectory", status,
                  [this](const Status& refused) { End(refused); });
}

Status SyncStream::Incomplete() const {
  return Invalid("commit",
                 "missing: the stream ended before it, and nothing was changed; send the whole "
                 "snapshot again");
}

}  // namespace cordon
