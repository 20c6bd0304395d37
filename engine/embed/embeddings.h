// Embeddings by an endpoint that speaks OpenAI's format (POST /v1/embeddings).
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/embed/endpoint.h"
#include "engine/policy/release.h"

namespace cordon {

// One embedding for each text, in their order, of the endpoint's dimension; all of `texts` must be
// released for the endpoint. Sends EndpointConfig::batch texts a call. The errors are those of
// Endpoint::Call(); FAILED_PRECONDITION for an answer by another model, of another dimension, with
// NaN or infinity, or with a text too few: nothing of it is used. `before` runs once, before the
// first text leaves (Endpoint::BeforeSending).
StatusOr<std::vector<std::vector<float>>> EmbedTexts(Endpoint* endpoint,
                                                     std::span<const Released> texts,
                                                     const Endpoint::BeforeSending& before,
                                                     const std::function<bool()>& stop);

}  // namespace cordon
