#include "engine/retrieve/diversity.h"

#include <algorithm>

#include "engine/base/stop.h"

namespace cordon {
namespace {

std::vector<double> Relevance(const std::vector<Passage>& passages) {
  const auto by_score = [](const Passage& a, const Passage& b) { return a->score < b->score; };
  const auto [worst, best] = std::minmax_element(passages.begin(), passages.end(), by_score);
  const double low = (*worst)->score;
  const double span = (*best)->score - low;
  std::vector<double> relevance;
  for (const Passage& passage : passages) {
    relevance.push_back(span > 0 ? (passage->score - low) / span : 1);
  }
  return relevance;
}

}  // namespace

StatusOr<std::vector<Passage>> Diversify(std::vector<Passage> passages, double lambda, size_t count,
                                         const std::function<bool()>& stop) {
  if (passages.empty()) return passages;
  const std::vector<double> relevance = Relevance(passages);
  std::vector<double> nearest(passages.size(), 0);  // the greatest cosine with a chosen one
  std::vector<bool> taken(passages.size());
  std::vector<Passage> chosen;
  const auto value = [&](size_t i) {
    return lambda * relevance[i] - (1 - lambda) * (chosen.empty() ? 0 : nearest[i]);
  };
  while (chosen.size() < std::min(count, passages.size())) {
    RETURN_IF_ERROR(CheckGoesOn(stop));
    size_t next = passages.size();
    for (size_t i = 0; i < passages.size(); ++i) {
      if (!taken[i] && (next == passages.size() || value(i) > value(next))) next = i;
    }
    taken[next] = true;
    const std::vector<float>& embedding = passages[next]->embedding;
    for (size_t i = 0; i < passages.size(); ++i) {
      if (taken[i]) continue;
      const double cosine =
          Score(Metric::kCosine, embedding.data(), passages[i]->embedding.data(), embedding.size());
      nearest[i] = chosen.empty() ? cosine : std::max(nearest[i], cosine);
    }
    chosen.push_back(std::move(passages[next]));
  }
  return chosen;
}

}  // namespace cordon
