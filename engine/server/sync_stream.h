// One SyncDirectory stream: a snapshot of the directory in, one answer out.
#pragma once

#include "cordon/v1/directory.grpc.pb.h"
#include "engine/ingest/directory_sync.h"
#include "engine/server/client_stream.h"

namespace cordon {

class SyncStream final : public ClientStream<v1::SyncDirectoryRequest, v1::SyncDirectoryResponse> {
 public:
  SyncStream(Front* front, grpc::CallbackServerContext* context,
             v1::SyncDirectoryResponse* response);

 private:
  void Open(const Authenticated& caller) override;
  void Process(const Authenticated& caller) override;
  void Refuse(const Authenticated& caller, const Status& status) override;
  Status Incomplete() const override;

  DirectorySync sync_;
};

}  // namespace cordon
