// A redirect that is followed, an answer without an end, a key that goes astray. Real sockets.
#include "engine/http/http.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/http/loopback_server.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

HttpCall Posting(const std::string& json) {
  HttpCall call;
  call.json = json;
  call.timeout = milliseconds(5000);
  call.answer_bytes = 1000;
  return call;
}

class Http : public testing::Test {
 protected:
  StatusOr<HttpAnswer> Send(const HttpCall& call) {
    return HttpConnection({server_.url(), ""}).Send(call);
  }
  LoopbackServer server_;
};

TEST_F(Http, WhatIsSentOrAnsweredIsChanged) {
  server_.Say("200 OK", "an answer");
  HttpCall call = Posting(R"({"a":1})");
  call.bearer = "a-key";
  auto answer = Send(call);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "an answer");
  EXPECT_FALSE(answer->retry_after);
  std::string request = server_.last_request();
  EXPECT_TRUE(request.starts_with("POST /keys HTTP/1.1\r\n")) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\n{\"a\":1}")) << request;
  EXPECT_NE(request.find("\r\nContent-Type: application/json\r\n"), request.npos) << request;
  EXPECT_NE(request.find("\r\nAuthorization: Bearer a-key\r\n"), request.npos) << request;
  call.json.reset();
  call.bearer.clear();
  ASSERT_TRUE(Send(call).ok());
  request = server_.last_request();
  EXPECT_TRUE(request.starts_with("GET /keys HTTP/1.1\r\n")) << request;
  EXPECT_EQ(request.find("Authorization"), request.npos) << request;
  EXPECT_EQ(request.find("Content-Type"), request.npos) << request;
}

// A connection that is used again forgets the call before.
TEST_F(Http, AKeyStaysOnItsConnection) {
  server_.Say("200 OK", "first");
  HttpConnection connection({server_.url(), ""});
  HttpCall call = Posting("{}");
  call.bearer = "a-key";
  ASSERT_TRUE(connection.Send(call).ok());
  server_.Say("503 Busy", "second");
  call.bearer.clear();
  call.json.reset();
  const auto answer = connection.Send(call);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "second");
  EXPECT_TRUE(server_.last_request().starts_with("GET ")) << server_.last_request();
  EXPECT_EQ(server_.last_request().find("a-key"), std::string::npos);
}

TEST_F(Http, ARedirectIsFollowed) {
  LoopbackServer elsewhere;
  elsewhere.Say("200 OK", "from elsewhere");
  server_.Say("307 Temporary Redirect\r\nLocation: " + elsewhere.url(), "");
  const auto answer = Send(Posting("a secret"));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(elsewhere.asked(), 0);
}

TEST_F(Http, AnAnswerIsTooLarge) {
  server_.Say("200 OK", std::string(1000, 'x'));
  const auto fits = Send(Posting("{}"));
  ASSERT_TRUE(fits.ok()) << fits.status().ToString();
  EXPECT_EQ(fits->body.size(), 1000u);
  server_.Say("200 OK", std::string(1001, 'x'));
  EXPECT_EQ(Send(Posting("{}")).status().code(), StatusCode::kUnavailable);
}

TEST_F(Http, ItWaitsForEver) {
  server_.Say("200 OK", "late");
  server_.Wait(milliseconds(20'000));
  HttpCall call = Posting("{}");
  call.timeout = milliseconds(100);
  auto begun = steady_clock::now();
  EXPECT_EQ(Send(call).status().code(), StatusCode::kUnavailable);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(5000));
  call.timeout = milliseconds(0);  // to curl: no limit
  EXPECT_EQ(Send(call).status().code(), StatusCode::kUnavailable);
  call.timeout = milliseconds(20'000);
  std::atomic<bool> stop{false};
  call.stop = [&] { return stop.load(); };
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop = true;
  });
  begun = steady_clock::now();
  EXPECT_EQ(Send(call).status().code(), StatusCode::kUnavailable);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(10'000));
  stopper.join();
}

TEST_F(Http, ARetryAfterWithoutAnEndIsBelieved) {
  const auto after = [&](const std::string& value) {
    server_.Say("429 Too Many Requests\r\nRetry-After: " + value, "");
    const auto answer = Send(Posting("{}"));
    EXPECT_TRUE(answer.ok());
    return answer.ok() && answer->retry_after ? answer->retry_after->count() : 0;
  };
  EXPECT_EQ(after("7"), 7);
  EXPECT_EQ(after("0"), 0);
  EXPECT_EQ(after("-5"), 0);
  EXPECT_EQ(after("soon"), 0);
  EXPECT_LE(after("9223372036854775807"), 86'400);
  EXPECT_LE(after("99999999999999999999999"), 86'400);
}

// Each on a connection of its own: none waits for another, and none gets another's answer.
TEST_F(Http, CallsWaitForEachOther) {
  constexpr int kCalls = 8;
  server_.Say("200 OK", "an answer");
  server_.Wait(milliseconds(300));
  std::atomic<int> answered{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back([&] {
      const auto answer = Send(Posting("{}"));
      if (answer.ok() && answer->body == "an answer") ++answered;
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(answered, kCalls);
  EXPECT_GT(server_.most_at_once(), 1);
}

TEST(HttpUrl, AnUnsafeOneIsTaken) {
  const UrlRefusals refusals{.credentials = "own words"};
  for (const char* good : {"https://a.example.org/x", "https://10.0.0.1:8443/k?x=1",
                           "http://127.0.0.1:80/k", "http://localhost/k", "http://[::1]:1/k"}) {
    EXPECT_TRUE(CheckUrl("url", good, refusals).ok()) << good;
  }
  for (const char* bad : {"", "x", "http://a.example.org/", "http://10.0.0.1/k", "ftp://x/y",
                          "http://127.0.0.1.example.org/k", "file:///etc/keys", "https://",
                          "gopher://127.0.0.1/", "http://localhost.example.org/"}) {
    const Status refused = CheckUrl("url", bad, refusals);
    EXPECT_EQ(refused.field(), "url") << bad;
    EXPECT_FALSE(refused.message().empty());
  }
  EXPECT_EQ(CheckUrl("url", "https://user:pass@a.example.org/", refusals).message(), "own words");
}

TEST(HttpUrl, NobodyIsThere) {
  std::string url;
  {
    LoopbackServer gone;
    url = gone.url();
  }
  EXPECT_EQ(HttpConnection({url, ""}).Send(Posting("{}")).status().code(),
            StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cordon
