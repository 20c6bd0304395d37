// What a server costs that does nothing: a gRPC callback service that answers every Retrieve with
// the same bytes. With a directory it puts one synced RocksDB record for each call first: what an
// audit trail costs that waits for the disk once for every call. With --queue the answers leave by
// completion queues instead of callbacks.
//
//   echo_server ANSWER_FILE [STORE_DIRECTORY | --queue]
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <rocksdb/db.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "bench/echo_queue.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/base/executor.h"

namespace cordon::bench {
namespace {

constexpr size_t kRecordBytes = 800;  // as a journal record of ten passages
constexpr int kPutThreads = 16;       // RocksDB syncs once for those that wait together
constexpr size_t kQueue = 4096;

class EchoService final : public v1::Retrieval::CallbackService {
 public:
  EchoService(v1::RetrieveResponse answer, std::unique_ptr<rocksdb::DB> store)
      : answer_(std::move(answer)), store_(std::move(store)) {
    if (store_) executor_ = std::make_unique<Executor>(kPutThreads, kQueue);
  }

  grpc::ServerUnaryReactor* Retrieve(grpc::CallbackServerContext* context,
                                     const v1::RetrieveRequest*,
                                     v1::RetrieveResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    *response = answer_;
    if (!store_) {
      reactor->Finish(grpc::Status::OK);
      return reactor;
    }
    const bool admitted = executor_->Submit([this, reactor] { reactor->Finish(Put()); });
    if (!admitted) reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls"});
    return reactor;
  }

 private:
  grpc::Status Put() {
    rocksdb::WriteOptions options;
    options.sync = true;
    const auto status = store_->Put(options, fmt::format("{:016}", next_.fetch_add(1)), record_);
    if (status.ok()) return grpc::Status::OK;
    return {grpc::StatusCode::UNAVAILABLE, status.ToString()};
  }

  const v1::RetrieveResponse answer_;
  const std::unique_ptr<rocksdb::DB> store_;
  const std::string record_ = std::string(kRecordBytes, 'r');
  std::atomic<uint64_t> next_{0};
  std::unique_ptr<Executor> executor_;
};

int Main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "echo_server ANSWER_FILE [STORE_DIRECTORY | --queue]\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  v1::RetrieveResponse answer;
  if (!file || !answer.ParseFromIstream(&file)) {
    fmt::print(stderr, "echo_server: {} holds no answer\n", argv[1]);
    return 1;
  }
  const bool by_queue = argc > 2 && std::string(argv[2]) == "--queue";
  rocksdb::DB* store = nullptr;
  if (argc > 2 && !by_queue) {
    rocksdb::Options options;
    options.create_if_missing = true;
    if (const auto opened = rocksdb::DB::Open(options, argv[2], &store); !opened.ok()) {
      fmt::print(stderr, "echo_server: {}\n", opened.ToString());
      return 1;
    }
  }
  QueueEcho queue_echo(answer);
  EchoService service(std::move(answer), std::unique_ptr<rocksdb::DB>(store));
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  if (by_queue) {
    queue_echo.Join(&builder);
  } else {
    builder.RegisterService(&service);
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  queue_echo.Serve();
  fmt::print("listening on 127.0.0.1:{}\n", port);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  server->Shutdown();
  queue_echo.Stop();
  return 0;
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) { return cordon::bench::Main(argc, argv); }
