// A model that is slow, busy or broken, and what is asked of it then. Real sockets.
#include "engine/embed/endpoint.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/http/loopback_server.h"

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
  StatusCode CodeOf(Endpoint* endpoint) { return endpoint->Call("{}", nullptr).status().code(); }
  LoopbackServer server_;
};

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

TEST_F(EndpointCall, ACallerThatLeavesIsWaitedFor) {
  Endpoint endpoint(Config());
  server_.Say("200 OK", "{}");
  server_.Wait(milliseconds(20'000));
  const auto begun = steady_clock::now();
  const auto left = [&] { return steady_clock::now() - begun > milliseconds(100); };
  EXPECT_EQ(endpoint.Call("{}", left).status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(2500));
}

}  // namespace
}  // namespace cordon
