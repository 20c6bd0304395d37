// What reaches scripts: JSON that reads back exactly, errors in one shape.
#include "tools/cordon/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cmath>
#include <cstring>
#include <string>

#include "engine/base/random.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/progress.h"
#include "tools/cordon/rpc_status.h"

namespace cordon {
namespace {

std::string Written(double value) { return JsonWriter().Double(value).text(); }

TEST(JsonWriter, DoublesAreShortestAndComeBackBitForBit) {
  EXPECT_EQ(Written(0.1), "0.1");
  EXPECT_EQ(Written(0.33), "0.33");
  EXPECT_EQ(Written(1), "1.0");
  EXPECT_EQ(Written(-0.0), "-0.0");
  EXPECT_EQ(Written(5e-324), "5e-324");
  EXPECT_EQ(Written(1e300), "1e+300");
  EXPECT_EQ(Written(9007199254740993.0), "9007199254740992.0");
  EXPECT_EQ(Written(NAN), "null");
  const uint64_t seed = 20240607;
  SCOPED_TRACE(seed);
  Random random(seed);
  simdjson::dom::parser parser;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = random.Next();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const double back = std::strtod(Written(value).c_str(), nullptr);
    ASSERT_EQ(std::memcmp(&back, &value, sizeof value), 0) << Written(value);
    ASSERT_EQ(parser.parse(Written(value)).error(), simdjson::SUCCESS) << Written(value);
  }
}

TEST(JsonWriter, AnyBytesMakeOneLineOfValidJson) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const uint64_t seed = 7;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = all;
    for (char& c : bytes) c = static_cast<char>(random.Next());
    const std::string text =
        JsonWriter().BeginObject().Key("a").String(i == 0 ? all : bytes).EndObject().text();
    simdjson::dom::parser parser;
    ASSERT_EQ(parser.parse(text).error(), simdjson::SUCCESS);
    ASSERT_EQ(text.find('\n'), std::string::npos);
  }
}

TEST(JsonWriter, CommasGoWhereTheyBelong) {
  JsonWriter json;
  json.BeginObject().Key("a").BeginArray().EndArray().Key("b").BeginArray();
  json.BeginObject().EndObject().Null().String("[").Bool(false).EndArray().Key("c").Unsigned(7);
  EXPECT_EQ(json.EndObject().text(), R"({"a":[],"b":[{},null,"[",false],"c":7})");
}

TEST(Answers, ListsAreNeverMissingAndWhatIsNotSetIsNull) {
  JsonWriter json;
  json.BeginObject();
  WriteRetrieve(json, v1::RetrieveResponse());
  EXPECT_EQ(json.EndObject().text(),
            R"({"passages":[],"context_label":null,"destinations":[],"limited":false,)"
            R"("revision":0,"as_of":"1970-01-01T00:00:00Z","journal_id":""})");
}

TEST(Answers, ACollectionsSettingsAreAllTold) {
  const auto told = [](const v1::CollectionConfig& config) {
    JsonWriter json;
    WriteCollection(json, config);
    return json.text();
  };
  v1::CollectionConfig config;
  EXPECT_THAT(told(config), testing::HasSubstr(R"("language":"en","bm25":{"k1":1.2,"b":0.75},)"
                                               R"("erase_after_s":null,)"));
  config.set_language("none");
  config.mutable_bm25()->set_k1(0);
  config.set_erase_after_s(0);  // as soon as they are no longer valid
  EXPECT_THAT(told(config), testing::HasSubstr(R"("language":"none","bm25":{"k1":0.0,"b":0.75},)"
                                               R"("erase_after_s":0,)"));
}

TEST(Answers, StoredTextDoesNotSteerATerminal) {
  EXPECT_EQ(Printable("a\x1b[2Jb\r\x7f\tc\n"), "a\\x1b[2Jb\\x0d\\x7f\tc\n");
  EXPECT_EQ(Printable("\xC2\x9B"
                      "31m \xC3\xA4"),
            "\\u009b31m \xC3\xA4");
}

TEST(Errors, TheFieldAndTheDelayAreReadFromTheDetails) {
  google::rpc::BadRequest bad;
  bad.add_field_violations()->set_field("label.level");
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  google::rpc::Status details;
  details.add_details()->PackFrom(bad);
  details.add_details()->PackFrom(retry);
  const RpcOutcome outcome = FromGrpc(
      grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "m", details.SerializeAsString()));
  EXPECT_EQ(outcome.status.ToString(), "RESOURCE_EXHAUSTED: label.level: m");
  EXPECT_EQ(outcome.retry_delay, std::chrono::milliseconds(250));
  EXPECT_FALSE(FromGrpc(grpc::Status(grpc::StatusCode::INTERNAL, "m", "\xFF\xFF")).ok());
}

TEST(Errors, OverloadIsWaitedOutButNotForEver) {
  RpcOutcome busy;
  busy.status = Status(StatusCode::kResourceExhausted, "", "busy");
  RetryPolicy blind;
  int tries = 0;
  while (blind.Next(busy)) ++tries;
  EXPECT_EQ(tries, 5);
  busy.retry_delay = std::chrono::milliseconds(1000);
  RetryPolicy told;
  std::chrono::milliseconds waited{0};
  while (const auto delay = told.Next(busy)) {
    EXPECT_GE(*delay, std::chrono::milliseconds(1000));
    waited += *delay;
  }
  EXPECT_GT(waited, std::chrono::seconds(100));
  EXPECT_LE(waited, std::chrono::seconds(120));
  RpcOutcome refused;
  refused.status = Invalid("k", "no");
  EXPECT_FALSE(RetryPolicy().Next(refused).has_value());
}

TEST(Human, ProgressTellsRateRestAndRefusals) {
  EXPECT_EQ(ProgressText({12345, 2, 0.25}, std::chrono::seconds(10)),
            "12,345 documents, 1,234/s, 2 refused, 25 %, 0:30 left");
  EXPECT_EQ(ProgressText({5, 0, 0}, std::chrono::seconds(1)), "5 documents, 5/s");
}

TEST(Human, SnippetsAreCutAtWords) {
  EXPECT_EQ(Snippet("one  two\nthree four", 9, 1, "| "), "| one two …\n");
  EXPECT_EQ(Snippet("one two", 9, 2, "| "), "| one two\n");
  EXPECT_EQ(Snippet("  ", 9, 2, "| "), "");
}

}  // namespace
}  // namespace cordon
