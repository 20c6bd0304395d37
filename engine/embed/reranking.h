// Relevance by an endpoint that speaks the format of Cohere's and Jina's POST /rerank.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/embed/endpoint.h"
#include "engine/policy/release.h"

namespace cordon {

// The relevance of each text for `query`, in the texts' order; higher is better. All must be
// released for the endpoint. The errors are those of Endpoint::Call(); FAILED_PRECONDITION for an
// answer that does not rate each text once with a finite number. `before` runs before the first
// text leaves (Endpoint::BeforeSending).
StatusOr<std::vector<double>> RateTexts(Endpoint* endpoint, const Released& query,
                                        std::span<const Released> texts,
                                        const Endpoint::BeforeSending& before,
                                        const std::function<bool()>& stop);

}  // namespace cordon
