#include "engine/embed/embeddings.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace cordon {
namespace {

using nlohmann::json;

std::string RequestOf(const EndpointConfig& config, std::span<const Released> texts) {
  json input = json::array();
  for (const Released& text : texts) {
    CORDON_CHECK(text.destination() == config.name);
    input.push_back(text.text());
  }
  const json request = {
      {"model", config.model}, {"input", std::move(input)}, {"encoding_format", "float"}};
  return request.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Empty if it is no embedding of that dimension.
std::vector<float> EmbeddingOf(const json& entry, size_t dimension) {
  const auto found = entry.find("embedding");
  if (found == entry.end() || !found->is_array() || found->size() != dimension) return {};
  std::vector<float> embedding;
  embedding.reserve(dimension);
  for (const json& number : *found) {
    if (!number.is_number()) return {};
    embedding.push_back(static_cast<float>(number.get<double>()));
    if (!std::isfinite(embedding.back())) return {};
  }
  return embedding;
}

// Why an answer is no good; empty if it is. Its embeddings come into `out` by their index.
std::string ReadAnswer(const EndpointConfig& config, const std::string& body,
                       std::span<std::vector<float>> out) {
  const json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) return "no JSON object";
  const auto model = answer.find("model");
  if (model == answer.end() || !model->is_string()) return "it does not name its model";
  if (model->get<std::string>() != config.ModelInAnswers()) return "another model answers";
  const auto data = answer.find("data");
  if (data == answer.end() || !data->is_array()) return "no `data`";
  if (data->size() != out.size()) return "not one embedding for each text";
  for (size_t i = 0; i < data->size(); ++i) {
    const json& entry = (*data)[i];
    if (!entry.is_object()) return "an entry is no object";
    const auto index = entry.find("index");
    const bool given = index != entry.end() && index->is_number_unsigned();
    const size_t place = given ? index->get<size_t>() : i;
    if (place >= out.size() || !out[place].empty()) return "an index is wrong";
    out[place] = EmbeddingOf(entry, config.dimension);
    if (out[place].empty()) {
      return fmt::format("an embedding has not {} finite numbers", config.dimension);
    }
  }
  return "";
}

}  // namespace

StatusOr<std::vector<std::vector<float>>> EmbedTexts(Endpoint* endpoint,
                                                     std::span<const Released> texts,
                                                     const Endpoint::BeforeSending& before,
                                                     const std::function<bool()>& stop) {
  const EndpointConfig& config = endpoint->config();
  CORDON_CHECK(config.kind == EndpointConfig::Kind::kEmbeddings);
  std::vector<std::vector<float>> embeddings(texts.size());
  const auto batch = static_cast<size_t>(config.batch);
  for (size_t from = 0; from < texts.size(); from += batch) {
    const auto some = texts.subspan(from, std::min(batch, texts.size() - from));
    const auto out = std::span(embeddings).subspan(from, some.size());
    RETURN_IF_ERROR(endpoint->Call(
        RequestOf(config, some), from == 0 ? before : nullptr,
        [&](const std::string& body) { return ReadAnswer(config, body, out); }, stop));
  }
  return embeddings;
}

}  // namespace cordon
