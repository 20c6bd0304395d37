#include "tests/crash/embedding_script.h"

#include <fmt/format.h>

#include <bit>
#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "tests/crash/crash_points.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

constexpr int kDocuments = 24;
constexpr const char* kWords[] = {"river", "tax", "harbour", "clock", "violet"};

StatusOr<std::unique_ptr<Engine>> OpenQuick(const CrashPaths& paths) {
  Engine::Options options;
  options.paths = paths.data;
  options.embedding_pace.every = std::chrono::milliseconds(2);
  return Engine::Open(std::move(options));
}

class Calls {
 public:
  explicit Calls(Engine* engine) : engine_(engine) {}

  Status Create(const std::string& name, int dimension, const std::string& model) {
    return Send<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
        CreateCollection, fmt::format("config {{ name: '{}' dimension: {} metric: METRIC_COSINE "
                                      "embedder: EMBEDDER_BUILTIN model: '{}' default_label {{ "
                                      "level: 'public' }} default_acl {{ allow {{ principal: "
                                      "'everyone' }} }} }}",
                                      name, dimension, model));
  }
  Status Begin() {
    return Send<v1::BeginEmbeddingResponse, v1::BeginEmbeddingRequest>(
        BeginEmbedding,
        "collection: 'docs' space { model: 'new' dimension: 24 embedder: EMBEDDER_BUILTIN }");
  }
  Status Switch() {
    return Send<v1::SwitchEmbeddingResponse, v1::SwitchEmbeddingRequest>(
        [](auto context, auto request, auto done) {
          SwitchEmbedding(context, request, /*stop=*/{}, done);
        },
        "collection: 'docs' model: 'new'");
  }
  Status Drop() {
    return Send<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
        DropEmbedding, "collection: 'docs' model: 'old'");
  }
  Status Ingest(const std::string& collection) {
    v1::IngestRequest request;
    request.set_collection(collection);
    for (int i = 0; i < kDocuments; ++i) {
      auto* const document = request.add_documents();
      document->set_id(fmt::format("d{}", i));
      document->set_text(fmt::format("{} and {} of {}", kWords[i % 5], kWords[i / 5], i));
    }
    return Asked<IngestedBatch>(
               [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); })
        .status();
  }
  v1::EmbeddingStatusResponse Ask() {
    const auto answer = Asked<v1::EmbeddingStatusResponse>([&](auto done) {
      EmbeddingStatus(
          engine_->ReadAs(Anyone(), {}), FromText<v1::EmbeddingStatusRequest>("collection: 'docs'"),
          [&](const auto& tenant, uint32_t id) { return engine_->EmbeddingProgressOf(tenant, id); },
          done);
    });
    return answer.ok() ? *answer : v1::EmbeddingStatusResponse();
  }
  // Until nothing is left to embed or to clean up; false after a minute.
  bool WaitUntilIdle() {
    for (int i = 0; i < 30'000; ++i) {
      const auto status = Ask();
      const bool whole = !status.has_other() || status.embedded() == status.documents();
      if (status.documents() == kDocuments && whole && status.to_clean() == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  std::string Found(const std::string& collection, const std::string& word) {
    v1::RetrieveRequest request;
    request.set_collection(collection);
    request.set_text(word);
    request.set_k(kDocuments);
    const auto answer = Asked<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(engine_->ReadAs(Anyone(), {}), request, done); });
    if (!answer.ok()) return answer.status().ToString();
    std::string text;
    for (const auto& passage : answer->passages()) {
      text += fmt::format("{} {}\n", passage.document(), std::bit_cast<uint64_t>(passage.score()));
    }
    return text;
  }

 private:
  template <typename Response, typename Request, typename Call>
  Status Send(Call call, const std::string& text) {
    return Asked<Response>(
               [&](auto done) { call(engine_->WriteAs(Anyone()), FromText<Request>(text), done); })
        .status();
  }

  Engine* const engine_;
};

}  // namespace

std::string PrepareEmbedding(const CrashPaths& paths) {
  const std::string created = CreateScript(paths);
  if (!created.empty()) return created;
  const auto engine = OpenQuick(paths);
  if (!engine.ok()) return engine.status().ToString();
  Calls calls(engine->get());
  for (const Status& status : {calls.Create("docs", 16, "old"), calls.Create("twin", 24, "new"),
                               calls.Ingest("docs"), calls.Ingest("twin")}) {
    if (!status.ok()) return status.ToString();
  }
  return "";
}

std::string EmbedScript(const CrashPaths& paths) {
  auto engine = OpenQuick(paths);
  if (!engine.ok()) return engine.status().ToString();
  Calls calls(engine->get());
  const auto acknowledge = [&](const Status& status, const std::string& what) {
    if (!status.ok()) return status.ToString();
    AppendUnwatched(paths.expected, what + "\n");
    ComeTo(what + ".after");
    return std::string(calls.WaitUntilIdle() ? "" : "it does not come to an end");
  };
  std::string problem = acknowledge(calls.Begin(), "begun");
  if (problem.empty()) problem = acknowledge(calls.Switch(), "switched");
  if (problem.empty()) problem = acknowledge(calls.Drop(), "dropped");
  engine->reset();
  return problem;
}

std::vector<std::string> CheckEmbedded(const CrashPaths& paths) {
  std::set<std::string> said;
  std::ifstream file(paths.expected);
  for (std::string line; std::getline(file, line);) said.insert(line);
  const auto engine = OpenQuick(paths);
  if (!engine.ok()) return {engine.status().ToString()};
  Calls calls(engine->get());
  std::vector<std::string> problems;
  auto status = calls.Ask();
  if (said.contains("begun") && status.searched().model() == "old" && !status.has_other()) {
    problems.push_back("what was begun is forgotten");
  }
  if (said.contains("switched") && status.searched().model() != "new") {
    problems.push_back("the switch is forgotten");
  }
  if (said.contains("dropped") && status.has_other()) {
    problems.push_back("what was dropped is back");
  }
  if (status.searched().model() == "old") {
    if (!status.has_other() && !calls.Begin().ok()) problems.push_back("it cannot begin");
    if (!calls.WaitUntilIdle()) problems.push_back("the walk does not go on");
    const Status switched = calls.Switch();
    if (!switched.ok()) problems.push_back(switched.ToString());
  }
  if (!calls.WaitUntilIdle()) problems.push_back("the cleaning does not go on");
  for (const char* word : kWords) {
    if (calls.Found("docs", word) != calls.Found("twin", word)) {
      problems.push_back(std::string("another answer: ") + word);
    }
  }
  return problems;
}

}  // namespace cordon
