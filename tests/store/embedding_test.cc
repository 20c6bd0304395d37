// Fears about a second embedding space in the store: that one is switched to that lacks a document,
// that a document keeps vectors of neither or of a space that is gone, or that counts are wrong.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/store/embedding_spaces.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

constexpr const char* kBegin =
    "begin_embedding { collection: 'docs' space { model: 'new' dimension: 3 embedder: "
    "EMBEDDER_BUILTIN } }";
constexpr const char* kSwitch = "switch_embedding { collection: 'docs' model: 'new' }";
constexpr const char* kBack = "switch_embedding { collection: 'docs' model: 'old' }";
constexpr const char* kDropOld = "drop_embedding { collection: 'docs' model: 'old' }";
constexpr const char* kDropNew = "drop_embedding { collection: 'docs' model: 'new' }";

class Spaces : public testing::Test {
 protected:
  Spaces() {
    store_.Do(
        "create_collection { name: 'docs' dimension: 2 metric: METRIC_COSINE embedder: "
        "EMBEDDER_BUILTIN model: 'old' default_label { level: 'public' } default_acl { allow { "
        "principal: 'everyone' } } }");
  }

  const Collection& Docs() { return *store_.state().FindCollection("docs"); }
  uint32_t Other() { return Docs().other->number; }

  // A document of two chunks, embedded for the space that is searched.
  static std::string Text(const std::string& id, int dimension, const std::string& more = "") {
    std::string vector;
    for (int i = 0; i < dimension; ++i) vector += "embedding: 1 ";
    return "documents { id: '" + id +
           "' acl { allow { principal: 'everyone' } } label { level: 'public' } " + more +
           "chunks { ordinal: 0 text: 'a' " + vector + "} chunks { ordinal: 7 text: 'b' " + vector +
           "} } ";
  }
  void Ingest(const std::string& id, const std::string& more = "") {
    const auto dimension = static_cast<int>(Docs().config.dimension());
    store_.Do("ingest { collection: 'docs' space: " + std::to_string(ToldSpace(Docs())) + " " +
              Text(id, dimension, more) + "}");
  }

  // A page of these documents, with vectors of the other space or without any.
  StatusOr<Applied> Page(const std::vector<uint64_t>& numbers, bool vectors = true) {
    store::v1::Mutation mutation;
    auto* const batch = mutation.mutable_embed();
    batch->set_collection("docs");
    if (vectors) batch->set_space(Other());
    for (const uint64_t number : numbers) {
      auto* const document = batch->add_documents();
      document->set_number(number);
      for (int i = 0; vectors && i < 2; ++i) {
        const std::vector<float> vector(Docs().other->space.dimension(), 2.0f);
        document->add_vectors(
            std::string(reinterpret_cast<const char*>(vector.data()), vector.size() * 4));
      }
    }
    return store_.Try(mutation);
  }
  uint32_t Changed(const std::vector<uint64_t>& numbers, bool vectors = true) {
    const auto applied = Page(numbers, vectors);
    EXPECT_TRUE(applied.ok()) << applied.status().ToString();
    return applied.ok() ? applied->parts : 0;
  }

  // How many numbers the vectors of a document's chunks have, by space.
  std::map<uint32_t, size_t> Vectors(const std::string& id) {
    std::map<uint32_t, size_t> found;
    const auto record = store_.Document(id);
    std::vector<Documents::ChunkPlace> places;
    for (const auto& chunk : record.chunks()) places.push_back({record.number(), chunk.ordinal()});
    EXPECT_TRUE(store_.documents()
                    .ReadChunks(Docs().id, places,
                                [&](size_t, const store::v1::ChunkRecord* chunk) {
                                  if (!chunk->embedding().empty()) {
                                    found[Docs().id] += chunk->embedding().size() / 4;
                                  }
                                  for (const auto& vector : chunk->vectors()) {
                                    found[vector.space()] += vector.embedding().size() / 4;
                                  }
                                  return OkStatus();
                                })
                    .ok());
    for (const auto& [space, numbers] : found) {
      EXPECT_TRUE(HasSpace(record, Docs(), space)) << "the record does not say so";
    }
    return found;
  }

  ScratchStore store_;
};

