// The one load generator of all servers: reads commands from stdin, a line each, and answers each
// with one line of JSON.
//
//   connect NAME ADDRESS KEY CHANNELS       prepare NAME
//   ingest NAME FROM COUNT BATCH            answer NAME WHICH FILE
//   retrieve NAME WHICH IN_FLIGHT SECONDS [MODE [FROM COUNT BATCH]]
//
//   WHICH is the caller's number in corpus.h; MODE is exact or fast. With FROM COUNT BATCH these
//   documents are ingested beside, evenly over the seconds. A failure is {"error":…} and the end.
//
// Usage: load DOCUMENTS [lifelike]
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "bench/closed_loop.h"
#include "bench/corpus.h"
#include "bench/ingest_stream.h"
#include "bench/tool.h"
#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/directory.grpc.pb.h"

namespace cordon::bench {
namespace {

constexpr size_t kQueries = 64;

class Load {
 public:
  Load(size_t documents, Content content) : corpus_(documents, content) {}

  void Obey(const std::string& line);

 private:
  Target& Named(std::istream& words);
  void Connect(std::istream& words);
  void Prepare(std::istream& words);
  void Ingest(std::istream& words);
  std::vector<v1::IngestRequest> Batches(size_t from, size_t count, size_t batch) const;
  void Answer(std::istream& words);
  void Retrieve(std::istream& words);
  const std::vector<v1::RetrieveRequest>& QueriesOf(size_t which, v1::Mode mode);

  const Corpus corpus_;
  std::map<std::string, Target> targets_;
  std::map<std::pair<size_t, v1::Mode>, std::vector<v1::RetrieveRequest>> queries_;
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
  const Streamed streamed = Stream(target, Batches(from, count, batch), 0);
  fmt::print("{{\"chunks\":{},\"seconds\":{}}}\n", streamed.accepted, streamed.seconds);
}

std::vector<v1::IngestRequest> Load::Batches(size_t from, size_t count, size_t batch) const {
  std::vector<v1::IngestRequest> batches;
  for (size_t i = 0; i < count; ++i) {
    if (i % batch == 0) {
      batches.emplace_back().set_collection(kCollection);
      batches.back().set_batch(batches.size());
    }
    *batches.back().add_documents() = corpus_.MakeDocument(from + i);
  }
  return batches;
}

// One real answer, for the echo to give.
void Load::Answer(std::istream& words) {
  const Target& target = Named(words);
  size_t which = 0;
  std::string file;
  words >> which >> file;
  v1::RetrieveResponse response;
  const v1::RetrieveRequest& query = QueriesOf(which, v1::MODE_EXACT)[0];
  Require(target.retrieval[0]->Retrieve(NewContext(target).get(), query, &response));
  std::ofstream out(file, std::ios::binary);
  if (!(out << response.SerializeAsString()).flush()) Fail("cannot be written: " + file);
  fmt::print("{{\"request_bytes\":{},\"answer_bytes\":{},\"passages\":{}}}\n", query.ByteSizeLong(),
             response.ByteSizeLong(), response.passages_size());
}

void Load::Retrieve(std::istream& words) {
  const Target& target = Named(words);
  size_t which = 0, in_flight = 1, from = 0, count = 0, batch = 1;
  double seconds = 1;
  std::string mode;
  words >> which >> in_flight >> seconds >> mode >> from >> count >> batch;
  const auto& queries = QueriesOf(which, mode == "fast" ? v1::MODE_FAST : v1::MODE_EXACT);
  Streamed beside;
  std::thread ingest;
  if (count > 0) {
    ingest = std::thread(
        [&, batches = Batches(from, count, batch)] { beside = Stream(target, batches, seconds); });
  }
  const Loaded loaded = RunClosedLoop(target, queries, in_flight, seconds);
  if (ingest.joinable()) ingest.join();
  if (loaded.failed > 0) Fail(fmt::format("{} calls failed: {}", loaded.failed, loaded.error));
  fmt::print(
      "{{\"permitted_rows\":{},\"calls\":{},\"qps\":{:.1f},\"p50_us\":{:.1f},\"p99_us\":{:.1f},"
      "\"passages\":{},\"answer_bytes\":{},\"ingested\":{},\"ingest_s\":{:.3f}}}\n",
      corpus_.Permitted(which), loaded.calls, loaded.qps, loaded.p50_us, loaded.p99_us,
      loaded.passages, loaded.answer_bytes, beside.accepted, beside.seconds);
}

const std::vector<v1::RetrieveRequest>& Load::QueriesOf(size_t which, v1::Mode mode) {
  auto& queries = queries_[{which, mode}];
  for (size_t i = queries.size(); i < kQueries; ++i) {
    queries.push_back(corpus_.MakeQuery(i, Corpus::Caller(which)));
    queries.back().set_mode(mode);
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
  using cordon::bench::Content;
  const bool lifelike = argc > 2 && std::string(argv[2]) == "lifelike";
  cordon::bench::Load load(argc > 1 ? std::stoul(argv[1]) : 100000,
                           lifelike ? Content::kLifelike : Content::kNoise);
  for (std::string line; std::getline(std::cin, line);) {
    load.Obey(line);
    std::fflush(stdout);
  }
}
