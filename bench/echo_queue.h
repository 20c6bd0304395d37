// The same echo by completion queues, one for each processor, instead of gRPC's callbacks: the
// floor under whatever serves these messages.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "cordon/v1/retrieval.grpc.pb.h"

namespace cordon::bench {

class QueueEcho {
 public:
  explicit QueueEcho(v1::RetrieveResponse answer) : answer_(std::move(answer)) {}

  void Join(grpc::ServerBuilder* builder);
  // Once the server is built.
  void Serve();
  // Once it is shut down, and before it is gone.
  void Stop();

 private:
  class Call;

  static void Run(grpc::ServerCompletionQueue* queue);

  const v1::RetrieveResponse answer_;
  v1::Retrieval::AsyncService service_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::vector<std::thread> threads_;  // one for each queue
};

}  // namespace cordon::bench
