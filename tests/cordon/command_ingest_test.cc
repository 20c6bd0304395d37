// Ingest as scripts see it: numbered refusals, truthful sums, and a server that is overloaded,
// silent or wrong.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/cordon/cli_fixture.h"
#include "tests/cordon/fake_ingest.h"
#include "tests/cordon/fake_server.h"
#include "tests/cordon/npy_bytes.h"
#include "tests/cordon/test_files.h"

namespace cordon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class IngestCommand : public CommandLine {};

TEST_F(IngestCommand, RefusedLinesAreToldInOrderWithTheirNumbers) {
  FakeServer server;
  server.on_ingest = [](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    uint64_t revision = 0;
    while (stream->Read(&request)) stream->Write(Accept(request, ++revision));
    return grpc::Status::OK;
  };
  // Line 1 is empty; line n + 1 holds document n; lines 51 and 603 cannot be sent.
  std::string lines = "\n" + Documents(1200);
  lines.replace(lines.find(R"({"id":"d50")"), 11, R"({"Id":"d50")");
  lines.replace(lines.find(R"({"id":"d602","text":"x"})"), 24, R"({"id":"d602","text": 7 })");
  const Result result =
      Cordon({"ingest", "docs", File("d.jsonl", lines), "--json", "--server", server.address()});
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(result.out.size(), 15u) << result.err;
  EXPECT_THAT(result.out[0], StartsWith(R"({"line":51,"id":"","field":"Id","message":")"));
  for (int i = 1; i <= 6; ++i) {
    EXPECT_EQ(result.out[i], R"({"line":)" + std::to_string(i * 100 + 1) + R"(,"id":"d)" +
                                 std::to_string(i * 100) +
                                 R"(","field":"label.level","message":"m"})");
  }
  EXPECT_THAT(result.out[7], StartsWith(R"({"line":603,"id":"d602","field":"text","message":")"));
  EXPECT_EQ(result.out[14],
            R"({"accepted":1186,"refused":14,"undefined_principals":0,"revision":3})");
}

TEST_F(IngestCommand, AnOverloadLosesAndRepeatsNoLine) {
  FakeServer server;
  std::atomic<int> streams{0};
  std::atomic<int> batches{0};
  std::vector<std::string> stored;
  server.on_ingest = [&](FakeServer::Stream* stream) {
    ++streams;
    v1::IngestRequest request;
    while (stream->Read(&request)) {
      if (++batches % 3 == 0) return Overloaded(20);
      for (const auto& document : request.documents()) stored.push_back(document.id());
      stream->Write(Accept(request, 1));
    }
    return grpc::Status::OK;
  };
  const Result result = Cordon(
      {"ingest", "docs", File("d.jsonl", Documents(5099)), "--json", "--server", server.address()});
  ASSERT_FALSE(result.out.empty());
  EXPECT_EQ(result.out.back(),
            R"({"accepted":5049,"refused":50,"undefined_principals":0,"revision":1})");
  EXPECT_EQ(result.out.size(), 51u);
  ASSERT_EQ(stored.size(), 5099u);
  for (int i = 0; i < 5099; ++i) ASSERT_EQ(stored[i], "d" + std::to_string(i + 1));
  EXPECT_GT(streams, 2);
}

TEST_F(IngestCommand, ASwitchOfTheEmbeddingLosesOrRepeatsALine) {
  FakeServer server;
  std::atomic<int> batches{0};
  std::vector<std::string> stored;
  server.on_ingest = [&](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    while (stream->Read(&request)) {
      if (++batches % 3 == 0) return Switched();
      for (const auto& document : request.documents()) stored.push_back(document.id());
      stream->Write(Accept(request, 1));
    }
    return grpc::Status::OK;
  };
  const Result result = Cordon(
      {"ingest", "docs", File("d.jsonl", Documents(5099)), "--json", "--server", server.address()});
  ASSERT_FALSE(result.out.empty());
  EXPECT_EQ(result.out.back(),
            R"({"accepted":5049,"refused":50,"undefined_principals":0,"revision":1})");
  ASSERT_EQ(stored.size(), 5099u);
  for (int i = 0; i < 5099; ++i) ASSERT_EQ(stored[i], "d" + std::to_string(i + 1));
}