TEST_F(Spaces, ABadOneIsBegun) {
  const auto with = [&](const std::string& space) {
    return store_.Refusal("begin_embedding { collection: 'docs' space { " + space + " } }");
  };
  EXPECT_EQ(with("model: 'n' dimension: 0 embedder: EMBEDDER_BUILTIN"),
            "INVALID_ARGUMENT: space.dimension");
  EXPECT_EQ(with("model: 'n' dimension: 4097 embedder: EMBEDDER_BUILTIN"),
            "INVALID_ARGUMENT: space.dimension");
  EXPECT_EQ(with("model: 'n' dimension: 3"), "INVALID_ARGUMENT: space.embedder");
  EXPECT_EQ(with("model: 'n' dimension: 3 embedder: EMBEDDER_NONE embedding_endpoint: 'e'"),
            "INVALID_ARGUMENT: space.embedding_endpoint");
  EXPECT_EQ(with("dimension: 3 embedder: EMBEDDER_BUILTIN"), "INVALID_ARGUMENT: space.model");
  EXPECT_EQ(with("model: 'old' dimension: 3 embedder: EMBEDDER_BUILTIN"),
            "INVALID_ARGUMENT: space.model");
  EXPECT_EQ(with("model: 'n' dimension: 3 embedder: EMBEDDER_HTTP"),
            "INVALID_ARGUMENT: space.embedding_endpoint");
  EXPECT_EQ(with("model: 'n' dimension: 3 embedder: EMBEDDER_BUILTIN embedding_endpoint: 'e'"),
            "INVALID_ARGUMENT: space.embedding_endpoint");
  EXPECT_EQ(store_.Refusal("begin_embedding { collection: 'gone' }"), "NOT_FOUND: collection");
  EXPECT_EQ(with("model: 'n' dimension: 4096 embedder: EMBEDDER_BUILTIN"), "OK");
}

TEST_F(Spaces, TwoAreBegunAtOnce) {
  store_.Do(kBegin);
  EXPECT_EQ(store_.Refusal("begin_embedding { collection: 'docs' space { model: 'third' dimension: "
                           "3 embedder: EMBEDDER_BUILTIN } }"),
            "FAILED_PRECONDITION: collection");
}

TEST_F(Spaces, OneIsSwitchedToThatHasNothing) {
  Ingest("a");
  store_.Do(kBegin);
  EXPECT_EQ(store_.Refusal(kSwitch), "FAILED_PRECONDITION: collection");
}

TEST_F(Spaces, OneIsSwitchedToThatLacksADocument) {
  Ingest("a");
  Ingest("b");
  store_.Do(kBegin);
  EXPECT_EQ(store_.Refusal(kSwitch), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Changed({0}), 1u);
  EXPECT_EQ(store_.Refusal(kSwitch), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Changed({0, 1}), 1u) << "once each";
  Ingest("c");  // another one came meanwhile
  EXPECT_EQ(store_.Refusal(kSwitch), "FAILED_PRECONDITION: collection");
  Ingest("a");  // and one was written anew
  EXPECT_EQ(Docs().other->documents, 1u);
  EXPECT_EQ(Changed({0}), 0u) << "its number is gone";
  EXPECT_EQ(Changed({2, 3}), 2u);
  store_.Do(kSwitch);
  EXPECT_EQ(Docs().config.model(), "new");
  EXPECT_EQ(Docs().config.dimension(), 3u);
  EXPECT_EQ(Docs().other->space.model(), "old");
  EXPECT_EQ(Docs().other->documents, 3u);
}

TEST_F(Spaces, AnotherThanTheNamedOneIsSwitchedOrDropped) {
  EXPECT_EQ(store_.Refusal(kSwitch), "FAILED_PRECONDITION: model");
  EXPECT_EQ(store_.Refusal(kDropNew), "FAILED_PRECONDITION: model");
  store_.Do(kBegin);
  EXPECT_EQ(store_.Refusal(kBack), "FAILED_PRECONDITION: model") << "it is searched already";
  EXPECT_EQ(store_.Refusal(kDropOld), "FAILED_PRECONDITION: model") << "the one that is searched";
  store_.Do(kSwitch);
  EXPECT_EQ(store_.Refusal(kSwitch), "FAILED_PRECONDITION: model") << "sent twice, switched back";
  EXPECT_EQ(store_.Refusal(kDropNew), "FAILED_PRECONDITION: model");
  store_.Do(kBack);
  EXPECT_EQ(Docs().config.model(), "old");
  EXPECT_EQ(Docs().space, Docs().id);
}

TEST_F(Spaces, DocumentsComeForTheWrongOne) {
  Ingest("a");
  store_.Do(kBegin);
  Changed({0});
  const uint32_t other = Other();
  EXPECT_EQ(store_.Refusal("ingest { collection: 'docs' space: " + std::to_string(other) + " " +
                           Text("b", 3) + "}"),
            "ABORTED: collection")
      << "before the switch";
  store_.Do(kSwitch);
  EXPECT_EQ(store_.Refusal("ingest { collection: 'docs' " + Text("b", 2) + "}"),
            "ABORTED: collection")
      << "on its way when it was switched";
  EXPECT_EQ(store_.Refusal("source { written { collection: 'docs' " + Text("b", 2) + "} }"),
            "ABORTED: collection");
  EXPECT_EQ(store_.Refusal("source { written { collection: 'docs' } }"), "OK");
  Ingest("b");
  EXPECT_EQ(Vectors("b"), (std::map<uint32_t, size_t>{{other, 6}}));
  EXPECT_EQ(store_.Refusal(kBack), "FAILED_PRECONDITION: collection") << "b has none there";
}

