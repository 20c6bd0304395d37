#include "bench/relevance_engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "bench/bench_engine.h"
#include "engine/identity/api_key.h"
#include "engine/retrieve/retrieve.h"

namespace cordon {
namespace {

using bench::Done;

constexpr size_t kBatch = 500;
constexpr char kCollection[] = "docs";

std::string NameOf(size_t caller) { return fmt::format("user:caller{}", caller); }

std::string NewFolder() {
  static int made = 0;
  const auto name = fmt::format("relevance.{}.{}", getpid(), made++);
  return std::filesystem::temp_directory_path() / name;
}

}  // namespace

RelevanceEngine::RelevanceEngine(const RelevanceSet& set, const RelevanceWorld& world,
                                 const std::function<bool(size_t document)>& holds)
    : set_(set), world_(world), folder_(NewFolder()) {
  const auto key = MakeDevKey("default");
  CORDON_CHECK(key.ok());
  const DataPaths paths{folder_, "", ""};
  CORDON_CHECK(CreateStore(paths, {"default.first", "default.first.none", "none"}, true).ok());
  Engine::Options options;
  options.paths = paths;
  options.read_durability = Durability::kBuffered;
  auto engine = Engine::Open(std::move(options));
  CORDON_CHECK(engine.ok());
  engine_ = *std::move(engine);
  const Authenticator authenticator([](auto, auto) { return std::nullopt; }, key->bearer);
  auto caller = authenticator.Authenticate("Bearer " + key->bearer);
  CORDON_CHECK(caller.ok());
  caller_.emplace(*std::move(caller));
  Fill(holds);
}

RelevanceEngine::~RelevanceEngine() {
  engine_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

// One more reads it, who reads no other class, so that no two lists are the same.
v1::Acl RelevanceEngine::ListOf(uint32_t class_id) const {
  v1::Acl acl;
  acl.add_allow()->set_principal(fmt::format("user:of{}", class_id));
  for (size_t i = 0; i < world_.callers.size(); ++i) {
    if (world_.callers[i].Test(class_id)) acl.add_allow()->set_principal(NameOf(i));
  }
  return acl;
}

void RelevanceEngine::Fill(const std::function<bool(size_t document)>& holds) {
  v1::CreateCollectionRequest create;
  v1::CollectionConfig* const config = create.mutable_config();
  config->set_name(kCollection);
  config->set_dimension(static_cast<uint32_t>(set_.vectors[0].size()));
  config->set_metric(v1::METRIC_COSINE);
  config->set_embedder(v1::EMBEDDER_NONE);
  config->set_language("en");
  config->mutable_default_label()->set_level("public");
  Done<v1::CreateCollectionResponse>(
      [&](auto done) { CreateCollection(engine_->WriteAs(*caller_), create, done); });
  v1::IngestRequest batch;
  const auto send = [&] {
    if (batch.documents().empty()) return;
    const auto answer = Done<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(*caller_), batch, done); });
    CORDON_CHECK(answer.response.accepted() == static_cast<uint64_t>(batch.documents_size()));
    batch.clear_documents();
  };
  batch.set_collection(kCollection);
  for (size_t i = 0; i < set_.ids.size(); ++i) {
    if (!holds(i)) continue;
    v1::Document* const document = batch.add_documents();
    document->set_id(set_.ids[i]);
    *document->mutable_acl() = ListOf(world_.class_of[i]);
    v1::Chunk* const chunk = document->add_chunks();
    chunk->set_text(set_.texts[i]);
    chunk->mutable_embedding()->Assign(set_.vectors[i].begin(), set_.vectors[i].end());
    if (batch.documents_size() == kBatch) send();
  }
  send();
}

RankedIds RelevanceEngine::Ask(size_t caller, size_t query, const v1::RetrieveRequest& how) {
  v1::RetrieveRequest request = how;
  request.set_collection(kCollection);
  request.mutable_scope()->set_as(NameOf(caller));
  request.set_mode(v1::MODE_EXACT);
  request.set_omit_text(true);
  if (how.rank() != v1::RANK_VECTOR) request.set_text(set_.queries[query]);
  if (how.rank() != v1::RANK_LEXICAL) {
    const std::vector<float>& vector = set_.query_vectors[query];
    request.mutable_vector()->Assign(vector.begin(), vector.end());
  }
  const auto answer = Done<v1::RetrieveResponse>(
      [&](auto done) { Retrieve(engine_->ReadAs(*caller_, {}), request, done); });
  RankedIds ranking;
  for (const auto& passage : answer.passages()) {
    ranking.emplace_back(passage.document(), passage.score());
  }
  return ranking;
}

}  // namespace cordon
