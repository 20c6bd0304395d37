// A store that is made for a benchmark, and its engine, asked with the development key, which may
// do all. Whatever fails aborts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bench/bench_engine.h"
#include "engine/engine.h"
#include "engine/identity/api_key.h"
#include "engine/retrieve/retrieve.h"

namespace cordon::bench {

// Thread-safe. The journal is buffered.
class DevEngine {
 public:
  // `folder` is not there yet, and stays.
  explicit DevEngine(const std::string& folder) {
    const auto key = MakeDevKey("default");
    CORDON_CHECK(key.ok());
    const DataPaths paths{folder, "", ""};
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
  }

  ReadContext Reading() { return engine_->ReadAs(*caller_, {}); }
  WriteContext Writing() { return engine_->WriteAs(*caller_); }

  // Of vectors that are brought and compared by cosine; everything in it is public.
  void MakeCollection(const std::string& name, size_t dimension, const std::string& language) {
    v1::CreateCollectionRequest create;
    v1::CollectionConfig* const config = create.mutable_config();
    config->set_name(name);
    config->set_dimension(static_cast<uint32_t>(dimension));
    config->set_metric(v1::METRIC_COSINE);
    config->set_embedder(v1::EMBEDDER_NONE);
    config->set_language(language);
    config->mutable_default_label()->set_level("public");
    Done<v1::CreateCollectionResponse>(
        [&](auto done) { CreateCollection(Writing(), create, done); });
  }

  // All of its documents are accepted.
  void Ingest(const v1::IngestRequest& batch) {
    const auto answer =
        Done<IngestedBatch>([&](auto done) { IngestDocuments(Writing(), batch, done); });
    CORDON_CHECK(answer.response.accepted() == static_cast<uint64_t>(batch.documents_size()));
  }

  v1::RetrieveResponse Ask(const v1::RetrieveRequest& request) {
    return Done<v1::RetrieveResponse>([&](auto done) { Retrieve(Reading(), request, done); });
  }

 private:
  std::unique_ptr<Engine> engine_;
  std::optional<Authenticated> caller_;
};

}  // namespace cordon::bench
