// The one load generator of all servers: reads commands from stdin, a line each, and answers each
// with one line of JSON.
//
//   connect NAME ADDRESS KEY CHANNELS       prepare NAME
//   ingest NAME FROM COUNT BATCH            answer NAME WHICH FILE
//   retrieve NAME WHICH IN_FLIGHT SECONDS
//
//   WHICH is the caller's number in corpus.h. A failure is {"error":…} and the end.
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "bench/closed_loop.h"
#include "bench/corpus.h"
#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/directory.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"

namespace cordon::bench {
namespace {

constexpr size_t kQueries = 64;

[[noreturn]] void Fail(const std::string& message) {
  std::string quoted;
  for (const char c : message) quoted += c == '"' || c == '\\' || c == '\n' ? '\'' : c;
  fmt::print("{{\"error\":\"{}\"}}\n", quoted);
  std::exit(1);
}

void Require(const grpc::Status& status) {
  if (!status.ok()) Fail(status.error_message());
}

class Load {
 public:
  explicit Load(size_t documents) : corpus_(documents) {}

  void Obey(const std::string& line);

 private:
  Target& Named(std::istream& words);
  void Connect(std::istream& words);
  void Prepare(std::istream& words);
  void Ingest(std::istream& words);
  void Answer(std::istream& words);
  void Retrieve(std::istream& words);
  const std::vector<v1::RetrieveRequest>& QueriesOf(size_t which);

  const Corpus corpus_;
  std::map<std::string, Target> targets_;
  std::map<size_t, std::vector<v1::RetrieveRequest>> queries_;
};

Target& Load::Named(std::istream& words) {
  std::string name;
  words >> name;
  const auto it = targets_.find(name);
  if (it == targets_.end()) Fail("not connected: " + name);
  return it->second;
}

void Load::Connect(std::istream& words) {
  std::string name, address, key;
  size_t channels = 1;
  words >> name >> address >> key >> channels;
  targets_[name] = bench::Connect(address, key, channels);
  fmt::print("{{}}\n");
}

void Load::Prepare(std::istream& words) {
  const Target& target = Named(words);
  v1::CreateCollectionRequest create;
  create.mutable_config()->set_name(kCollection);
  create.mutable_config()->set_dimension(kDimension);
  create.mutable_config()->set_metric(v1::METRIC_COSINE);
  create.mutable_config()->set_embedder(v1::EMBEDDER_NONE);
  v1::CreateCollectionResponse created;
  Require(v1::Admin::NewStub(target.channels[0])
              ->CreateCollection(NewContext(target).get(), create, &created));
  v1::ApplyDirectoryRequest apply;
  for (auto& principal : corpus_.MakeDirectory()) *apply.add_principals() = std::move(principal);
  v1::ApplyDirectoryResponse applied;
  Require(v1::Directory::NewStub(target.channels[0])
              ->ApplyDirectory(NewContext(target).get(), apply, &applied));
  fmt::print("{{\"principals\":{}}}\n", applied.applied());
}

void Load::Ingest(std::istream& words) {
  const Target& target = Named(words);
  size_t from = 0, count = 0, batch = 1;
  words >> from >> count >> batch;
  std::vector<v1::IngestRequest> requests;
  for (size_t i = 0; i < count; ++i) {
    if (i % batch == 0) {
      requests.emplace_back().set_collection(kCollection);
      requests.back().set_batch(requests.size());
    }
    *requests.back().add_documents() = corpus_.MakeDocument(from + i);
  }
  const auto start = std::chrono::steady_clock::now();
  const auto context = NewContext(target);
  const auto stub = v1::Ingest::NewStub(target.channels[0]);
  const auto stream = stub->Ingest(context.get());
  std::thread writer([&] {
    for (const auto& request : requests) {
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
  });
  size_t accepted = 0;
  v1::IngestResponse response;
  while (stream->Read(&response)) {
    accepted += response.accepted();
    for (const auto& refused : response.refused()) Fail(refused.field() + " " + refused.message());
  }
  writer.join();
  Require(stream->Finish());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{{\"chunks\":{},\"seconds\":{}}}\n", accepted, took.count());
}

// One real answer, for the echo to give.
void Load::Answer(std::istream& words) {
  const Target& target = Named(words);
  size_t which = 0;
  std::string file;
  words >> which >> file;
  v1::RetrieveResponse response;
  Require(target.retrieval[0]->Retrieve(NewContext(target).get(), QueriesOf(which)[0], &response));
  std::ofstream out(file, std::ios::binary);
  if (!(out << response.SerializeAsString()).flush()) Fail("cannot be written: " + file);
  fmt::print("{{\"request_bytes\":{},\"answer_bytes\":{},\"passages\":{}}}\n",
             QueriesOf(which)[0].ByteSizeLong(), response.ByteSizeLong(), response.passages_size());
}

void Load::Retrieve(std::istream& words) {
  const Target& target = Named(words);
  size_t which = 0, in_flight = 1;
  double seconds = 1;
  words >> which >> in_flight >> seconds;
  const Loaded loaded = RunClosedLoop(target, QueriesOf(which), in_flight, seconds);
  if (loaded.failed > 0) Fail(fmt::format("{} calls failed: {}", loaded.failed, loaded.error));
  fmt::print(
      "{{\"permitted_rows\":{},\"calls\":{},\"qps\":{:.1f},\"p50_us\":{:.1f},\"p99_us\":{:.1f},"
      "\"passages\":{},\"answer_bytes\":{}}}\n",
      corpus_.Permitted(which), loaded.calls, loaded.qps, loaded.p50_us, loaded.p99_us,
      loaded.passages, loaded.answer_bytes);
}

const std::vector<v1::RetrieveRequest>& Load::QueriesOf(size_t which) {
  auto& queries = queries_[which];
  for (size_t i = queries.size(); i < kQueries; ++i) {
    queries.push_back(MakeQuery(i, Corpus::Caller(which)));
  }
  return queries;
}

void Load::Obey(const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "connect") return Connect(words);
  if (command == "prepare") return Prepare(words);
  if (command == "ingest") return Ingest(words);
  if (command == "answer") return Answer(words);
  if (command == "retrieve") return Retrieve(words);
  Fail("unknown command: " + line);
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) {
  cordon::bench::Load load(argc > 1 ? std::stoul(argv[1]) : 100000);
  for (std::string line; std::getline(std::cin, line);) {
    load.Obey(line);
    std::fflush(stdout);
  }
}
