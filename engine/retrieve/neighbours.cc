#include "engine/retrieve/neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/limits.h"

namespace cordon {
namespace {

uint32_t Distance(uint32_t a, uint32_t b) { return a > b ? a - b : b - a; }

}  // namespace

StatusOr<std::vector<Passage>> WithNeighbours(Guard* guard, std::vector<Passage> hits,
                                              size_t reach) {
  std::set<std::pair<std::string, uint32_t>> taken;
  for (const Passage& hit : hits) taken.emplace(hit->document, hit->ordinal);
  std::vector<Passage> all;
  size_t bytes = 0;
  for (size_t group = 0; group < hits.size(); ++group) {
    const std::string document = hits[group]->document;
    const uint32_t ordinal = hits[group]->ordinal;
    ASSIGN_OR_RETURN(auto around, guard->ClearAround(document, ordinal, reach, [&](uint32_t other) {
      return taken.emplace(document, other).second;
    }));
    std::stable_sort(around.begin(), around.end(), [ordinal](const auto& a, const auto& b) {
      return Distance(a->ordinal, ordinal) < Distance(b->ordinal, ordinal);
    });
    bytes += hits[group]->text.size();
    hits[group].group = group;
    all.push_back(std::move(hits[group]));
    for (auto& chunk : around) {
      bytes += chunk->text.size();
      Passage& added = all.emplace_back(std::move(chunk));
      added.neighbour = true;
      added.group = group;
    }
    if (bytes > limits::kAnswerBytes) {
      return Invalid("k", fmt::format("with their neighbours the passages would have more than {} "
                                      "bytes of text; ask for fewer",
                                      limits::kAnswerBytes));
    }
  }
  return all;
}

void Arrange(std::vector<Passage>* passages) {
  std::stable_sort(passages->begin(), passages->end(), [](const Passage& a, const Passage& b) {
    return std::make_pair(a.group, a->ordinal) < std::make_pair(b.group, b->ordinal);
  });
}

}  // namespace cordon
