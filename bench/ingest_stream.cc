#include "bench/ingest_stream.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <thread>

#include "bench/tool.h"
#include "cordon/v1/ingest.grpc.pb.h"

namespace cordon::bench {

Streamed Stream(const Target& target, const std::vector<v1::IngestRequest>& batches,
                double over_s) {
  const auto start = std::chrono::steady_clock::now();
  const auto context = NewContext(target);
  const auto stub = v1::Ingest::NewStub(target.channels[0]);
  const auto stream = stub->Ingest(context.get());
  std::thread writer([&] {
    for (size_t i = 0; i < batches.size(); ++i) {
      const double due_s =
          over_s * static_cast<double>(i + 1) / static_cast<double>(batches.size());
      std::this_thread::sleep_until(start + std::chrono::duration<double>(due_s));
      if (!stream->Write(batches[i])) break;
    }
    stream->WritesDone();
  });
  Streamed streamed;
  v1::IngestResponse response;
  while (stream->Read(&response)) {
    streamed.accepted += response.accepted();
    for (const auto& refused : response.refused()) Fail(refused.field() + " " + refused.message());
  }
  writer.join();
  Require(stream->Finish());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  streamed.seconds = took.count();
  return streamed;
}

}  // namespace cordon::bench
