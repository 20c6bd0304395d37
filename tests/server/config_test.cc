// A typo that is passed over, an address beyond this machine, an error without its details.
#include "engine/server/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "engine/base/limits.h"
#include "engine/server/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

class ConfigFile : public testing::Test {
 protected:
  Status Read(const std::string& text) {
    std::ofstream(scratch_ / "c.yaml", std::ios::trunc) << text;
    config_ = Config();
    return ReadConfig(scratch_ / "c.yaml", &config_);
  }
  ScratchDirectory scratch_;
  Config config_;
};

TEST_F(ConfigFile, AGoodOneIsMisread) {
  const Status read = Read(
      "data_dir: /d\nlisten: 127.0.0.1:1\njournal_dir: /j\njournal_key: /k\njournal: buffered\n"
      "threads: 3\nqueue: 7\ntls_cert: /c\ntls_key: /t\ntls_client_ca: /a\n");
  ASSERT_TRUE(read.ok()) << read.ToString();
  EXPECT_EQ(config_.paths.data_dir, "/d");
  EXPECT_EQ(config_.listen, "127.0.0.1:1");
  EXPECT_EQ(config_.paths.journal_dir, "/j");
  EXPECT_EQ(config_.paths.journal_key, "/k");
  EXPECT_EQ(config_.journal, Durability::kBuffered);
  EXPECT_EQ(config_.threads, 3);
  EXPECT_EQ(config_.queue, 7);
  EXPECT_EQ(config_.tls.certificate, "/c");
  EXPECT_EQ(config_.tls.key, "/t");
  EXPECT_EQ(config_.tls.client_ca, "/a");
  EXPECT_TRUE(Read("").ok());
  EXPECT_EQ(config_.journal, Durability::kRequired);
}

// Every key, misspelt or with a value that cannot be its own, is named with its line.
TEST_F(ConfigFile, AKeyIsPassedOver) {
  for (const std::string key :
       {"data_dir",   "listen",        "journal_dir",      "journal_key",
        "keys_dir",   "keys_copy_dir", "master_key",       "master_key_command",
        "backup_dir", "journal",       "threads",          "queue",
        "issuers",    "endpoints",     "token_vocabulary", "tls_cert",
        "tls_key",    "tls_client_ca", "metrics_listen",   "metrics_beyond_loopback"}) {
    const bool list = key == "issuers" || key == "endpoints";
    const std::string good = list                                 ? "[]"
                             : key == "journal"                   ? "required"
                             : key == "threads" || key == "queue" ? "1"
                             : key == "metrics_beyond_loopback"   ? "true"
                                                                  : "/x";
    EXPECT_TRUE(Read(key + ": " + good).ok()) << key;
    const auto refused = [&](const std::string& named, const std::string& lines) {
      const Status status = Read(lines);
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << lines;
      EXPECT_EQ(status.field(), named) << lines;
      EXPECT_NE(status.message().find(" line "), std::string::npos) << lines;
    };
    const std::string twice = key + ": " + good + "\n";
    refused(key, twice + twice);
    for (const std::string& typo :
         {key + "s", key.substr(1), key.substr(0, key.size() - 1), "-" + key}) {
      refused(typo, typo + ": " + good);
    }
    for (const char* bad : {" {a: b}", " ''", ""}) refused(key, key + ":" + bad);
    if (!list) refused(key, key + ": [a]");
  }
}

TEST_F(ConfigFile, ATypoIsPassedOver) {
  const Status typo = Read("data_dir: /d\nthreads: 2\nlistn: 127.0.0.1:0\n");
  EXPECT_EQ(typo.field(), "listn");
  EXPECT_NE(typo.message().find("line 3"), std::string::npos) << typo.message();
  for (const char* bad :
       {"journal: sometimes", "threads: 0", "threads: 2x", "threads: ''", "queue: -1",
        "metrics_beyond_loopback: yes", "queue: 1e3", "listen:", "listen: [a]", "data_dir: {a: b}",
        "tls_cert: ''", "- data_dir", "just text", "{a", "? [a]\n: b", "DATA_DIR: /d"}) {
    const Status status = Read(bad);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_FALSE(status.message().empty()) << bad;
  }
  EXPECT_EQ(ReadConfig(scratch_ / "none.yaml", &config_).field(), "config");
}

TEST_F(ConfigFile, ThreadsAndTheQueueAreWithoutEnd) {
  const auto refused = [&](const std::string& key, int value) {
    return std::string(Read(key + ": " + std::to_string(value)).field());
  };
  EXPECT_EQ(refused("threads", limits::kServerThreads), "");
  EXPECT_EQ(refused("threads", limits::kServerThreads + 1), "threads");
  EXPECT_EQ(refused("queue", limits::kServerQueue), "");
  EXPECT_EQ(refused("queue", limits::kServerQueue + 1), "queue");
}

const TlsPaths kTls = {"cert", "key", "ca"};

Config On(const std::string& listen, const TlsPaths& tls = {}) {
  Config config;
  config.listen = listen;
  config.tls = tls;
  return config;
}

