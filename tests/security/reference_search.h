// Filters, lexical and hybrid ranking of the naive store (reference_store.h), each by its words in
// DESIGN and in the protocol. Only what the asker may see and the filter admits is looked at.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/security/reference_bm25.h"
#include "tests/security/reference_store.h"

namespace reference {

// A test of an attribute ("eq", "gte", "lt", "exists", "missing"), or "and", "or", "not" of parts.
struct Filter {
  std::string kind;
  std::string attribute = {};
  int64_t value = 0;
  std::vector<Filter> parts = {};
};

inline bool Admits(const Filter& filter, const Document& document) {
  const auto admits = [&](const Filter& part) { return Admits(part, document); };
  if (filter.kind == "not") return !admits(filter.parts[0]);
  if (filter.kind == "and") return all_of(filter.parts, admits);
  if (filter.kind == "or") return any_of(filter.parts, admits);
  const auto found = document.attributes.find(filter.attribute);
  const bool carried = found != document.attributes.end();
  if (filter.kind == "exists") return carried;
  if (filter.kind == "missing") return !carried;
  if (!carried) return false;
  if (filter.kind == "eq") return found->second == filter.value;
  return filter.kind == "gte" ? found->second >= filter.value : found->second < filter.value;
}

// Whether all attributes that the filter names are declared, with labels that the asker, its
// application and its destination are fit for.
inline bool Knows(const World& world, const Asker& asker, const Collection& collection,
                  const Filter& filter, Time now) {
  for (const Filter& part : filter.parts) {
    if (!Knows(world, asker, collection, part, now)) return false;
  }
  if (filter.attribute.empty()) return true;
  const auto declared = collection.attributes.find(filter.attribute);
  if (declared == collection.attributes.end()) return false;
  if (!declared->second) return true;
  const Label& label = *declared->second;
  return Dominates(world, asker.clearance, label) &&
         (!asker.ceiling || Dominates(world, *asker.ceiling, label)) &&
         (!asker.to || MayReceive(world, *asker.to, asker.clearance, label, now));
}

// An answer with the parts of its score; ranks from 1, 0 is none.
struct Placed {
  Found found;
  double vector = 0, lexical = 0;
  uint32_t vector_rank = 0, lexical_rank = 0;
};

struct Fusion {
  enum Method { kRelative, kWeighted, kRanks };
  Method method = kRelative;
  double by_vector = 1, by_text = 1;
  size_t depth = 50;  // of 2 k or fewer
};

inline std::vector<Found> RankedByText(std::vector<Found> found, const std::string& question) {
  std::vector<std::string> texts;
  for (const Found& each : found) texts.push_back(each.chunk->text);
  const auto scores = Bm25(texts, question);
  std::vector<Found> matching;
  for (size_t i = 0; i < found.size(); ++i) {
    found[i].score = scores[i].value_or(0);
    if (scores[i]) matching.push_back(found[i]);
  }
  std::ranges::stable_sort(matching,
                           [](const Found& a, const Found& b) { return a.score > b.score; });
  return matching;
}

// The score scaled to 0 to 1 over all that are fused.
inline double Scaled(const std::vector<Placed>& fused, double Placed::*score, const Placed& one) {
  double least = one.*score, greatest = one.*score;
  for (const Placed& each : fused) {
    least = std::min(least, each.*score);
    greatest = std::max(greatest, each.*score);
  }
  return greatest > least ? (one.*score - least) / (greatest - least) : 0;
}

// The score as a part of the ranking's greatest, for whoever has the rank.
inline double Relative(const std::vector<Placed>& fused, double Placed::*score,
                       uint32_t Placed::*rank, std::optional<double> least, size_t depth,
                       const Placed& one) {
  std::vector<double> listed;
  for (const Placed& each : fused) {
    if (each.*rank > 0) listed.push_back(each.*score);
  }
  if (listed.empty()) return 0;
  const auto [last, first] = std::ranges::minmax(listed);
  const double zero = least.value_or(last);
  if (one.*rank == 0 && listed.size() < depth) return 0;
  const double counted = one.*rank > 0 ? one.*score : last;
  return first > zero ? (counted - zero) / (first - zero) : 1;
}

inline std::vector<Placed> Fused(Metric metric, const std::vector<Found>& found,
                                 const std::vector<float>& vector, const std::string& question,
                                 const Fusion& fusion) {
  const auto by_vector = Ranked(metric, found, vector);
  const auto by_text = RankedByText(found, question);
  std::map<std::pair<std::string, uint32_t>, Placed> all;
  for (uint32_t i = 0; i < by_vector.size(); ++i) {
    Placed& placed = all[{by_vector[i].document, by_vector[i].ordinal}];
    placed.found = by_vector[i];
    placed.vector = by_vector[i].score;
    if (i < fusion.depth) placed.vector_rank = i + 1;
  }
  for (uint32_t i = 0; i < by_text.size(); ++i) {
    Placed& placed = all[{by_text[i].document, by_text[i].ordinal}];
    placed.lexical = by_text[i].score;
    if (i < fusion.depth) placed.lexical_rank = i + 1;
  }
  std::vector<Placed> fused;
  for (const auto& [name, placed] : all) {
    if (placed.vector_rank + placed.lexical_rank > 0) fused.push_back(placed);
  }
  std::vector<double> scores;
  for (const Placed& placed : fused) {
    double score = 0;
    if (fusion.method == Fusion::kRelative) {
      std::optional<double> least;
      if (metric == Metric::kCosine) least = -1;
      score += fusion.by_vector *
               Relative(fused, &Placed::vector, &Placed::vector_rank, least, fusion.depth, placed);
      score += fusion.by_text *
               Relative(fused, &Placed::lexical, &Placed::lexical_rank, 0, fusion.depth, placed);
    } else if (fusion.method == Fusion::kWeighted) {
      score += fusion.by_vector * Scaled(fused, &Placed::vector, placed);
      score += fusion.by_text * Scaled(fused, &Placed::lexical, placed);
    } else {
      if (placed.vector_rank > 0) score += fusion.by_vector / (60.0 + placed.vector_rank);
      if (placed.lexical_rank > 0) score += fusion.by_text / (60.0 + placed.lexical_rank);
    }
    scores.push_back(score);
  }
  for (size_t i = 0; i < fused.size(); ++i) fused[i].found.score = scores[i];
  std::ranges::stable_sort(
      fused, [](const Placed& a, const Placed& b) { return a.found.score > b.found.score; });
  return fused;
}

}  // namespace reference
