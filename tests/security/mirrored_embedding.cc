// A tenant's second embedding spaces, in the engine and in the model.
#include <gtest/gtest.h>

#include "engine/ingest/embedding_walk.h"
#include "tests/security/mirrored_tenant.h"

namespace cordon {

void MirroredTenant::BeginEmbedding(const std::string& collection, const reference::Space& space) {
  v1::BeginEmbeddingRequest request;
  request.set_collection(collection);
  request.mutable_space()->set_model(space.model);
  request.mutable_space()->set_dimension(static_cast<uint32_t>(space.dimension));
  request.mutable_space()->set_embedder(space.embeds ? v1::EMBEDDER_BUILTIN : v1::EMBEDDER_NONE);
  Sent<v1::BeginEmbeddingResponse>(Later<v1::BeginEmbeddingResponse>([&](auto done) {
                                     cordon::BeginEmbedding(engine_->Write(root_), request, done);
                                   }),
                                   [this, collection, space](const auto& response, auto* model) {
                                     revision_ = response.revision();
                                     reference::Collection& of = model->collections.at(collection);
                                     EXPECT_FALSE(of.other) << "two at once";
                                     of.other = space;
                                     of.whole = false;
                                   });
}

void MirroredTenant::WalkEmbedding(const std::string& collection, size_t pages, size_t documents) {
  Settle();
  const WriteContext context = engine_->Write(root_);
  const auto pin = [&] { return context.tenant->publisher.Pin(context.clock); };
  const auto found = pin()->state().FindCollection(collection);
  ASSERT_NE(found, nullptr);
  EmbeddingWalk walk({context.writer, context.clock, context.endpoints, {}}, context.tenant, *found,
                     WalkGives::kVectors, nullptr, "", documents);
  bool more = true;
  for (; more && pages > 0; --pages) {
    const auto stepped = walk.Step();
    ASSERT_TRUE(stepped.ok()) << stepped.status().ToString();
    more = *stepped;
  }
  revision_ = pin()->revision();
  reference::Collection& of = model_.collections.at(collection);
  of.whole = of.whole || (!more && of.other && of.other->embeds);
}

void MirroredTenant::FillEmbedding(const std::string& collection, const Documents& documents) {
  Settle();
  v1::IngestRequest request;
  request.set_collection(collection);
  request.set_embedding_model(model_.collections.at(collection).other->model);
  request.set_embeddings_only(true);
  for (const auto& [id, document] : documents) *request.add_documents() = ToWire(id, document);
  Sent<IngestedBatch>(Later<IngestedBatch>([&](auto done) {
                        IngestDocuments(engine_->Write(root_), request, done);
                      }),
                      [this, collection, documents](const auto& batch, auto* model) {
                        EXPECT_EQ(batch.response.accepted(), documents.size())
                            << batch.response.ShortDebugString();
                        revision_ = batch.response.revision();
                        reference::Collection& of = model->collections.at(collection);
                        for (const auto& [id, document] : documents) {
                          auto& chunks = of.documents.at(id).chunks;
                          for (const auto& [ordinal, chunk] : document.chunks) {
                            chunks.at(ordinal).other = chunk.embedding;
                          }
                        }
                        of.whole = of.whole || documents.size() == of.documents.size();
                      });
}

void MirroredTenant::SwitchEmbedding(const std::string& collection, const std::string& model) {
  v1::SwitchEmbeddingRequest request;
  request.set_collection(collection);
  request.set_model(model);
  switching_ = true;
  const auto answer = std::make_shared<std::future<StatusOr<v1::SwitchEmbeddingResponse>>>(
      Later<v1::SwitchEmbeddingResponse>([&](auto done) {
        cordon::SwitchEmbedding(engine_->Write(root_), request, /*stop=*/{}, done);
      }));
  waiting_.push_back([=, this] {
    const auto response = answer->get();
    reference::Collection& of = model_.collections.at(collection);
    const bool fits = of.other && of.other->model == model;
    if (!response.ok()) {
      ++refused_;
      EXPECT_EQ(response.status().code(), StatusCode::kFailedPrecondition);
      EXPECT_FALSE(fits && of.whole) << response.status().ToString();
      return;
    }
    ++acknowledged_;
    ++switches_;
    revision_ = response->revision();
    ASSERT_TRUE(fits) << "another space than the named one";
    EXPECT_TRUE(reference::Switch(&of, BuiltIn)) << "a space that lacks a document's vectors";
  });
}

void MirroredTenant::DropEmbedding(const std::string& collection, const std::string& model) {
  v1::DropEmbeddingRequest request;
  request.set_collection(collection);
  request.set_model(model);
  Sent<v1::DropEmbeddingResponse>(Later<v1::DropEmbeddingResponse>([&](auto done) {
                                    cordon::DropEmbedding(engine_->Write(root_), request, done);
                                  }),
                                  [this, collection, model](const auto& response, auto* all) {
                                    revision_ = response.revision();
                                    reference::Collection& of = all->collections.at(collection);
                                    EXPECT_TRUE(of.other && of.other->model == model)
                                        << "another space than the named one";
                                    reference::Drop(&of);
                                  });
}

}  // namespace cordon
