// A model that is slow, busy or broken, and what is asked of it then. Real sockets.
#include "engine/embed/endpoint.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/limits.h"
#include "tests/http/loopback_server.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class EndpointCall : public testing::Test {
 protected:
  EndpointConfig Config() const {
    EndpointConfig config;
    config.name = "model";
    config.target.url = server_.url();
    config.model = "m";
    config.dimension = 4;
    config.deadline_ms = 3000;
    return config;
  }
  static std::string TakeAny(const std::string& /*body*/) { return ""; }
  static std::string TakeNone(const std::string& /*body*/) { return "no JSON object"; }
  StatusCode CodeOf(Endpoint* endpoint, const Endpoint::ReadBody& read = TakeAny) {
    return endpoint->Call("{}", nullptr, read, nullptr).code();
  }
  LoopbackServer server_;
};

TEST_F(EndpointCall, ALimitIsPassedOver) {
  const auto field_of = [&](auto change) {
    EndpointConfig config = Config();
    change(&config);
    return std::string(CheckEndpoint(config).field());
  };
  using C = EndpointConfig*;
  EXPECT_EQ(field_of([](C c) {
              c->batch = limits::kEndpointBatch;
              c->concurrency = limits::kEndpointCalls;
              c->deadline_ms = c->pause_ms = limits::kEndpointDeadlineMax_ms;
            }),
            "");
  EXPECT_EQ(field_of([](C c) { c->batch = limits::kEndpointBatch + 1; }), "batch");
  EXPECT_EQ(field_of([](C c) { c->concurrency = limits::kEndpointCalls + 1; }), "concurrency");
  EXPECT_EQ(field_of([](C c) { c->deadline_ms = limits::kEndpointDeadlineMax_ms + 1; }),
            "deadline_ms");
  EXPECT_EQ(field_of([](C c) { c->pause_ms = limits::kEndpointDeadlineMax_ms + 1; }), "pause_ms");
}

TEST_F(EndpointCall, AKeyIsCutShort) {
  const ScratchDirectory scratch;
  EndpointConfig config = Config();
  config.key_file = scratch / "key";
  server_.Say("200 OK", "{}");
  const auto with_key = [&](size_t bytes) {
    std::ofstream(config.key_file) << std::string(bytes, 'k');
    std::filesystem::permissions(
        config.key_file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    Endpoint endpoint(config);
    return CodeOf(&endpoint);
  };
  EXPECT_EQ(with_key(limits::kEndpointKeyBytes), StatusCode::kOk);
  const int asked = server_.asked();
  EXPECT_EQ(with_key(limits::kEndpointKeyBytes + 1), StatusCode::kFailedPrecondition);
  EXPECT_EQ(server_.asked(), asked) << "without its key";
}

TEST_F(EndpointCall, ARetryAfterWithoutAnEndIsWaitedForOrOverflows) {
  for (const char* forever : {"86400", "9223372036854775807"}) {
    Endpoint endpoint(Config());
    server_.Say(std::string("429 Busy\r\nRetry-After: ") + forever, "");
    const int asked = server_.asked();
    const auto begun = steady_clock::now();
    EXPECT_EQ(CodeOf(&endpoint), StatusCode::kResourceExhausted) << forever;
    EXPECT_LT(steady_clock::now() - begun, milliseconds(2500)) << forever;
    EXPECT_EQ(server_.asked(), asked + 1) << forever << ": it was asked not to";
  }
}

TEST_F(EndpointCall, MoreCallsAtOnceThanItMayHave) {
  EndpointConfig config = Config();
  config.concurrency = 2;
  Endpoint endpoint(config);
  server_.Say("200 OK", "{}");
  server_.Wait(milliseconds(50));
  std::atomic<int> answered{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] { answered += CodeOf(&endpoint) == StatusCode::kOk; });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(answered, 8);
  EXPECT_LE(server_.most_at_once(), 2);
}

