// One of two stores in which callers see the same, among other documents that they do not see, and
// where lists serve a caller of a tenth of it too. What is written to it and asked of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/engine.h"
#include "tests/engine/wait_until.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/view/asked.h"

namespace cordon {

inline constexpr size_t kTwinDimension = 128;

struct TwinCaller {
  const char* user;
  size_t one_in;  // it sees one in so many of the documents that are for callers
};
inline constexpr TwinCaller kTwinCallers[] = {
    {"user:eve", 1}, {"user:half", 2}, {"user:tenth", 10}, {"user:hundredth", 100}};

// Whom a document with such a number is for.
inline std::vector<std::string> TwinReaders(size_t number) {
  std::vector<std::string> readers;
  for (const TwinCaller& caller : kTwinCallers) {
    if (number % caller.one_in == 0) readers.emplace_back(caller.user);
  }
  return readers;
}

// Around the same centres for any seed.
inline std::vector<std::vector<float>> DrawTwins(uint64_t seed, size_t n) {
  Random centres(1), random(seed);
  const auto draw = [](Random& from, double scale) {
    std::vector<float> vector(kTwinDimension);
    for (float& x : vector) x = static_cast<float>((from.Unit() * 2 - 1) * scale);
    return vector;
  };
  std::vector<std::vector<float>> around, vectors;
  for (size_t i = 0; i < 40; ++i) around.push_back(draw(centres, 1));
  for (size_t i = 0; i < n; ++i) {
    vectors.push_back(draw(random, 0.6));
    const std::vector<float>& centre = around[random.Below(around.size())];
    for (size_t j = 0; j < kTwinDimension; ++j) vectors.back()[j] += centre[j];
  }
  return vectors;
}

// A text that hangs on the vector: eight words of about a hundred, so that all documents, hidden
// ones too, share theirs with many.
inline std::string TwinText(const std::vector<float>& vector) {
  std::string text;
  for (size_t i = 0; i < 8; ++i) {
    text += fmt::format("word{} ", std::lround(std::abs(vector[i]) * 64));
  }
  return text;
}

struct TwinDocument {
  std::string id;
  std::vector<float> vector;
  std::vector<std::string> readers;
};
using TwinDocuments = std::vector<TwinDocument>;

// PREFIX0, PREFIX1, …, each for the callers of such a number, or all for `reader` alone.
inline TwinDocuments DrawTwinDocuments(const std::string& prefix, uint64_t seed, size_t n,
                                       const std::string& reader = "") {
  TwinDocuments documents;
  for (auto& vector : DrawTwins(seed, n)) {
    const size_t number = documents.size();
    documents.push_back({prefix + std::to_string(number), std::move(vector), {reader}});
    if (reader.empty()) documents.back().readers = TwinReaders(number);
  }
  return documents;
}

// By the vector and its text, with all that is told of the way there.
inline v1::RetrieveRequest TwinQuestion(const std::string& user, const std::vector<float>& vector) {
  v1::RetrieveRequest request;
  request.set_collection("docs");
  request.mutable_scope()->set_as(user);
  request.mutable_vector()->Add(vector.begin(), vector.end());
  request.set_text(TwinText(vector));
  request.set_mode(v1::MODE_FAST);
  request.set_explain(true);
  return request;
}

// Open.
class TwinStore {
 public:
  explicit TwinStore(const std::string& path) {
    auto opened = Engine::Open({{path, "", ""}, Durability::kBuffered, std::nullopt});
    CORDON_CHECK(opened.ok());
    engine_ = *std::move(opened);
  }

  void CreateDocs() {
    const auto request = FromText<v1::CreateCollectionRequest>(
        "config { name: 'docs' dimension: 128 metric: METRIC_COSINE embedder: EMBEDDER_NONE "
        "pin_geometry: true default_label { level: 'public' } }");
    ASSERT_TRUE(Asked<v1::CreateCollectionResponse>([&](auto done) {
                  CreateCollection(engine_->WriteAs(Anyone()), request, done);
                }).ok());
  }

