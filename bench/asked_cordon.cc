#include "bench/asked_cordon.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "bench/tool.h"
#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/directory.grpc.pb.h"

namespace cordon::bench {
namespace {

constexpr char kChunks[] = "chunks";
constexpr size_t kRecords = 2000;  // principals in a call
constexpr size_t kSlice = 20'000;  // documents in a stream, which are made before it

std::string CallerName(size_t cell, size_t caller) {
  return fmt::format("user:cell-{}-caller-{}", cell, caller);
}

std::string GroupOf(size_t class_id) { return fmt::format("group:class-{:06}", class_id); }

v1::Metric ToProto(Metric metric) {
  if (metric == Metric::kL2) return v1::METRIC_L2;
  return metric == Metric::kCosine ? v1::METRIC_COSINE : v1::METRIC_INNER_PRODUCT;
}

v1::Document MakeDocument(const AskedWorld& world, size_t row) {
  v1::Document document;
  document.set_id(fmt::format("{:08}", row));
  document.mutable_acl()->add_allow()->set_principal(GroupOf(world.classes.of_row[row]));
  document.mutable_label()->set_level("public");
  v1::Chunk* chunk = document.add_chunks();
  chunk->set_text(fmt::format("row {}", row));
  const float* vector = world.set.base.row(row);
  chunk->mutable_embedding()->Assign(vector, vector + world.set.dimension);
  return document;
}

}  // namespace

AskedCordon::AskedCordon(const std::string& address, const std::string& key,
                         const AskedWorld& world)
    : world_(world), target_(Connect(address, key, 1)) {
  request_.set_collection(kChunks);
  request_.mutable_scope()->set_purpose("benchmark");
  request_.set_k(static_cast<uint32_t>(world.k));
  request_.set_mode(v1::MODE_FAST);
}

Streamed AskedCordon::Fill(size_t batch) {
  CreateCollection();
  FillDirectory();
  Streamed all;
  for (size_t first = 0; first < world_.set.rows; first += kSlice) {
    std::vector<v1::IngestRequest> batches;
    for (size_t row = first; row < std::min(first + kSlice, world_.set.rows); ++row) {
      if ((row - first) % batch == 0) {
        batches.emplace_back().set_collection(kChunks);
        batches.back().set_batch(batches.size());
      }
      *batches.back().add_documents() = MakeDocument(world_, row);
    }
    const Streamed slice = Stream(target_, batches, 0);
    all.accepted += slice.accepted;
    all.seconds += slice.seconds;
  }
  return all;
}

void AskedCordon::CreateCollection() {
  v1::CreateCollectionRequest create;
  create.mutable_config()->set_name(kChunks);
  create.mutable_config()->set_dimension(static_cast<uint32_t>(world_.set.dimension));
  create.mutable_config()->set_metric(ToProto(world_.set.metric));
  create.mutable_config()->set_embedder(v1::EMBEDDER_NONE);
  v1::CreateCollectionResponse created;
  Require(v1::Admin::NewStub(target_.channels[0])
              ->CreateCollection(NewContext(target_).get(), create, &created));
}

void AskedCordon::FillDirectory() {
  std::vector<v1::Principal> directory(world_.classes.count);
  for (size_t c = 0; c < directory.size(); ++c) {
    directory[c].set_name(GroupOf(c));
    directory[c].set_sets_members(true);
  }
  for (size_t cell = 0; cell < world_.cells.size(); ++cell) {
    for (size_t n = 0; n < world_.cells[cell].callers.size(); ++n) {
      const std::string name = CallerName(cell, n);
      for (const uint32_t c : ClassesOf(world_.cells[cell].callers[n])) {
        directory[c].add_members()->set_principal(name);
      }
      v1::Principal& user = directory.emplace_back();
      user.set_name(name);
      user.mutable_clearance()->set_level("confidential");
    }
  }
  const auto stub = v1::Directory::NewStub(target_.channels[0]);
  for (size_t first = 0; first < directory.size(); first += kRecords) {
    v1::ApplyDirectoryRequest apply;
    for (size_t i = first; i < std::min(first + kRecords, directory.size()); ++i) {
      *apply.add_principals() = std::move(directory[i]);
    }
    v1::ApplyDirectoryResponse applied;
    Require(stub->ApplyDirectory(NewContext(target_).get(), apply, &applied));
  }
}

void AskedCordon::Ask(size_t caller, const float* query, std::vector<uint32_t>* rows) {
  request_.mutable_scope()->set_as(CallerName(cell_, caller));
  request_.mutable_vector()->Assign(query, query + world_.set.dimension);
  v1::RetrieveResponse response;
  Require(target_.retrieval[0]->Retrieve(NewContext(target_).get(), request_, &response));
  rows->clear();
  for (const v1::Passage& passage : response.passages()) {
    rows->push_back(static_cast<uint32_t>(std::stoul(passage.document())));
  }
}

}  // namespace cordon::bench
