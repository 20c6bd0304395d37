// Limits of single requests, judged before the writer: at them all goes well, and one beyond is
// refused.
#include "engine/base/limits.h"

#include <fmt/format.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

class RequestLimits : public ScratchWriter {
 protected:
  std::string Apply(const v1::ApplyDirectoryRequest& request) {
    return Outcome(Asked<v1::ApplyDirectoryResponse>(
        [&](auto done) { ApplyDirectory(Context(), request, done); }));
  }
  // The field for which the only document is refused, or "OK".
  std::string Put(const std::string& more) {
    const auto put = Ingest(
        "documents { id: 'd' acl { allow { principal: 'everyone' } } label { level: 'public' } "
        "chunks { text: 't' embedding: 1 embedding: 0 } " +
        more + " }");
    EXPECT_TRUE(put.ok()) << put.status().ToString();
    if (!put.ok()) return "";
    const auto& refused = put->response.refused();
    return refused.empty() ? "OK" : refused[0].field();
  }
};

// At kDirectoryRecords and beyond.
TEST_F(RequestLimits, OfADirectoryFile) {
  v1::ApplyDirectoryRequest request;
  for (size_t i = 0; i < limits::kDirectoryRecords; ++i) {
    auto* group = request.add_principals();
    group->set_name("group:" + std::to_string(i));
    group->set_sets_members(true);
  }
  EXPECT_EQ(Apply(request), "OK");
  auto* more = request.add_principals();
  more->set_name("group:more");
  more->set_sets_members(true);
  EXPECT_EQ(Apply(request), "INVALID_ARGUMENT: principals");
  EXPECT_EQ(Pin()->policy().principals->Find("group:more"), std::nullopt);
}

// At kReasonBytes and beyond.
TEST_F(RequestLimits, OfAReason) {
  v1::ApplyDirectoryRequest request;
  request.set_reason(std::string(limits::kReasonBytes, 'x'));
  EXPECT_EQ(Apply(request), "OK");
  request.set_reason(request.reason() + "x");
  EXPECT_EQ(Apply(request), "INVALID_ARGUMENT: reason");
}

// At kSubjectsPerDocument and beyond.
TEST_F(RequestLimits, OfADocumentsParts) {
  std::string subjects;
  for (size_t i = 0; i < limits::kSubjectsPerDocument; ++i) {
    subjects += "subjects: 'person:" + std::to_string(i) + "' ";
  }
  EXPECT_EQ(Put(subjects), "OK");
  EXPECT_EQ(Put(subjects + "subjects: 'person:more'"), "subjects");
  const auto text = [](const std::string& field, size_t bytes) {
    return field + ": '" + std::string(bytes, 'x') + "' ";
  };
  EXPECT_EQ(Put(text("title", limits::kTitleBytes)), "OK");
  EXPECT_EQ(Put(text("title", limits::kTitleBytes + 1)), "title");
  EXPECT_EQ(Put(text("uri", limits::kUriBytes)), "OK");
  EXPECT_EQ(Put(text("uri", limits::kUriBytes + 1)), "uri");
  EXPECT_EQ(Put(text("subjects", limits::kNameBytes)), "OK");
  EXPECT_EQ(Put(text("subjects", limits::kNameBytes + 1)), "subjects[0]");
  const auto chunk = [&](size_t bytes) {
    return "chunks { " + text("text", bytes) + "embedding: 1 embedding: 0 }";
  };
  EXPECT_EQ(Put(chunk(limits::kChunkTextBytes)), "OK");
  EXPECT_EQ(Put(chunk(limits::kChunkTextBytes + 1)), "chunks[1].text");
  const auto attribute = [&](size_t bytes) {
    const auto put = Ingest("documents { id: 'd' text: 'a' attributes { key: 's' value { " +
                                text("string_value", bytes) + "} } }",
                            AllOf(), "typed");
    EXPECT_TRUE(put.ok()) << put.status().ToString();
    const auto& refused = put->response.refused();
    return refused.empty() ? "OK" : refused[0].field();
  };
  EXPECT_EQ(attribute(limits::kAttributeBytes), "OK");
  EXPECT_EQ(attribute(limits::kAttributeBytes + 1), "attributes.s");
}

TEST_F(RequestLimits, OfADocument) {
  const auto named = [&](size_t bytes) {
    const auto put = Ingest(Good(std::string(bytes, 'i')));
    EXPECT_TRUE(put.ok()) << put.status().ToString();
    const auto& refused = put->response.refused();
    return refused.empty() ? "OK" : refused[0].field();
  };
  EXPECT_EQ(named(limits::kIdBytes), "OK");
  EXPECT_EQ(named(limits::kIdBytes + 1), "id");
  const auto chunks = [&](size_t count) {
    std::string more;  // beside the one that Put() has
    for (size_t i = 1; i < count; ++i) more += "chunks { text: 't' embedding: 1 embedding: 0 } ";
    return Put(more);
  };
  EXPECT_EQ(chunks(limits::kChunksPerDocument), "OK");
  EXPECT_EQ(chunks(limits::kChunksPerDocument + 1), "chunks");
}