// At kEndpointFailures and beyond.
TEST_F(EndpointCall, ABrokenOneIsAskedForEver) {
  EndpointConfig config = Config();
  config.pause_ms = 2000;
  Endpoint endpoint(config);
  server_.Say("503 Broken\r\nRetry-After: 86400", "");  // one try each
  for (int i = 0; i < limits::kEndpointFailures; ++i) {
    EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable);
  }
  const int asked = server_.asked();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable);
  EXPECT_EQ(server_.asked(), asked) << "asked through an open circuit";
  server_.Say("200 OK", "{}");
  std::this_thread::sleep_for(milliseconds(2100));
  EXPECT_EQ(CodeOf(&endpoint), StatusCode::kOk) << "it stays open";
}

// Of those who come when the pause is over, one finds out for all.
TEST_F(EndpointCall, ABrokenOneIsTriedByAllAtOnce) {
  EndpointConfig config = Config();
  config.pause_ms = 2000;
  config.concurrency = 8;
  Endpoint endpoint(config);
  server_.Say("503 Broken\r\nRetry-After: 86400", "");  // one try each
  for (int i = 0; i < limits::kEndpointFailures; ++i) {
    EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable);
  }
  std::this_thread::sleep_for(milliseconds(2100));
  const int asked = server_.asked();
  server_.Wait(milliseconds(100));
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] { EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable); });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(server_.asked(), asked + 1);
}

// Four failed calls, then what is no failure and no good answer, then the fifth.
TEST_F(EndpointCall, ABusyOneCountsAsWell) {
  EndpointConfig config = Config();
  config.pause_ms = 20'000;
  for (const char* neither : {"429 Busy\r\nRetry-After: 86400", "400 Bad", "401 Who", "404 Gone"}) {
    Endpoint endpoint(config);
    server_.Say("503 Broken\r\nRetry-After: 86400", "");  // one try each
    for (int i = 0; i + 1 < limits::kEndpointFailures; ++i) {
      EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable);
    }
    server_.Say(neither, "");
    for (int i = 0; i < 2 * limits::kEndpointFailures; ++i) {
      const int asked = server_.asked();
      EXPECT_NE(CodeOf(&endpoint), StatusCode::kOk) << neither;
      EXPECT_EQ(server_.asked(), asked + 1) << neither << ": it is no failure either";
    }
    server_.Say("503 Broken\r\nRetry-After: 86400", "");
    EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable);
    const int asked = server_.asked();
    EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable);
    EXPECT_EQ(server_.asked(), asked) << neither << " closed the circuit";
  }
}

// Half open, the one that tries is told to come again: still nobody knows that it works.
TEST_F(EndpointCall, ABusyOneClosesTheCircuit) {
  EndpointConfig config = Config();
  config.pause_ms = 1500;
  Endpoint endpoint(config);
  server_.Say("503 Broken\r\nRetry-After: 86400", "");
  for (int i = 0; i < limits::kEndpointFailures; ++i) {
    EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable);
  }
  std::this_thread::sleep_for(milliseconds(1600));
  server_.Say("429 Busy\r\nRetry-After: 86400", "");
  const int asked = server_.asked();
  EXPECT_EQ(CodeOf(&endpoint), StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(&endpoint), StatusCode::kUnavailable);
  EXPECT_EQ(server_.asked(), asked + 1) << "asked through an open circuit";
}

