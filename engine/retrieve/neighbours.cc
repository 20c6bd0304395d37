#include "engine/retrieve/neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/stop.h"

namespace cordon {
namespace {

uint32_t Distance(uint32_t a, uint32_t b) { return a > b ? a - b : b - a; }

// Nearest first, of two equally near ones the earlier.
void SortByDistance(uint32_t ordinal, std::vector<Cleared<ClearedChunk>>* chunks) {
  std::stable_sort(chunks->begin(), chunks->end(), [ordinal](const auto& a, const auto& b) {
    return Distance(a->ordinal, ordinal) < Distance(b->ordinal, ordinal);
  });
}

Status CheckBytes(size_t bytes) {
  if (bytes <= limits::kAnswerBytes) return OkStatus();
  return Invalid("k", fmt::format("with their neighbours the passages would have more than {} "
                                  "bytes of text; ask for fewer",
                                  limits::kAnswerBytes));
}

}  // namespace

StatusOr<std::vector<Passage>> WithNeighbours(Guard* guard, std::vector<Passage> hits, size_t reach,
                                              const std::function<bool()>& stop) {
  std::map<std::string, std::vector<size_t>> places;  // of hits, by document
  size_t bytes = 0;
  for (size_t i = 0; i < hits.size(); ++i) {
    places[hits[i]->document].push_back(i);
    bytes += hits[i]->text.size();
  }
  std::vector<std::vector<Cleared<ClearedChunk>>> around(hits.size());
  for (const auto& [document, its_places] : places) {
    RETURN_IF_ERROR(CheckGoesOn(stop));
    std::vector<uint32_t> ordinals;
    for (const size_t place : its_places) ordinals.push_back(hits[place]->ordinal);
    ASSIGN_OR_RETURN(auto surroundings, guard->ClearAround(document, ordinals, reach));
    for (size_t i = 0; i < its_places.size(); ++i) {
      around[its_places[i]] = std::move(surroundings[i]);
      for (const auto& chunk : around[its_places[i]]) bytes += chunk->text.size();
    }
    RETURN_IF_ERROR(CheckBytes(bytes));
  }
  std::vector<Passage> all;
  for (size_t i = 0; i < hits.size(); ++i) {
    SortByDistance(hits[i]->ordinal, &around[i]);
    all.push_back(std::move(hits[i]));
    for (auto& chunk : around[i]) all.emplace_back(std::move(chunk)).neighbour = true;
  }
  return all;
}

void Arrange(std::vector<Passage>* passages) {
  const auto is_hit = [](const Passage& passage) { return !passage.neighbour; };
  for (auto hit = passages->begin(); hit != passages->end();) {
    const auto next = std::find_if(std::next(hit), passages->end(), is_hit);
    std::sort(hit, next,
              [](const Passage& a, const Passage& b) { return a->ordinal < b->ordinal; });
    hit = next;
  }
}

}  // namespace cordon