// They are of the model before.
TEST_F(IngestCommand, VectorsAreSentAgainIntoAnotherEmbedding) {
  FakeServer server;
  std::atomic<int> batches{0};
  server.on_ingest = [&](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    stream->Read(&request);
    ++batches;
    return Switched();
  };
  const std::string line = R"({"id":"d","chunks":[{"text":"x","embedding":[1,0]}]})";
  const Result result =
      Cordon({"ingest", "docs", File("d.jsonl", line), "--json", "--server", server.address()});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(batches, 1);
  ASSERT_EQ(result.out.size(), 2u);
  EXPECT_THAT(result.out[0], StartsWith(R"({"error":{"code":"ABORTED")"));
}

// Somebody switches each time, or it is no switch at all.
TEST_F(IngestCommand, ABatchIsSentAgainForEver) {
  FakeServer server;
  std::atomic<int> batches{0};
  server.on_ingest = [&](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    stream->Read(&request);
    ++batches;
    return Switched();
  };
  const Result result = Cordon(
      {"ingest", "docs", File("d.jsonl", Documents(1)), "--json", "--server", server.address()});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(batches, 6);
}

TEST_F(IngestCommand, AnIngestThatBreaksOffTellsTheAcknowledgedPrefix) {
  FakeServer server;
  server.on_ingest = [](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    for (uint64_t revision = 1; revision <= 2; ++revision) {
      stream->Read(&request);
      stream->Write(Accept(request, revision));
    }
    stream->Read(&request);
    return grpc::Status(grpc::StatusCode::INTERNAL, "broken");
  };
  std::string lines = Documents(4000);
  lines.replace(lines.find(R"({"id":"d1500")"), 13,
                R"({"Id":"d1500")");  // beyond what is acknowledged
  const Result result =
      Cordon({"ingest", "docs", File("d.jsonl", lines), "--json", "--server", server.address()});
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(result.out.size(), 12u);
  EXPECT_EQ(result.out[10], R"({"error":{"code":"INTERNAL","message":"broken","field":""}})");
  EXPECT_EQ(result.out[11],
            R"({"accepted":1014,"refused":10,"undefined_principals":0,"revision":2})");
}

TEST_F(IngestCommand, AServerThatFallsSilentEndsAnIngestWithinTenSeconds) {
  FakeServer server;
  SilentProxy proxy(server.port());
  std::chrono::steady_clock::time_point silent;
  server.on_ingest = [&](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    for (int i = 0; stream->Read(&request); ++i) {
      stream->Write(Accept(request, 1));
      if (i != 2) continue;
      silent = std::chrono::steady_clock::now();
      proxy.FallSilent();
    }
    return grpc::Status::OK;
  };
  // Large documents, so that the connection's buffers are full when it falls silent.
  std::string lines;
  for (int i = 1; i <= 400; ++i) {
    lines +=
        R"({"id":"d)" + std::to_string(i) + R"(","text":")" + std::string(200'000, 'x') + "\"}\n";
  }
  const Result result =
      Cordon({"ingest", "docs", File("d.jsonl", lines), "--json", "--server", proxy.address()});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - silent;
  EXPECT_EQ(result.code, 1);
  EXPECT_LT(took.count(), 10);
  ASSERT_GE(result.out.size(), 2u);
  EXPECT_THAT(result.out[result.out.size() - 2], StartsWith(R"({"error":{"code":"UNAVAILABLE")"));
  EXPECT_THAT(result.out.back(), StartsWith(R"({"accepted":)"));
}

