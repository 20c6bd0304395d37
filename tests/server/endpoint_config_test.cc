// An endpoint that is configured otherwise than its operator thinks.
#include "engine/server/endpoint_config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "engine/server/config.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

class EndpointConfigFile : public testing::Test {
 protected:
  Status Read(const std::string& endpoints) {
    std::ofstream(scratch_ / "c.yaml", std::ios::trunc) << "data_dir: /d\nendpoints:" << endpoints;
    config_ = Config();
    return ReadConfig(scratch_ / "c.yaml", &config_);
  }
  // A good endpoint with one line more, or in the place of the one that begins as it does.
  static std::string With(const std::string& line) {
    std::string text = "\n";
    bool replaced = false;
    const std::string key = line.substr(0, line.find(':') + 1);
    for (const std::string good : {"name: embed", "kind: embeddings", "url: https://m.example/v1",
                                   "model: tiny", "dimension: 4"}) {
      const bool same = good.starts_with(key);
      replaced |= same;
      text += (text.size() == 1 ? "  - " : "    ") + (same ? line : good) + "\n";
    }
    return replaced ? text : text + "    " + line + "\n";
  }

  ScratchDirectory scratch_;
  Config config_;
};

TEST_F(EndpointConfigFile, AGoodOneIsMisread) {
  const Status read = Read(
      "\n  - {name: embed, kind: embeddings, url: 'https://m.example/v1', ca_file: /ca, model: m, "
      "response_model: r, dimension: 4, key_file: /k, deadline_ms: 1, pause_ms: 2, batch: 3, "
      "concurrency: 5}\n  - {name: rank, kind: rerank, url: 'http://127.0.0.1:1/r', model: n, "
      "key_env: KEY}\n");
  ASSERT_TRUE(read.ok()) << read.ToString();
  ASSERT_EQ(config_.endpoints.size(), 2u);
  const EndpointConfig& embed = config_.endpoints[0];
  EXPECT_EQ(embed.name, "embed");
  EXPECT_EQ(embed.kind, EndpointConfig::Kind::kEmbeddings);
  EXPECT_EQ(embed.target.url, "https://m.example/v1");
  EXPECT_EQ(embed.target.ca_file, "/ca");
  EXPECT_EQ(embed.model, "m");
  EXPECT_EQ(embed.response_model, "r");
  EXPECT_EQ(embed.dimension, 4u);
  EXPECT_EQ(embed.key_file, "/k");
  EXPECT_EQ(embed.deadline_ms, 1);
  EXPECT_EQ(embed.pause_ms, 2);
  EXPECT_EQ(embed.batch, 3);
  EXPECT_EQ(embed.concurrency, 5);
  EXPECT_EQ(config_.endpoints[1].kind, EndpointConfig::Kind::kRerank);
  EXPECT_EQ(config_.endpoints[1].key_env, "KEY");
}

// Whatever is wrong is named by its key and its line.
TEST_F(EndpointConfigFile, ATypoIsPassedOver) {
  ASSERT_TRUE(Read(With("batch: 1")).ok());
  const std::pair<const char*, const char*> bad[] = {
      {"names: a", "endpoints.names"},
      {"Url: https://m.example/", "endpoints.Url"},
      {"keyfile: /k", "endpoints.keyfile"},
      {"deadline: 1", "endpoints.deadline"},
      {"name: ''", "endpoints.name"},
      {"name: [a]", "endpoints.name"},
      {"kind: embedding", "endpoints.kind"},
      {"kind: {}", "endpoints.kind"},
      {"url: http://m.example/v1", "endpoints.url"},
      {"url: https://me:pass@m.example/", "endpoints.url"},
      {"url: ''", "endpoints.url"},
      {"ca_file: ''", "endpoints.ca_file"},
      {"model: ''", "endpoints.model"},
      {"response_model: ''", "endpoints.response_model"},
      {"dimension: 0", "endpoints.dimension"},
      {"dimension: -4", "endpoints.dimension"},
      {"dimension: 4097", "endpoints.dimension"},
      {"dimension: 4.5", "endpoints.dimension"},
      {"key_file: ''", "endpoints.key_file"},
      {"key_env: ''", "endpoints.key_env"},
      {"deadline_ms: 0", "endpoints.deadline_ms"},
      {"deadline_ms: 60001", "endpoints.deadline_ms"},
      {"deadline_ms: 10s", "endpoints.deadline_ms"},
      {"pause_ms: 0", "endpoints.pause_ms"},
      {"pause_ms: 60001", "endpoints.pause_ms"},
      {"batch: 0", "endpoints.batch"},
      {"batch: 257", "endpoints.batch"},
      {"concurrency: 0", "endpoints.concurrency"},
      {"concurrency: 65", "endpoints.concurrency"},
      {"concurrency: 99999999999", "endpoints.concurrency"},
  };
  for (const auto& [line, field] : bad) {
    const Status status = Read(With(line));
    EXPECT_EQ(status.field(), field) << line << ": " << status.ToString();
    EXPECT_NE(status.message().find(" line "), std::string::npos) << line;
  }
}

// At kEndpoints and beyond.
TEST_F(EndpointConfigFile, WhatDoesNotFitTogetherIsTaken) {
  EXPECT_EQ(Read(With("key_file: /k") + "    key_env: KEY\n").field(), "endpoints.key_env");
  EXPECT_EQ(Read(With("batch: 1") + "    batch: 2\n").field(), "endpoints.batch");
  EXPECT_EQ(Read(With("name: a") + With("name: a").substr(1)).field(), "endpoints.name");
  EXPECT_TRUE(Read(With("name: a") + With("name: b").substr(1)).ok());
  const std::string rerank =
      "\n  - {name: r, kind: rerank, url: 'https://m.example/r', model: m, dimension: ";
  EXPECT_EQ(Read(rerank + "4}\n").field(), "endpoints.dimension");
  EXPECT_EQ(Read(rerank + "-4}\n").field(), "endpoints.dimension");
  EXPECT_EQ(Read("\n  - name: a\n").field(), "endpoints.url");
  EXPECT_EQ(Read(" {name: a}\n").field(), "endpoints");
  EXPECT_EQ(Read(" x\n").field(), "endpoints");
  EXPECT_EQ(Read("\n  - x\n").field(), "endpoints");
  std::string many = "\n";
  for (size_t i = 0; i <= limits::kEndpoints; ++i) {
    if (i == limits::kEndpoints) {
      EXPECT_TRUE(Read(many).ok());
    }
    many += With("name: e" + std::to_string(i)).substr(1);
  }
  EXPECT_EQ(Read(many).field(), "endpoints");
}

}  // namespace
}  // namespace cordon