  void Ingest(const TwinDocuments& documents, size_t at_once = 1'000) {
    for (size_t first = 0; first < documents.size(); first += at_once) {
      v1::IngestRequest request;
      request.set_collection("docs");
      for (size_t i = first; i < std::min(first + at_once, documents.size()); ++i) {
        const auto& [id, vector, readers] = documents[i];
        v1::Document* const document = request.add_documents();
        document->set_id(id);
        *document->mutable_acl() = ListOf(readers);
        v1::Chunk* const chunk = document->add_chunks();
        chunk->set_text(TwinText(vector));
        chunk->mutable_embedding()->Add(vector.begin(), vector.end());
      }
      const auto answer = Asked<IngestedBatch>(
          [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
      ASSERT_TRUE(answer.ok()) << answer.status().ToString();
      ASSERT_EQ(answer->response.accepted(), static_cast<uint64_t>(request.documents_size()));
    }
  }
  void SetReaders(const std::string& id, const std::vector<std::string>& readers) {
    v1::SetAccessRequest request;
    request.set_collection("docs");
    request.set_document(id);
    *request.mutable_acl() = ListOf(readers);
    ASSERT_TRUE(Asked<v1::SetAccessResponse>([&](auto done) {
                  SetAccess(engine_->WriteAs(Anyone()), request, done);
                }).ok());
  }
  void Delete(const std::string& id) {
    v1::DeleteRequest request;
    request.set_collection("docs");
    request.set_document(id);
    ASSERT_TRUE(Asked<v1::DeleteResponse>([&](auto done) {
                  cordon::Delete(engine_->WriteAs(Anyone()), request, done);
                }).ok());
  }
  void Delete(const std::string& prefix, size_t from, size_t end) {
    for (size_t i = from; i < end; ++i) Delete(prefix + std::to_string(i));
  }
  // If it was there, the lists are merged soon, without it.
  void EraseOne(const std::string& id) {
    v1::EraseRequest request;
    request.set_collection("docs");
    request.set_document(id);
    ASSERT_TRUE(Asked<v1::EraseResponse>([&](auto done) {
                  Erase(engine_->WriteAs(Anyone()), request, done);
                }).ok());
  }

  // Of the published index.
  void WaitForIndex(const std::function<bool(const VectorIndex&)>& reached) {
    ASSERT_TRUE(WaitUntil([&] {
      const ReadContext context = engine_->ReadAs(Anyone(), {});
      const PinnedView view = context.tenant->publisher.Pin(context.clock);
      return reached(view->index(*view->state().FindCollection("docs")));
    }));
  }
  void WaitForLists() {
    WaitForIndex([](const VectorIndex& index) { return index.lists() != nullptr; });
  }

  // Asks each question alone, or all of them in one batch. Of an answer all is left but what may be
  // another in another store, and the times.
  void Ask(const std::vector<v1::RetrieveRequest>& questions, bool batched,
           std::vector<v1::RetrieveResponse>* answers) {
    if (batched) return AskBatch(questions, answers);
    for (const auto& question : questions) {
      const auto answer = Asked<v1::RetrieveResponse>(
          [&](auto done) { Retrieve(engine_->ReadAs(Anyone(), {}), question, done); });
      ASSERT_TRUE(answer.ok()) << answer.status().ToString();
      answers->push_back(Comparable(*answer));
    }
  }

 private:
  static v1::Acl ListOf(const std::vector<std::string>& readers) {
    v1::Acl list;
    for (const std::string& reader : readers) list.add_allow()->set_principal(reader);
    return list;
  }

  void AskBatch(const std::vector<v1::RetrieveRequest>& questions,
                std::vector<v1::RetrieveResponse>* answers) {
    v1::BatchRetrieveRequest batch;
    for (const auto& question : questions) *batch.add_queries() = question;
    const auto answered = Asked<v1::BatchRetrieveResponse>(
        [&](auto done) { BatchRetrieve(engine_->ReadAs(Anyone(), {}), batch, done); });
    ASSERT_TRUE(answered.ok()) << answered.status().ToString();
    for (const auto& answer : answered->answers()) {
      ASSERT_TRUE(answer.has_response()) << answer.ShortDebugString();
      answers->push_back(Comparable(answer.response()));
    }
  }

  static v1::RetrieveResponse Comparable(v1::RetrieveResponse answer) {
    answer.clear_revision();
    answer.clear_as_of();
    answer.clear_journal_id();
    answer.clear_nonce();
    if (!answer.has_explain()) return answer;
    v1::SearchExplain* const way = answer.mutable_explain();
    way->clear_prepare_us();
    way->clear_order_us();
    way->clear_scan_us();
    way->clear_finish_us();
    return answer;
  }

  std::unique_ptr<Engine> engine_;
};

}  // namespace cordon