TEST_F(IngestCommand, AnIdleStreamToASilentServerEndsToo) {
  FakeServer server;
  SilentProxy proxy(server.port());
  server.on_ingest = [&](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    stream->Read(&request);
    proxy.FallSilent();  // before the acknowledgement
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return grpc::Status::OK;
  };
  const Result result = Cordon(
      {"ingest", "docs", File("d.jsonl", Documents(3)), "--json", "--server", proxy.address()});
  EXPECT_EQ(result.code, 1);
  EXPECT_LT(result.seconds, 10);
  EXPECT_THAT(result.out, ElementsAre(StartsWith(R"({"error":{"code":"UNAVAILABLE")"),
                                      R"({"accepted":0,"refused":0,"undefined_principals":0,)"
                                      R"("revision":0})"));
}

TEST_F(IngestCommand, AServerThatFallsSilentIsNoticedWhileVectorsAreLongInComing) {
  FakeServer server;
  SilentProxy proxy(server.port());
  server.on_ingest = [&](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    stream->Read(&request);
    proxy.FallSilent();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return grpc::Status::OK;
  };
  ASSERT_EQ(mkfifo(Path("v.fvecs").c_str(), 0600), 0);
  const int pipe = open(Path("v.fvecs").c_str(), O_RDWR);  // so that it has no end
  ASSERT_GE(pipe, 0);
  std::string rows;
  for (int i = 0; i < 1500; ++i) rows += Bytes<int32_t>({2}) + Bytes<float>({1, 2});
  ASSERT_EQ(write(pipe, rows.data(), rows.size()), static_cast<ssize_t>(rows.size()));
  const Result result = Cordon({"ingest", "docs", File("d.jsonl", Documents(2000)), "--vectors",
                                Path("v.fvecs"), "--json", "--server", proxy.address()});
  close(pipe);
  EXPECT_EQ(result.code, 1);
  EXPECT_LT(result.seconds, 10);
  EXPECT_THAT(result.out, ElementsAre(StartsWith(R"({"error":{"code":"UNAVAILABLE")"),
                                      R"({"accepted":0,"refused":0,"undefined_principals":0,)"
                                      R"("revision":0})"));
}

TEST_F(IngestCommand, MaxErrorsStopsEarlyButTheGoodLinesBeforeLand) {
  FakeServer server;
  server.on_ingest = [](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    while (stream->Read(&request)) stream->Write(Accept(request, 1));
    return grpc::Status::OK;
  };
  std::string lines = Documents(3) + "{\n" + Documents(2) + "[]\n" + Documents(90000);
  const Result result = Cordon({"ingest", "docs", File("d.jsonl", lines), "--json", "--server",
                                server.address(), "--max-errors", "2"});
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(result.out.size(), 4u);
  EXPECT_THAT(result.out[0], StartsWith(R"({"line":4,)"));
  EXPECT_THAT(result.out[1], StartsWith(R"({"line":7,)"));
  EXPECT_THAT(result.out[2], StartsWith(R"({"error":{"code":"ABORTED")"));
  EXPECT_EQ(result.out[3], R"({"accepted":5,"refused":2,"undefined_principals":0,"revision":1})");
}

// Only who is told of them, and then in the sums.
TEST_F(IngestCommand, DocumentsThatAreOutOfDateAreNotToldOf) {
  FakeServer server;
  std::atomic<bool> tells{true};
  server.on_ingest = [&](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    while (stream->Read(&request)) {
      v1::IngestResponse response = Accept(request, 1);
      if (tells) response.mutable_stale()->Add(1);
      stream->Write(response);
    }
    return grpc::Status::OK;
  };
  const std::vector<std::string> call = {"ingest", "docs", File("d.jsonl", Documents(2500)),
                                         "--server", server.address()};
  auto json = call;
  json.push_back("--json");
  EXPECT_THAT(Cordon(json).out.back(), StartsWith(R"({"accepted":2475,"refused":25,"stale":)"));
  EXPECT_THAT(Cordon(call).out.back(), HasSubstr(" out of date and left alone"));
  tells = false;
  EXPECT_THAT(Cordon(json).out.back(),
              StartsWith(R"({"accepted":2475,"refused":25,"undefined_principals":)"));
  EXPECT_THAT(Cordon(call).out.back(), testing::Not(HasSubstr("out of date")));
}

