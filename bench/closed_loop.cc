#include "bench/closed_loop.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>

namespace cordon::bench {
namespace {

using Clock = std::chrono::steady_clock;

// One place in flight: the call that is there now.
struct Place {
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::RetrieveResponse>> reader;
  v1::RetrieveResponse response;
  grpc::Status status;
  Clock::time_point begun;
};

double Percentile(std::vector<double>* values, double part) {
  if (values->empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(values->size() - 1));
  std::nth_element(values->begin(), values->begin() + at, values->end());
  return (*values)[static_cast<size_t>(at)];
}

}  // namespace

Target Connect(const std::string& address, const std::string& key, size_t channels) {
  Target target;
  target.bearer = "Bearer " + key;
  for (size_t i = 0; i < channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    target.channels.push_back(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
    target.retrieval.push_back(v1::Retrieval::NewStub(target.channels.back()));
  }
  return target;
}

std::unique_ptr<grpc::ClientContext> NewContext(const Target& target) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata("authorization", target.bearer);
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  return context;
}

Loaded RunClosedLoop(const Target& target, const std::vector<v1::RetrieveRequest>& requests,
                     size_t in_flight, double seconds) {
  grpc::CompletionQueue queue;
  std::vector<Place> places(in_flight);
  size_t begun = 0;
  const auto begin = [&](size_t place) {
    Place& call = places[place];
    call.context = NewContext(target);
    call.begun = Clock::now();
    const auto& stub = target.retrieval[begun % target.retrieval.size()];
    call.reader =
        stub->AsyncRetrieve(call.context.get(), requests[begun % requests.size()], &queue);
    call.reader->Finish(&call.response, &call.status, reinterpret_cast<void*>(place));
    ++begun;
  };
  Loaded loaded;
  std::vector<double> took_us;
  const auto start = Clock::now();
  const auto until =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (size_t place = 0; place < in_flight; ++place) begin(place);
  void* tag = nullptr;
  bool ok = false;
  for (size_t open = in_flight; open > 0 && queue.Next(&tag, &ok);) {
    const auto place = reinterpret_cast<size_t>(tag);
    const auto now = Clock::now();
    Place& call = places[place];
    if (!call.status.ok()) {
      ++loaded.failed;
      loaded.error = call.status.error_message();
    } else if (now <= until) {
      took_us.push_back(std::chrono::duration<double, std::micro>(now - call.begun).count());
    }
    if (now < until) {
      begin(place);
      continue;
    }
    --open;
    if (!call.status.ok()) continue;
    loaded.passages = static_cast<size_t>(call.response.passages_size());
    loaded.answer_bytes = call.response.ByteSizeLong();
  }
  queue.Shutdown();
  loaded.calls = took_us.size();
  loaded.qps = static_cast<double>(took_us.size()) / seconds;
  loaded.p50_us = Percentile(&took_us, 0.5);
  loaded.p99_us = Percentile(&took_us, 0.99);
  return loaded;
}

}  // namespace cordon::bench
