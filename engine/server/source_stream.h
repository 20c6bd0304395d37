// One SyncSource stream: the listing of a source in, one answer out.
#pragma once

#include "cordon/v1/ingest.grpc.pb.h"
#include "engine/ingest/source_sync.h"
#include "engine/server/client_stream.h"

namespace cordon {

class SourceStream final : public ClientStream<v1::SyncSourceRequest, v1::SyncSourceResponse> {
 public:
  SourceStream(Front* front, grpc::CallbackServerContext* context,
               v1::SyncSourceResponse* response);

 private:
  void Open(const Authenticated& caller) override;
  void Process(const Authenticated& caller) override;
  // Goes on with a message where it may wait for an endpoint.
  void Take(const Authenticated& caller);
  void Refuse(const Authenticated& caller, const Status& status) override;
  Status Incomplete() const override;

  SourceSync sync_;
};

}  // namespace cordon
