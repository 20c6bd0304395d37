// How good the answers are, on sets with relevance judgements: nDCG@10 and recall@100 of lexical,
// vector and hybrid ranking, and of other BM25s. A document is relevant if it is judged so at all
// (grades below 1 are not).
//
//   published      BM25 by its published formula, of the engine's own terms: what the engine's must
//                  agree with
//   xapian         Xapian's BM25Weight, of the same terms
//   plain          the published formula of words, stems and stop words that share no code with the
//                  engine's: tells what those are worth, and compares no formulas
//
// The engine's own answers are those of whole Retrieve calls (relevance_engine.h). Of a hybrid one
// "a:b" are the weights of vector and text, and then how many of each ranking are fused; "default"
// is what the engine does if nothing is said: nDCG@10 of answers of 10, recall@100 of answers of
// 100. All others are answers of 100.
//
// And that entitlements change nothing but what is seen: under random ones every answer, by text,
// by vector and by each way of fusing both, must be that of an engine that holds only the permitted
// documents, to the bit.
#include <fmt/format.h>
#include <fmt/os.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/relevance_data.h"
#include "bench/relevance_engine.h"
#include "bench/relevance_peers.h"
#include "engine/base/random.h"
#include "engine/index/blas_core.h"

namespace cordon {
namespace {

constexpr uint32_t kClasses = 64;
constexpr size_t kAsked = 100;
constexpr size_t kSeesAll = 0;  // the first caller

// One way of asking.
struct Method {
  std::string name;
  v1::RetrieveRequest how;
};

Method Plain(std::string name, v1::Rank rank, size_t k = kAsked) {
  Method plain{std::move(name), {}};
  plain.how.set_rank(rank);
  plain.how.set_k(static_cast<uint32_t>(k));
  return plain;
}

// The depth 0 is the engine's default.
Method Fused(std::string_view name, v1::FusionMethod method, double by_text, uint32_t depth) {
  const std::string beyond = depth == 0 ? "" : fmt::format(", {}", depth);
  Method fused = Plain(fmt::format("{} 1:{}{}", name, by_text, beyond), v1::RANK_HYBRID);
  v1::Fusion* const fusion = fused.how.mutable_fusion();
  fusion->set_method(method);
  fusion->set_lexical_weight(by_text);
  fusion->set_depth(depth);
  return fused;
}

// Whose answers are judged, beside the default's.
std::vector<Method> Judged() {
  std::vector<Method> methods = {Plain("lexical", v1::RANK_LEXICAL),
                                 Plain("vector", v1::RANK_VECTOR)};
  for (const uint32_t depth : {100, 200, 500, 1000}) {
    methods.push_back(Fused("relative", v1::FUSION_METHOD_RELATIVE_SCORE, 1, depth));
  }
  for (const uint32_t depth : {100, 200, 1000}) {
    methods.push_back(Fused("rrf", v1::FUSION_METHOD_RECIPROCAL_RANK, 1, depth));
    methods.push_back(Fused("weighted", v1::FUSION_METHOD_WEIGHTED_SCORE, 1, depth));
  }
  methods.push_back(Fused("weighted", v1::FUSION_METHOD_WEIGHTED_SCORE, 3, 100));
  return methods;
}

// Whose answers entitlements must not change.
std::vector<Method> Compared() {
  return {Plain("lexical", v1::RANK_LEXICAL), Plain("vector", v1::RANK_VECTOR),
          Fused("relative", v1::FUSION_METHOD_RELATIVE_SCORE, 1, 0),
          Fused("rrf", v1::FUSION_METHOD_RECIPROCAL_RANK, 1, 0),
          Fused("weighted", v1::FUSION_METHOD_WEIGHTED_SCORE, 1, 0)};
}

struct Quality {
  double ndcg = 0;    // at 10
  double recall = 0;  // at 100
};

Quality QualityOf(const RankedIds& ranking, const std::map<std::string, int>& judged) {
  std::set<std::string> relevant;
  for (const auto& [id, grade] : judged) {
    if (grade >= 1) relevant.insert(id);
  }
  Quality quality;
  double gain = 0, ideal = 0, found = 0;
  for (size_t i = 0; i < std::min<size_t>(100, ranking.size()); ++i) {
    if (!relevant.contains(ranking[i].first)) continue;
    found += 1;
    if (i < 10) gain += 1 / std::log2(static_cast<double>(i) + 2);
  }
  for (size_t i = 0; i < std::min<size_t>(10, relevant.size()); ++i) {
    ideal += 1 / std::log2(static_cast<double>(i) + 2);
  }
  if (relevant.empty()) return quality;
  return {gain / ideal, found / static_cast<double>(relevant.size())};
}

Quality Mean(const RelevanceSet& set, const std::function<RankedIds(size_t query)>& rank) {
  Quality mean;
  const auto n = static_cast<double>(set.queries.size());
  for (size_t q = 0; q < set.queries.size(); ++q) {
    const auto judged = set.judged.find(set.query_ids[q]);
    if (judged == set.judged.end()) continue;
    const Quality one = QualityOf(rank(q), judged->second);
    mean.ndcg += one.ndcg / n;
    mean.recall += one.recall / n;
  }
  return mean;
}

// Random classes of the documents; the first caller sees all, the others from few classes to most:
// another one that saw all would compare an engine with itself.
RelevanceWorld DrawWorld(const RelevanceSet& set, size_t callers) {
  Random random(5);
  RelevanceWorld world;
  for (size_t i = 0; i < set.ids.size(); ++i) {
    world.class_of.push_back(static_cast<uint32_t>(random.Below(kClasses)));
  }
  for (size_t caller = 0; caller <= callers; ++caller) {
    Bitmap& classes = world.callers.emplace_back(kClasses);
    for (uint32_t c = 0; c < kClasses; ++c) {
      if (caller == kSeesAll || random.Below(callers + 1) < caller) classes.Set(c);
    }
  }
  return world;
}

// How many answers under entitlements differ from those of an engine of only the permitted.
size_t CountDifferent(const RelevanceSet& set, const RelevanceWorld& world,
                      RelevanceEngine* whole) {
  const std::vector<Method> compared = Compared();
  size_t different = 0;
  for (size_t caller = kSeesAll + 1; caller < world.callers.size(); ++caller) {
    RelevanceEngine only(set, world,
                         [&](size_t i) { return world.callers[caller].Test(world.class_of[i]); });
    for (size_t q = 0; q < set.queries.size(); ++q) {
      for (const auto& [name, how] : compared) {
        if (whole->Ask(caller, q, how) == only.Ask(caller, q, how)) continue;
        fmt::print(stderr, "{}: caller {}, query {}: differs\n", name, caller, set.query_ids[q]);
        ++different;
      }
    }
  }
  return different;
}

using Rows = std::vector<std::pair<std::string, Quality>>;

// The peers' and the engine's.
Rows Judge(const RelevanceSet& set, RelevanceEngine* engine) {
  Rows rows;
  const auto peer = [&](const char* name, const std::unique_ptr<TextRanker>& ranker) {
    if (ranker == nullptr) return;
    rows.emplace_back(name,
                      Mean(set, [&](size_t q) { return ranker->Rank(set.queries[q], kAsked); }));
  };
  const auto of = [&](const v1::RetrieveRequest& how) {
    return Mean(set, [&](size_t q) { return engine->Ask(kSeesAll, q, how); });
  };
  peer("published", MakePublishedBm25(set, kEngineAnalysis));
  peer("xapian", MakeXapianBm25(set, kEngineAnalysis));
  peer("plain", MakePublishedBm25(set, kPlainAnalysis));
  for (const auto& [name, how] : Judged()) rows.emplace_back(name, of(how));
  const Quality of_10 = of(Plain("", v1::RANK_HYBRID, 10).how);
  const Quality of_100 = of(Plain("", v1::RANK_HYBRID, 100).how);
  rows.emplace_back("default", Quality{of_10.ndcg, of_100.recall});
  return rows;
}

StatusOr<std::string> Measure(const std::filesystem::path& folder, size_t callers) {
  ASSIGN_OR_RETURN(const RelevanceSet set, ReadRelevanceSet(folder));
  const RelevanceWorld world = DrawWorld(set, callers);
  RelevanceEngine whole(set, world, [](size_t) { return true; });
  const Rows rows = Judge(set, &whole);
  const size_t different = CountDifferent(set, world, &whole);
  const size_t compared = callers * set.queries.size() * Compared().size();
  std::string json = fmt::format(
      R"({{"set":"{}","documents":{},"queries":{},"callers":{},"compared":{},"different":{})",
      set.name, set.ids.size(), set.queries.size(), callers, compared, different);
  fmt::print("{}: {} documents, {} queries; under {} entitlements {} of {} answers differ\n",
             set.name, set.ids.size(), set.queries.size(), callers, different, compared);
  for (const auto& [name, quality] : rows) {
    fmt::print("  {:<18} nDCG@10 {:.4f}  recall@100 {:.4f}\n", name, quality.ndcg, quality.recall);
    json += fmt::format(R"(,"{}":{{"ndcg_10":{:.4f},"recall_100":{:.4f}}})", name, quality.ndcg,
                        quality.recall);
  }
  return json + "}";
}

int Main(int argc, char** argv) {
  ChooseBlasCore();
  std::string folder, out;
  bool quick = false;
  CLI::App app("nDCG and recall on sets with relevance judgements");
  app.add_option("--data", folder, "the folder that holds the sets' folders")->required();
  app.add_flag("--quick", quick, "one set and few entitlements: to see that it works");
  app.add_option("--out", out, "writes the figures to this JSON file");
  CLI11_PARSE(app, argc, argv);
  std::vector<std::string> sets;
  for (const std::string name : {"cranfield", "npl"}) {
    if (quick && name == "npl") continue;
    const auto measured = Measure(std::filesystem::path(folder) / name, quick ? 2 : 8);
    if (!measured.ok()) {
      fmt::print(stderr, "{} cannot be read: {}\n", name, measured.status().ToString());
      return 1;
    }
    sets.push_back(*measured);
  }
  if (out.empty()) return 0;
  auto file = fmt::output_file(out);
  file.print("{{\"relevance\":[{}]}}\n", fmt::join(sets, ",\n"));
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
