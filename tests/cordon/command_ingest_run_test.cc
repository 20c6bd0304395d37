// A load that breaks off and goes on: elsewhere, with a line twice or with another input, or
// without what was refused before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "tests/cordon/cli_fixture.h"
#include "tests/cordon/fake_ingest.h"
#include "tests/cordon/fake_server.h"

namespace cordon {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A server that keeps what a run has, as the real one does.
class RunOfLines : public CommandLine {
 protected:
  RunOfLines() {
    server_.on_ingest = [this](FakeServer::Stream* stream) {
      v1::IngestRequest request;
      while (stream->Read(&request)) {
        v1::IngestResponse response;
        if (request.batch() == 0) {
          *response.mutable_checkpoint() = at_;
        } else if (left_ == 0) {
          return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
        } else if (switch_at_ == request.batch()) {
          switch_at_ = 0;
          return Switched();
        } else {
          --left_;
          EXPECT_EQ(request.batch(), at_.batch() + 1);
          EXPECT_EQ(request.run(), "load");
          response = Accept(request, request.batch());
          for (const auto& refused : response.refused()) {
            at_.add_refused_places(sent_.size() + refused.index());
          }
          for (const auto& document : request.documents()) sent_.push_back(document.id());
          at_.set_batch(request.batch());
          at_.set_position(request.position());
          at_.set_accepted(at_.accepted() + response.accepted());
          at_.set_refused(at_.refused() + static_cast<uint64_t>(response.refused_size()));
          at_.set_ended(request.end_run());
        }
        stream->Write(response);
      }
      return grpc::Status::OK;
    };
  }
  Result Ingest(const std::string& lines, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"ingest",   "docs",           File("d.jsonl", lines),
                                          "--run",    "load",           "--json",
                                          "--server", server_.address()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Cordon(arguments);
  }

  FakeServer server_;
  v1::Checkpoint at_;
  int left_ = 1000;         // batches until it is gone
  uint64_t switch_at_ = 0;  // the batch that meets a switch of the embedding; 0: none
  std::vector<std::string> sent_;
};

TEST_F(RunOfLines, GoesOnElsewhereOrSendsALineTwice) {
  left_ = 1;
  EXPECT_EQ(Ingest(Documents(2050)).code, 1);
  EXPECT_EQ(at_.batch(), 1u);
  left_ = 2;
  EXPECT_EQ(Ingest(Documents(2050)).code, 1);
  left_ = 1000;
  const Result result = Ingest(Documents(2050));
  EXPECT_EQ(result.code, 1) << "lines were refused, if not now";
  EXPECT_EQ(result.out.back(),
            R"({"accepted":2030,"refused":20,"undefined_principals":0,"revision":6})");
  ASSERT_EQ(sent_.size(), 2050u);
  for (size_t i = 0; i < sent_.size(); ++i) ASSERT_EQ(sent_[i], "d" + std::to_string(i + 1));
  // Once more: all of it is there.
  EXPECT_TRUE(at_.ended());
  EXPECT_THAT(Ingest(Documents(2050)).out.back(), StartsWith(R"({"accepted":2030,"refused":20,)"));
  EXPECT_EQ(sent_.size(), 2050u);
}

TEST_F(RunOfLines, LosesItsPlaceByASwitchOfTheEmbedding) {
  switch_at_ = 3;
  const Result result = Ingest(Documents(5099));
  ASSERT_FALSE(result.out.empty());
  EXPECT_THAT(result.out.back(), StartsWith(R"({"accepted":5049,"refused":50,)"));
  ASSERT_EQ(sent_.size(), 5099u);
  for (size_t i = 0; i < sent_.size(); ++i) ASSERT_EQ(sent_[i], "d" + std::to_string(i + 1));
  EXPECT_TRUE(at_.ended());
}

// What a client had not told of when it died, nor written.
TEST_F(RunOfLines, LosesWhatTheServerRefusedBefore) {
  left_ = 2;
  EXPECT_EQ(Ingest("{\n" + Documents(2050)).code, 1);
  ASSERT_GT(at_.refused(), 5u);
  left_ = 1000;
  const Result result = Ingest("{\n" + Documents(2050), {"--refused", Path("mend.jsonl")});
  EXPECT_EQ(result.out.back(),
            R"({"accepted":2030,"refused":21,"undefined_principals":0,"revision":6})");
  std::ifstream mend(Path("mend.jsonl"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(mend, line);) lines.push_back(line);
  EXPECT_EQ(lines.size(), 21u);
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()).size(), 21u);
  EXPECT_EQ(lines[0], "{");
  EXPECT_EQ(result.out.size(), 22u) << "each of them is told as well, and the sums";
  // Of more than the server remembers there is a number.
  at_.mutable_refused_places()->Truncate(3);
  at_.set_places_from(1);
  const Result later = Ingest("{\n" + Documents(2050));
  EXPECT_THAT(later.out.back(), StartsWith(R"({"accepted":2030,"refused":21,)"));
  EXPECT_EQ(later.out.size(), 5u);
}

TEST_F(RunOfLines, TakesAnotherInputForItsOwn) {
  left_ = 2;
  (void)Ingest(Documents(2050));
  const auto sent = sent_.size();
  left_ = 1000;
  std::string other = Documents(2050);
  other.replace(other.find("\"x\""), 3, "\"y\"");
  for (const std::string& lines : {other, Documents(100), std::string()}) {
    const Result result = Ingest(lines);
    EXPECT_EQ(result.code, 1);
    ASSERT_GE(result.out.size(), 2u);
    EXPECT_THAT(result.out[result.out.size() - 2], HasSubstr("FAILED_PRECONDITION"));
    EXPECT_THAT(result.out[result.out.size() - 2], HasSubstr(R"("field":"run")"));
  }
  EXPECT_EQ(sent_.size(), sent);
}

TEST_F(RunOfLines, IsAServersThatKnowsNone) {
  server_.on_ingest = [](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    while (stream->Read(&request)) stream->Write(Accept(request, 1));
    return grpc::Status::OK;
  };
  const Result result = Ingest(Documents(3));
  EXPECT_EQ(result.code, 1);
  ASSERT_GE(result.out.size(), 2u);
  EXPECT_THAT(result.out[0], HasSubstr("UNIMPLEMENTED"));
}

}  // namespace
}  // namespace cordon