TEST_F(Spaces, APageComesForOneThatIsGone) {
  Ingest("a");
  store_.Do(kBegin);
  store::v1::Mutation mutation;
  mutation.mutable_embed()->set_collection("docs");
  mutation.mutable_embed()->set_space(Other());
  store_.Do(kDropNew);
  EXPECT_EQ(store_.Try(mutation).status().code(), StatusCode::kAborted);
  store_.Do(kBegin);
  EXPECT_EQ(store_.Try(mutation).status().code(), StatusCode::kAborted) << "a number is reused";
}

TEST_F(Spaces, AChangeLosesVectors) {
  Ingest("a", "subjects: 'person:1' ");
  store_.Do(kBegin);
  Changed({0});
  const std::map<uint32_t, size_t> both = {{Docs().id, 4}, {Other(), 6}};
  EXPECT_EQ(Vectors("a"), both);
  store_.Do("set_access { collection: 'docs' document: 'a' label { level: 'internal' } }");
  EXPECT_EQ(Vectors("a"), both);
  store_.Do(
      "update_metadata { collection: 'docs' document: 'a' update_mask { paths: 'title' } metadata "
      "{ title: 't' } }");
  EXPECT_EQ(Vectors("a"), both);
  // A version of its own takes both with it.
  store_.Do(
      "update_metadata { collection: 'docs' document: 'a' update_mask { paths: 'subjects' } "
      "metadata { subjects: 'person:2' } }");
  EXPECT_EQ(store_.NumberOf("a"), 1u);
  EXPECT_EQ(Vectors("a"), both);
  EXPECT_EQ(Docs().other->documents, 1u);
  store_.Do("delete_document { collection: 'docs' document: 'a' }");
  EXPECT_EQ(Docs().other->documents, 0u);
  store_.Do(kSwitch);
}

TEST_F(Spaces, WhatIsErasedStaysInOne) {
  Ingest("a");
  Ingest("b");
  store_.Do(kBegin);
  Changed({0, 1});
  store_.Do("erase { collection: 'docs' document: 'a' limit: 10 }");
  EXPECT_EQ(Docs().other->documents, 1u);
  EXPECT_EQ(store_.keys().Find(1, 0).state, KeyStore::State::kDestroyed);
  EXPECT_EQ(Changed({0}), 0u);
  EXPECT_EQ(Docs().documents, 1u);
}

TEST_F(Spaces, VectorsOfADroppedOneStay) {
  Ingest("a");
  Ingest("b");
  store_.Do(kBegin);
  Changed({0, 1});
  store_.Do(kSwitch);
  const uint32_t space = Docs().space;
  store_.Do(kDropOld);
  EXPECT_EQ(Docs().stale, 2u);
  EXPECT_FALSE(Docs().other.has_value());
  EXPECT_EQ(store_.Refusal("begin_embedding { collection: 'docs' space { model: 'third' dimension: "
                           "3 embedder: EMBEDDER_BUILTIN } }"),
            "FAILED_PRECONDITION: collection")
      << "before it is cleaned up";
  EXPECT_EQ(Changed({0}, /*vectors=*/false), 1u);
  EXPECT_EQ(Vectors("a"), (std::map<uint32_t, size_t>{{space, 6}}));
  Ingest("b");  // written anew, it has none
  EXPECT_EQ(Docs().stale, 0u);
  EXPECT_EQ(Changed({0, 2}, /*vectors=*/false), 0u);
  store_.Do(
      "begin_embedding { collection: 'docs' space { model: 'old' dimension: 3 embedder: "
      "EMBEDDER_BUILTIN } }");
  EXPECT_NE(Other(), space);
}

TEST_F(Spaces, ARestartForgetsWhichIsSearched) {
  Ingest("a");
  store_.Do(kBegin);
  Changed({0});
  store_.Do(kSwitch);
  const uint32_t space = Docs().space;
  store_.Reopen();
  EXPECT_EQ(Docs().space, space);
  EXPECT_EQ(Docs().config.model(), "new");
  EXPECT_EQ(Docs().other->number, Docs().id);
  EXPECT_EQ(Docs().other->space.model(), "old");
  EXPECT_EQ(store_.state().spaces, 1u);
}

// It lacks the vectors that came since its backup.
TEST_F(Spaces, ARestoredStoreIsToldToSwitch) {
  for (const char* change : {kBegin, kSwitch, kDropOld}) {
    EXPECT_TRUE(store_.Do(change).replay.sealed_mutation().empty()) << change;
  }
}

TEST_F(Spaces, ADeletedCollectionLeavesItsOwn) {
  Ingest("a");
  store_.Do(kBegin);
  Changed({0});
  store_.Do("delete_collection { name: 'docs' }");
  EXPECT_EQ(store_.Refusal(kSwitch), "NOT_FOUND: collection");
}

}  // namespace
}  // namespace cordon
