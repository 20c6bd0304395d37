#include "bench/echo_queue.h"

#include <algorithm>

namespace cordon::bench {
namespace {

constexpr int kAwaited = 64;  // calls of a queue that may come at once

}  // namespace

// One call, from being awaited to its end: the tag of both on its queue. Owns itself.
class QueueEcho::Call {
 public:
  static void Await(QueueEcho* echo, grpc::ServerCompletionQueue* queue) { new Call(echo, queue); }

  // It has come, or ended; not `ok`: the server stops.
  void Advance(bool ok) {
    if (!ok || answered_) {
      delete this;
      return;
    }
    Await(&echo_, &queue_);
    answered_ = true;
    answer_.Finish(echo_.answer_, grpc::Status::OK, this);
  }

 private:
  Call(QueueEcho* echo, grpc::ServerCompletionQueue* queue)
      : echo_(*echo), queue_(*queue), answer_(&context_) {
    echo_.service_.RequestRetrieve(&context_, &request_, &answer_, queue, queue, this);
  }

  QueueEcho& echo_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  v1::RetrieveRequest request_;
  grpc::ServerAsyncResponseWriter<v1::RetrieveResponse> answer_;
  bool answered_ = false;
};

void QueueEcho::Join(grpc::ServerBuilder* builder) {
  builder->RegisterService(&service_);
  for (unsigned left = std::max(1U, std::thread::hardware_concurrency()); left > 0; --left) {
    queues_.push_back(builder->AddCompletionQueue());
  }
}

void QueueEcho::Serve() {
  for (const auto& queue : queues_) {
    for (int i = 0; i < kAwaited; ++i) Call::Await(this, queue.get());
    threads_.emplace_back(Run, queue.get());
  }
}

void QueueEcho::Stop() {
  for (const auto& queue : queues_) queue->Shutdown();
  for (auto& thread : threads_) thread.join();
}

void QueueEcho::Run(grpc::ServerCompletionQueue* queue) {
  void* call = nullptr;
  bool ok = false;
  while (queue->Next(&call, &ok)) static_cast<Call*>(call)->Advance(ok);
}

}  // namespace cordon::bench
