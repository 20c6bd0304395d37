// A question of any ranking with filter, fusion and minimal score, and what the model answers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cordon/v1/retrieval.pb.h"
#include "tests/security/draw.h"
#include "tests/security/reference_search.h"

namespace cordon {

struct RankedQuestion {
  v1::Rank rank = v1::RANK_VECTOR;
  std::string text;
  std::vector<float> vector;
  std::optional<reference::Filter> filter;
  std::optional<reference::Fusion> fusion;
  std::optional<double> min_score;

  // Of a collection with this dimension.
  static RankedQuestion Make(Draw* draw, size_t dimension);

  // Says it in a request, but for the vector if the collection `embeds` by itself.
  void Fill(v1::RetrieveRequest* request, bool embeds) const;

  // All answers, best first, of what the asker sees.
  std::vector<reference::Placed> Answer(reference::Metric metric,
                                        std::vector<reference::Found> visible, size_t k) const;
};

v1::Filter ToWire(const reference::Filter& filter);

}  // namespace cordon