TEST_F(RequestLimits, OfACollection) {
  const auto create = [&](const std::string& name, const std::string& more) {
    return Outcome(Send<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
        CreateCollection, "config { name: '" + name +
                              "' dimension: 2 metric: METRIC_L2 embedder: EMBEDDER_NONE " + more +
                              " }"));
  };
  EXPECT_EQ(create(std::string(limits::kCollectionBytes, 'c'), ""), "OK");
  EXPECT_EQ(create(std::string(limits::kCollectionBytes + 1, 'd'), ""), "INVALID_ARGUMENT: name");
  const auto wide = [&](const std::string& name, size_t dimension) {
    return Outcome(Send<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
        CreateCollection, fmt::format("config {{ name: '{}' dimension: {} metric: METRIC_L2 "
                                      "embedder: EMBEDDER_NONE }}",
                                      name, dimension)));
  };
  EXPECT_EQ(wide("w", limits::kDimensionMax), "OK");
  EXPECT_EQ(wide("x", limits::kDimensionMax + 1), "INVALID_ARGUMENT: dimension");
  EXPECT_EQ(create("e", fmt::format("erase_after_s: {}", limits::kEraseAfter_s)), "OK");
  EXPECT_EQ(create("f", fmt::format("erase_after_s: {}", limits::kEraseAfter_s + 1)),
            "INVALID_ARGUMENT: erase_after_s");
  EXPECT_EQ(create("g", fmt::format("bm25 {{ k1: {} }}", limits::kBm25K1Max)), "OK");
  EXPECT_EQ(create("h", fmt::format("bm25 {{ k1: {} }}", limits::kBm25K1Max + 0.001)),
            "INVALID_ARGUMENT: bm25.k1");
}

TEST_F(RequestLimits, OfACertificatesName) {
  const auto create = [&](size_t bytes) {
    const std::string start = "uri:urn:";
    const auto request = FromText<v1::CreateKeyRequest>(
        "grant { principal: 'service:s' rights: RIGHT_QUERY certificate: '" + start +
        std::string(bytes - start.size(), 'x') + "' }");
    return Outcome(Asked<v1::CreateKeyResponse>([&](auto done) {
      CreateKey(Context(), request, {"default.c", "", std::string(32, 'd')}, done);
    }));
  };
  EXPECT_EQ(create(limits::kCertificateNameBytes), "OK");
  EXPECT_EQ(create(limits::kCertificateNameBytes + 1), "INVALID_ARGUMENT: certificate");
}

// At kSelectionsQueue and beyond.
TEST_F(RequestLimits, OfSelectionsThatWait) {
  background_ = std::make_unique<Executor>(1, limits::kSelectionsQueue);  // as the engine's
  std::promise<void> held, release;
  const auto until = release.get_future().share();
  const auto select = [&](std::function<bool()> stop) {
    auto outcome = std::make_shared<std::promise<std::string>>();
    SetAccessSelected(Context(),
                      FromText<v1::SetAccessSelectedRequest>(
                          "collection: 'docs' id_prefix: 'd' label { level: 'public' }"),
                      std::move(stop),
                      [outcome](const auto& answer) { outcome->set_value(Outcome(answer)); });
    return outcome->get_future();
  };
  std::vector<std::future<std::string>> waiting;
  waiting.push_back(select([&held, until] {
    held.set_value();
    until.wait();
    return false;
  }));
  held.get_future().wait();
  for (size_t i = 0; i < limits::kSelectionsQueue; ++i) waiting.push_back(select({}));
  EXPECT_EQ(select({}).get(), "RESOURCE_EXHAUSTED: ");
  release.set_value();
  for (auto& one : waiting) EXPECT_EQ(one.get(), "OK");
}

// As many wait as may, behind a writer that is held up; one more is turned away, and the others are
// answered all the same.
TEST_F(RequestLimits, OfChangesThatWaitToBeTried) {
  std::promise<void> held, release;
  const auto until = release.get_future().share();
  SetAccess(Context(),
            FromText<v1::SetAccessRequest>("collection: 'docs' document: 'd' "
                                           "label { level: 'public' }"),
            [&held, until](const auto&) {
              held.set_value();
              until.wait();
            });
  held.get_future().wait();
  std::promise<void> turned_away;
  std::atomic<size_t> refused{0}, tried{0};
  std::vector<std::thread> callers;
  for (size_t i = 0; i < limits::kTrials + 1; ++i) {
    callers.emplace_back([&] {
      const auto trial = TryChange(
          Context(),
          FromText<v1::SimulateRequest>("delete_document { collection: 'docs' document: 'd' }"));
      if (trial.ok()) {
        ++tried;
      } else if (trial.status().code() == StatusCode::kResourceExhausted && ++refused == 1) {
        turned_away.set_value();
      }
    });
  }
  const auto waited = turned_away.get_future().wait_for(std::chrono::seconds(30));
  EXPECT_EQ(waited, std::future_status::ready);
  release.set_value();
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(refused, 1u);
  EXPECT_EQ(tried, limits::kTrials);
}

}  // namespace
}  // namespace cordon
