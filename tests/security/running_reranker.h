// A reranker that worlds ask over a real connection.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/embed/endpoint.h"
#include "tests/http/loopback_server.h"
#include "tests/security/draw.h"

namespace cordon {

// Asked over HTTP, under the first name of kDestinations. Thread-safe.
class RunningReranker {
 public:
  RunningReranker() { server_.SayBy(RatingsOf); }
  Endpoints* endpoints() { return &endpoints_; }

 private:
  // Rates each text by its bytes alone, so that neither its place nor what stands beside it counts.
  static std::string RatingsOf(const std::string& request) {
    const auto sent = nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
    nlohmann::json results = nlohmann::json::array();
    for (const auto& text : sent["documents"]) {
      uint32_t hash = 2166136261;  // FNV-1a
      for (const char c : text.get<std::string>()) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
      }
      results.push_back({{"index", results.size()}, {"relevance_score", hash % 64}});
    }
    return nlohmann::json{{"results", std::move(results)}}.dump();
  }

  EndpointConfig Config() const {
    EndpointConfig config;
    config.name = kDestinations.front();
    config.kind = EndpointConfig::Kind::kRerank;
    config.target.url = server_.url("/rerank");
    config.model = "m";
    config.deadline_ms = limits::kEndpointDeadlineMax_ms;  // a busy machine tells no worlds apart
    return config;
  }

  LoopbackServer server_;
  Endpoints endpoints_{{Config()}};
};

}  // namespace cordon
