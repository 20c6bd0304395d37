#include "engine/embed/reranking.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace cordon {
namespace {

using nlohmann::json;

std::string RequestOf(const EndpointConfig& config, const Released& query,
                      std::span<const Released> texts) {
  CORDON_CHECK(query.destination() == config.name);
  json documents = json::array();
  for (const Released& text : texts) {
    CORDON_CHECK(text.destination() == config.name);
    documents.push_back(text.text());
  }
  const json request = {{"model", config.model},
                        {"query", query.text()},
                        {"documents", std::move(documents)},
                        {"top_n", texts.size()},
                        {"return_documents", false}};
  return request.dump(-1, ' ', false, json::error_handler_t::replace);
}

// The ratings, or nothing if the answer does not rate each of `count` texts once.
std::optional<std::vector<double>> ReadAnswer(const std::string& body, size_t count) {
  const json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) return std::nullopt;
  const auto results = answer.find("results");
  if (results == answer.end() || !results->is_array() || results->size() != count) {
    return std::nullopt;
  }
  std::vector<double> ratings(count, std::nan(""));
  for (const json& result : *results) {
    if (!result.is_object()) return std::nullopt;
    const auto index = result.find("index");
    const auto score = result.find("relevance_score");
    if (index == result.end() || !index->is_number_unsigned() || score == result.end() ||
        !score->is_number()) {
      return std::nullopt;
    }
    const auto place = index->get<size_t>();
    const auto rating = score->get<double>();
    if (place >= count || !std::isnan(ratings[place]) || !std::isfinite(rating)) {
      return std::nullopt;
    }
    ratings[place] = rating;
  }
  return ratings;
}

}  // namespace

StatusOr<std::vector<double>> RateTexts(Endpoint* endpoint, const Released& query,
                                        std::span<const Released> texts,
                                        const Endpoint::BeforeSending& before,
                                        const std::function<bool()>& stop) {
  CORDON_CHECK(endpoint->config().kind == EndpointConfig::Kind::kRerank);
  std::optional<std::vector<double>> ratings;
  const auto read = [&](const std::string& body) -> std::string {
    ratings = ReadAnswer(body, texts.size());
    return ratings ? "" : "not one finite rating for each text";
  };
  RETURN_IF_ERROR(endpoint->Call(RequestOf(endpoint->config(), query, texts), before, read, stop));
  return *std::move(ratings);
}

}  // namespace cordon