TEST_F(EndpointCall, AnAnswerThatNobodyCanReadIsAGoodOne) {
  EndpointConfig config = Config();
  config.pause_ms = 1500;
  Endpoint endpoint(config);
  server_.Say("200 OK", "<html>");
  for (int i = 0; i < limits::kEndpointFailures; ++i) {
    EXPECT_EQ(CodeOf(&endpoint, TakeNone), StatusCode::kFailedPrecondition);
  }
  const int asked = server_.asked();
  EXPECT_EQ(CodeOf(&endpoint, TakeNone), StatusCode::kUnavailable);
  EXPECT_EQ(server_.asked(), asked) << "asked through an open circuit";
  std::this_thread::sleep_for(milliseconds(1600));
  EXPECT_EQ(CodeOf(&endpoint), StatusCode::kOk) << "it stays open";
  for (int i = 0; i + 1 < limits::kEndpointFailures; ++i) {
    EXPECT_EQ(CodeOf(&endpoint, TakeNone), StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(CodeOf(&endpoint), StatusCode::kOk) << "four failures, and one that works";
  EXPECT_EQ(CodeOf(&endpoint, TakeNone), StatusCode::kFailedPrecondition) << "the first again";
}

// What a call with a key came with; empty if it was refused, and then nothing was sent.
class EndpointKey : public EndpointCall {
 protected:
  EndpointKey() { server_.Say("200 OK", "{}"); }
  std::string SentBy(Endpoint* endpoint) {
    const int asked = server_.asked();
    const StatusCode code = CodeOf(endpoint);
    if (code != StatusCode::kOk) {
      EXPECT_EQ(code, StatusCode::kFailedPrecondition);
      EXPECT_EQ(server_.asked(), asked) << "sent without a key, or with half of one";
      return "";
    }
    const std::string request = server_.last_request(), before = "Authorization: Bearer ";
    const size_t at = request.find(before);
    if (at == request.npos) return "none";
    const size_t begin = at + before.size();
    return request.substr(begin, request.find("\r\n", begin) - begin);
  }
};

TEST_F(EndpointKey, OfTheEnvironmentIsOldOrBad) {
  constexpr char kName[] = "CORDON_TEST_ENDPOINT_KEY";
  EndpointConfig config = Config();
  EXPECT_EQ(SentBy(std::make_unique<Endpoint>(config).get()), "none");
  config.key_env = kName;
  Endpoint endpoint(config);
  const auto sent = [&](const char* key) {
    EXPECT_EQ(key == nullptr ? unsetenv(kName) : setenv(kName, key, 1), 0);
    return SentBy(&endpoint);
  };
  EXPECT_EQ(sent("first"), "first");
  EXPECT_EQ(sent("second\n"), "second") << "it is read at each call";
  for (const char* bad : {"", " ", "a b", "a\r\nX-Other: 1", "schl\u00fcssel"}) {
    EXPECT_EQ(sent(bad), "") << bad;
  }
  EXPECT_EQ(sent(nullptr), "");
}

TEST_F(EndpointKey, OfAFileIsOldOrForAllToRead) {
  const ScratchDirectory directory;
  const std::filesystem::path path = directory / "key";
  EndpointConfig config = Config();
  config.key_file = path;
  Endpoint endpoint(config);
  EXPECT_EQ(SentBy(&endpoint), "") << "there is none";
  const auto sent = [&](const std::string& key, std::filesystem::perms mode) {
    std::ofstream(path) << key;
    std::filesystem::permissions(path, mode);
    return SentBy(&endpoint);
  };
  using std::filesystem::perms;
  const perms own = perms::owner_read | perms::owner_write;
  EXPECT_EQ(sent("first\n", own), "first");
  EXPECT_EQ(sent("second", own), "second") << "it is read at each call";
  EXPECT_EQ(sent("third", own | perms::group_read), "");
  EXPECT_EQ(sent("two\nlines", own), "");
  EXPECT_EQ(sent(std::string(limits::kEndpointKeyBytes + 1, 'k'), own), "");
}

TEST_F(EndpointCall, ACallerThatLeavesIsWaitedFor) {
  Endpoint endpoint(Config());
  server_.Say("200 OK", "{}");
  server_.Wait(milliseconds(20'000));
  const auto begun = steady_clock::now();
  const auto left = [&] { return steady_clock::now() - begun > milliseconds(100); };
  EXPECT_EQ(endpoint.Call("{}", nullptr, TakeAny, left).code(), StatusCode::kDeadlineExceeded);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(2500));
}

}  // namespace
}  // namespace cordon
