// Vectors of another model as they are sent: with what is stored otherwise, or beside the wrong
// line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cordon/cli_fixture.h"
#include "tests/cordon/fake_ingest.h"
#include "tests/cordon/fake_server.h"
#include "tests/cordon/npy_bytes.h"

namespace cordon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EmbeddingFill : public CommandLine {
 protected:
  EmbeddingFill() {
    server_.on_ingest = [this](FakeServer::Stream* stream) {
      v1::IngestRequest request;
      while (stream->Read(&request)) {
        sent_.push_back(request);
        stream->Write(Accept(request, 1));
      }
      return grpc::Status::OK;
    };
  }
  Result Fill(const std::string& lines, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "embedding", "fill",   "docs",     File("d.jsonl", lines), "--model",
        "own",       "--json", "--server", server_.address()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Cordon(arguments);
  }

  FakeServer server_;
  std::vector<v1::IngestRequest> sent_;
};

TEST_F(EmbeddingFill, SendsWhatElseIsInALine) {
  const Result result =
      Fill(R"({"id":"a","title":"t","acl":{"allow":["everyone"]},"label":{"level":"public"},)"
           R"("chunks":[{"ordinal":3,"text":"x","label":{"level":"public"},"embedding":[1,2]}]})");
  EXPECT_EQ(result.code, 0) << result.err;
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].embedding_model(), "own");
  EXPECT_TRUE(sent_[0].embeddings_only());
  ASSERT_EQ(sent_[0].documents_size(), 1);
  v1::Document expected;
  expected.set_id("a");
  auto* const chunk = expected.add_chunks();
  chunk->set_ordinal(3);
  chunk->set_text("x");
  chunk->add_embedding(1);
  chunk->add_embedding(2);
  EXPECT_EQ(sent_[0].documents(0).SerializeAsString(), expected.SerializeAsString());
}

TEST_F(EmbeddingFill, LosesVectorsBesideTheLines) {
  const std::string vectors = Npy("<f4", "(2, 2)", Bytes<float>({1, 2, 3, 4}));
  const std::string lines = R"({"id":"a","text":"x","acl":{"allow":["everyone"]}})"
                            "\n"
                            R"({"id":"b","chunks":[{"text":"y"}]})"
                            "\n";
  const Result result = Fill(lines, {"--vectors", File("v.npy", vectors)});
  EXPECT_EQ(result.code, 0) << result.err;
  ASSERT_EQ(sent_.size(), 1u);
  ASSERT_EQ(sent_[0].documents_size(), 2);
  for (int i = 0; i < 2; ++i) {
    const v1::Document& document = sent_[0].documents(i);
    EXPECT_FALSE(document.has_acl());
    ASSERT_EQ(document.chunks_size(), 1);
    EXPECT_EQ(document.chunks(0).text(), i == 0 ? "x" : "y");
    EXPECT_EQ(document.chunks(0).embedding(0), static_cast<float>(1 + 2 * i));
  }
}

TEST_F(EmbeddingFill, GoesOnWithoutAModel) {
  const Result result = Cordon({"embedding", "fill", "docs", File("d.jsonl", "{}"), "--model", "",
                                "--json", "--server", server_.address()});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out, ElementsAre(HasSubstr(R"("field":"model")")));
  EXPECT_TRUE(sent_.empty());
}

}  // namespace
}  // namespace cordon