class RefusedLines : public CommandLine {
 protected:
  RefusedLines() {
    server_.on_ingest = [](FakeServer::Stream* stream) {
      v1::IngestRequest request;
      while (stream->Read(&request)) stream->Write(Accept(request, 1));
      return grpc::Status::OK;
    };
  }
  Result Ingest(const std::string& lines) {
    return Cordon({"ingest", "docs", File("d.jsonl", lines), "--refused", Path("mend.jsonl"),
                   "--json", "--server", server_.address()});
  }
  std::vector<std::string> LinesOf(const std::string& name) const {
    std::ifstream file(Path(name));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  FakeServer server_;
};

TEST_F(RefusedLines, DifferFromWhatCameOrHaveAnotherReason) {
  // By the server and here, with spaces, unknown bytes and a line feed of two bytes.
  const std::string spaced = R"(  {"id": "d100",  "text":"x"})";
  const std::string broken = "{\"id\":\"d\xff\", \r";
  const std::string unknown = R"({"Id":"d1"})";
  const Result result =
      Ingest(Documents(3) + spaced + "\n\n" + broken + "\n" + Documents(700) + unknown + "\n");
  EXPECT_EQ(result.code, 1);
  std::vector<std::string> expected = {spaced, broken};
  for (int i = 1; i <= 7; ++i) {
    expected.push_back(R"({"id":"d)" + std::to_string(i * 100) + R"(","text":"x"})");
  }
  expected.push_back(unknown);
  EXPECT_EQ(LinesOf("mend.jsonl"), expected);
  std::vector<std::string> told = result.out;
  ASSERT_FALSE(told.empty());
  told.pop_back();  // the sums
  EXPECT_EQ(LinesOf("mend.jsonl.why"), told);
  EXPECT_EQ(std::filesystem::status(Path("mend.jsonl")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(RefusedLines, LeaveFilesThoughThereAreNone) {
  EXPECT_EQ(Ingest(Documents(3)).code, 0);
  EXPECT_FALSE(std::filesystem::exists(Path("mend.jsonl")));
  EXPECT_FALSE(std::filesystem::exists(Path("mend.jsonl.why")));
}

TEST_F(RefusedLines, OverwriteWhatIsThere) {
  for (const char* name : {"mend.jsonl", "mend.jsonl.why"}) {
    File(name, "mine\n");
    const Result result = Ingest("{\n");
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.out, ElementsAre(HasSubstr(R"("field":"refused")")));
    EXPECT_THAT(LinesOf(name), ElementsAre("mine"));
    std::filesystem::remove(Path(name));
  }
  EXPECT_FALSE(std::filesystem::exists(Path("mend.jsonl")));
}

TEST_F(RefusedLines, ThatCannotBeKeptAreLostSilently) {
  const Result result =
      Cordon({"ingest", "docs", File("d.jsonl", "{\n" + Documents(1)), "--refused",
              Path("none/mend.jsonl"), "--json", "--server", server_.address()});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out, ElementsAre(HasSubstr(R"("field":"refused")")));
  const Result directory =
      Cordon({"ingest", "docs", folder_.string(), "--rules", File("rules.yaml", "rules: []"),
              "--refused", Path("mend.jsonl"), "--json", "--server", server_.address()});
  EXPECT_THAT(directory.out, ElementsAre(HasSubstr(R"("field":"refused")")));
}

class VectorsBesideLines : public RefusedLines {
 protected:
  VectorsBesideLines() {
    server_.on_ingest = [this](FakeServer::Stream* stream) {
      v1::IngestRequest request;
      while (stream->Read(&request)) {
        for (const auto& document : request.documents()) {
          std::string text = document.id() + ":" + document.text();
          for (const auto& chunk : document.chunks()) {
            text += "[" + chunk.text();
            for (const float number : chunk.embedding()) text += fmt::format(" {}", number);
            text += "]";
          }
          sent_.push_back(text);
        }
        stream->Write(Accept(request, 1));
      }
      return grpc::Status::OK;
    };
  }
  // The rows are (1, -1), (2, -2), …
  Result Ingest(const std::string& lines, int rows, const std::string& name = "v.fvecs") {
    std::string bytes;
    for (int i = 1; i <= rows; ++i) {
      bytes += Bytes<int32_t>({2}) + Bytes<float>({static_cast<float>(i), static_cast<float>(-i)});
    }
    File(name, name.ends_with(".gz") ? Gzip(bytes) : bytes);
    return Cordon({"ingest", "docs", File("d.jsonl", lines), "--vectors", Path(name), "--refused",
                   Path("mend.jsonl"), "--json", "--server", server_.address()});
  }
  std::string Bytewise(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::vector<std::string> sent_;
};

TEST_F(VectorsBesideLines, BelongToOthers) {
  const Result result = Ingest(
      "\n"
      R"({"id":"a","text":"one"})"
      "\n  \n{\n"
      R"({"id":"b","chunks":[{"text":"three"}]})"
      "\n"
      R"({"id":"c","chunks":[{"text":"x"},{"text":"y"}]})"
      "\n"
      R"({"id":"d","chunks":[{"text":"x","embedding":[1,2]}]})"
      "\n"
      R"({"id":"e00","text":"six"})"
      "\n"
      R"({"id":"f"})"
      "\n",
      7);
  EXPECT_THAT(sent_, ElementsAre("a:[one 1 -1]", "b:[three 3 -3]", "e00:[six 6 -6]", "f:[ 7 -7]"));
  EXPECT_EQ(result.code, 1);
  ASSERT_EQ(result.out.size(), 5u);
  EXPECT_THAT(result.out[1], HasSubstr(R"("line":6,"id":"c","field":"chunks")"));
  EXPECT_THAT(result.out[2], HasSubstr(R"("id":"d","field":"chunks[0].embedding")"));
  // What is refused takes its row along, so that it can be ingested again.
  EXPECT_THAT(LinesOf("mend.jsonl"),
              ElementsAre("{", HasSubstr("\"c\""), HasSubstr("\"d\""), HasSubstr("\"e00\"")));
  std::string rows;
  for (const float i : {2.0F, 4.0F, 5.0F, 6.0F}) {
    rows += Bytes<int32_t>({2}) + Bytes<float>({i, -i});
  }
  EXPECT_EQ(Bytewise("mend.jsonl.fvecs"), rows);
}

TEST_F(VectorsBesideLines, OfAnotherNumberAreSent) {
  for (const int rows : {0, 2, 4}) {
    const Result result = Ingest(Documents(3), rows);
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.out, ElementsAre(HasSubstr(R"("field":"vectors")"))) << rows;
  }
  EXPECT_THAT(sent_, IsEmpty()) << "it can be known before";
  for (const int rows : {2, 4}) {  // and here only at the end
    const Result result = Ingest(Documents(3), rows, "v.fvecs.gz");
    EXPECT_EQ(result.code, 1);
    ASSERT_EQ(result.out.size(), 2u) << rows;
    EXPECT_THAT(result.out[0], HasSubstr(R"("field":"vectors")"));
  }
  EXPECT_EQ(Ingest(Documents(3), 3).code, 0);
  EXPECT_FALSE(std::filesystem::exists(Path("mend.jsonl.fvecs")));
}

TEST_F(IngestCommand, AnAcknowledgementOfAnotherBatchIsNoAcknowledgement) {
  FakeServer server;
  server.on_ingest = [](FakeServer::Stream* stream) {
    v1::IngestRequest request;
    stream->Read(&request);
    v1::IngestResponse response = Accept(request, 1);
    response.set_batch(request.batch() + 1);
    stream->Write(response);
    while (stream->Read(&request)) continue;
    return grpc::Status::OK;
  };
  const Result result = Cordon(
      {"ingest", "docs", File("d.jsonl", Documents(9)), "--json", "--server", server.address()});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out[0], StartsWith(R"({"error":{"code":"INTERNAL")"));
  EXPECT_EQ(result.out[1], R"({"accepted":0,"refused":0,"undefined_principals":0,"revision":0})");
}

}  // namespace
}  // namespace cordon