TEST(Listen, BeyondThisMachine) {
  for (const char* good :
       {"127.0.0.1:0", "127.0.0.1:7420", "127.9.8.7:65535", "localhost:1", "[::1]:7420"}) {
    EXPECT_TRUE(CheckListen(On(good)).ok()) << good;
    EXPECT_TRUE(CheckListen(On(good, kTls)).ok()) << good;
  }
  for (const char* bad : {"",
                          ":",
                          ":0",
                          "0.0.0.0:1",
                          "[::]:1",
                          "::1:1",
                          "10.0.0.1:1",
                          "128.0.0.1:1",
                          "127.0.0.1",
                          "127.0.0.1:",
                          "127.0.0.1:x",
                          "127.0.0.1:65536",
                          "127.0.0.1:-1",
                          "127.0.0.1:+1",
                          "127.0.0.1: 1",
                          "127.1:1",
                          "127.0.0.256:1",
                          "127.0.0.1.example.org:1",
                          "127.0.0.1x:1",
                          "localhost.example.org:1",
                          "example.org:1",
                          "*:1",
                          "unix:/tmp/x",
                          "127.0.0.-1:1"}) {
    EXPECT_EQ(CheckListen(On(bad)).field(), "listen") << bad;
  }
}

TEST(Listen, MetricsForOthersThatAreNotMeant) {
  const auto check = [](const std::string& listen, bool beyond, bool dev = false) {
    Config config = On("127.0.0.1:7420");
    config.metrics_listen = listen;
    config.metrics_beyond_loopback = beyond;
    config.dev = dev;
    const Status status = CheckListen(config);
    return status.ok() ? "OK" : std::string(status.field());
  };
  EXPECT_EQ(check("", false), "OK");
  EXPECT_EQ(check("", true), "metrics_listen") << "which address?";
  for (const char* here : {"127.0.0.1:0", "127.0.0.1:9420", "localhost:1", "[::1]:9420"}) {
    EXPECT_EQ(check(here, false), "OK") << here;
    EXPECT_EQ(check(here, true, /*dev=*/true), "OK") << here;
  }
  for (const char* beyond : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.org:1"}) {
    EXPECT_EQ(check(beyond, false), "metrics_listen") << beyond;
    EXPECT_EQ(check(beyond, true), "OK") << beyond;
    EXPECT_EQ(check(beyond, true, /*dev=*/true), "metrics_listen") << beyond;
  }
  // Civetweb would take lists, ports alone, and letters behind them.
  for (const char* bad :
       {":", "9420", ":9420", "127.0.0.1", "127.0.0.1:1,0.0.0.0:2", "+1:1", "127.0.0.1:1s",
        "127.0.0.1:65536", "http://127.0.0.1:1", "127.0.0.1: 1"}) {
    EXPECT_EQ(check(bad, true), "metrics_listen") << bad;
  }
}

TEST(Listen, OthersReachWhatIsForThisMachineAlone) {
  for (const char* beyond : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.org:1"}) {
    EXPECT_TRUE(CheckListen(On(beyond, kTls)).ok()) << beyond;
    Config dev = On(beyond, kTls);
    dev.dev = true;
    EXPECT_EQ(CheckListen(dev).field(), "listen") << beyond;
  }
  for (const char* bad : {"", ":1", "*:1", "unix:/tmp/x", "::1:1", "10.0.0.1", "a/b:1", "[]:1"}) {
    EXPECT_EQ(CheckListen(On(bad, kTls)).field(), "listen") << bad;
  }
  EXPECT_EQ(CheckListen(On("0.0.0.0:1", {"cert", "", ""})).field(), "tls_key");
  EXPECT_EQ(CheckListen(On("127.0.0.1:1", {"", "key", ""})).field(), "tls_cert");
  EXPECT_EQ(CheckListen(On("127.0.0.1:1", {"", "", "ca"})).field(), "tls_cert");
}

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(Errors, LoseTheirFieldOrDelay) {
  EXPECT_TRUE(ToGrpc(OkStatus()).ok());
  const auto invalid = ToGrpc(Invalid("label.level", "unknown"));
  EXPECT_EQ(invalid.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(invalid.error_message(), "unknown");
  google::rpc::BadRequest bad;
  ASSERT_EQ(DetailsOf(invalid).details_size(), 1);
  ASSERT_TRUE(DetailsOf(invalid).details(0).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "label.level");
  const auto busy = ToGrpc(Status(StatusCode::kResourceExhausted, "", "busy"));
  google::rpc::RetryInfo retry;
  ASSERT_EQ(DetailsOf(busy).details_size(), 1);
  ASSERT_TRUE(DetailsOf(busy).details(0).UnpackTo(&retry));
  EXPECT_GT(retry.retry_delay().nanos(), 0);
  for (int code = 1; code <= 16; ++code) {
    const Status status(static_cast<StatusCode>(code), "f", "m");
    EXPECT_EQ(static_cast<int>(ToGrpc(status).error_code()), code);
    EXPECT_EQ(DetailsOf(ToGrpc(status)).code(), code);
  }
}

}  // namespace
}  // namespace cordon
