#include "bench/relevance_engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace cordon {
namespace {

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
  engine_.emplace(folder_);
  engine_->MakeCollection(kCollection, set.vectors[0].size(), "en");
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
  v1::IngestRequest batch;
  const auto send = [&] {
    if (batch.documents().empty()) return;
    engine_->Ingest(batch);
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
  const auto answer = engine_->Ask(request);
  RankedIds ranking;
  for (const auto& passage : answer.passages()) {
    ranking.emplace_back(passage.document(), passage.score());
  }
  return ranking;
}

}  // namespace cordon
