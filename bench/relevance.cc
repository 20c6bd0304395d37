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
// Hybrid rankings are fused here as engine/retrieve/fuse.cc does it, of the best 50 or 100 of each;
// "a:b" are the weights of vector and text.
//   relative 1:1   both scores as parts of their ranking's greatest, counted from the least that
//                  there can be; with 50 what the engine does by default if k ≤ 50
//   rrf 1:1        reciprocal ranks, constant 60
//   weighted 1:1   both scores of all that is fused, scaled to 0 to 1 for the question, added
//   weighted 1:3   the same, the text's three times
//
// And that entitlements change nothing but what is seen: under random ones every answer must be
// that of an index that holds only the permitted documents, to the bit.
#include <fmt/format.h>
#include <fmt/os.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "bench/relevance_data.h"
#include "bench/relevance_peers.h"
#include "engine/base/limits.h"
#include "engine/base/random.h"
#include "engine/index/vector_index.h"
#include "engine/lexical/lexical_index.h"

namespace cordon {
namespace {

constexpr uint32_t kClasses = 64;
constexpr size_t kDepth = 100;
constexpr double kRankConstant = 60;  // as engine/retrieve/fuse.cc has it
constexpr char kDefaultFusion[] = "relative 1:1, 50";
static_assert(limits::kFusionDepthDefault == 50);

// The indexes over some documents of a set.
class Searcher {
 public:
  Searcher(const RelevanceSet& set, const std::vector<uint32_t>& class_of,
           const std::function<bool(size_t)>& holds)
      : vectors_(set.vectors[0].size(), Metric::kCosine) {
    VectorIndexBuilder vectors(vectors_);
    LexicalIndexBuilder texts(texts_);
    for (size_t i = 0; i < set.ids.size(); ++i) {
      if (!holds(i)) continue;
      DocumentChange change;
      change.document = set.ids[i];
      change.number = documents_.Add(set.ids[i]);
      change.rows.push_back({0, class_of[i], set.vectors[i].data()});
      vectors.Add(change);
      texts.Add({change.number, 0, class_of[i], kAlways, kNever, set.texts[i]});
    }
    vectors_ = vectors.Finish();
    texts_ = texts.Finish();
  }

  RankedIds Lexical(const AllowedSet& allowed, const std::string& text) const {
    const auto found =
        texts_.Search(allowed, documents_, ParseTextQuery(Language::kEnglish, text), kDepth, {});
    CORDON_CHECK(found.ok());
    RankedIds ranking;
    for (const auto& hit : found->hits) {
      ranking.emplace_back(documents_.id(hit.document), hit.score);
    }
    return ranking;
  }

  // Both scores of each document that one of the rankings has, scaled to 0 to 1 and weighed.
  RankedIds Weighted(const RelevanceSet& set, const AllowedSet& allowed, size_t query,
                     double by_text) const {
    const auto found = texts_.Search(
        allowed, documents_, ParseTextQuery(Language::kEnglish, set.queries[query]), kDepth, {});
    CORDON_CHECK(found.ok());
    std::set<uint32_t> numbers;
    for (const auto& hit : found->hits) numbers.insert(hit.document);
    for (const auto& [id, score] : Vector(allowed, set.query_vectors[query])) {
      numbers.insert(*documents_.Find(id));
    }
    if (numbers.empty()) return {};
    std::vector<double> near, text;
    for (const uint32_t number : numbers) {  // all documents are there, in their order
      const auto& vector = set.vectors[number];
      near.push_back(
          Score(Metric::kCosine, set.query_vectors[query].data(), vector.data(), vector.size()));
      text.push_back(found->scorer.Score(Language::kEnglish, set.texts[number]).value_or(0));
    }
    const auto scale = [](std::vector<double>* scores) {
      const auto [least, greatest] = std::minmax_element(scores->begin(), scores->end());
      const double low = *least, span = *greatest - low;
      for (double& score : *scores) score = span > 0 ? (score - low) / span : 0;
    };
    scale(&near);
    scale(&text);
    RankedIds ranking;
    size_t i = 0;
    for (const uint32_t number : numbers) {
      ranking.emplace_back(documents_.id(number), near[i] + by_text * text[i]);
      ++i;
    }
    std::stable_sort(ranking.begin(), ranking.end(),
                     [](const auto& x, const auto& y) { return x.second > y.second; });
    return ranking;
  }

  RankedIds Vector(const AllowedSet& allowed, const std::vector<float>& vector) const {
    RankedIds ranking;
    const auto found = vectors_.Search(allowed, vector, {.k = kDepth, .scored = true});
    CORDON_CHECK(found.ok());
    for (const Hit& hit : *found) {
      ranking.emplace_back(hit.document, hit.score.low);
    }
    return ranking;
  }

 private:
  DocumentNumbers documents_;
  VectorIndex vectors_;
  LexicalIndex texts_{Language::kEnglish};
};

// The scores of the best `depth`, as parts of the greatest and counted from `least`; what is not
// among them counts as the last, if there may be more.
std::map<std::string, double> Scaled(RankedIds ranking, double least, size_t depth,
                                     double* missing) {
  *missing = 0;
  if (ranking.empty()) return {};
  ranking.resize(std::min(depth, ranking.size()));
  const double span = ranking.front().second - least;
  if (ranking.size() == depth) *missing = (ranking.back().second - least) / span;
  std::map<std::string, double> scaled;
  for (const auto& [id, score] : ranking) scaled[id] = (score - least) / span;
  return scaled;
}

// The sum of both scores, scaled: of a cosine and of BM25.
RankedIds Relative(const RankedIds& lexical, const RankedIds& vector, size_t depth) {
  double beyond_text = 0, beyond_vector = 0;
  const auto by_text = Scaled(lexical, 0, depth, &beyond_text);
  const auto by_vector = Scaled(vector, -1, depth, &beyond_vector);
  std::map<std::string, double> scores;
  for (const auto* one : {&by_text, &by_vector}) {
    for (const auto& [id, score] : *one) scores[id] = 0;
  }
  for (auto& [id, score] : scores) {
    const auto text = by_text.find(id), near = by_vector.find(id);
    score = (near == by_vector.end() ? beyond_vector : near->second) +
            (text == by_text.end() ? beyond_text : text->second);
  }
  return BestFirst(scores);
}

// By reciprocal ranks, of the best `depth` of each.
RankedIds Fuse(const RankedIds& a, const RankedIds& b, size_t depth) {
  std::map<std::string, double> scores;
  for (const RankedIds* ranking : {&a, &b}) {
    for (size_t i = 0; i < std::min(depth, ranking->size()); ++i) {
      scores[(*ranking)[i].first] += 1 / (kRankConstant + static_cast<double>(i + 1));
    }
  }
  return BestFirst(scores);
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

// How many answers under random entitlements differ from those of an index of only the permitted.
size_t CountDifferent(const RelevanceSet& set, const std::vector<uint32_t>& class_of,
                      const Searcher& whole, size_t callers, Random* random) {
  size_t different = 0;
  for (size_t caller = 0; caller < callers; ++caller) {
    AllowedSet allowed{Bitmap(kClasses), 0};
    // From few classes to most; one that may see all would compare an index with itself.
    for (uint32_t c = 0; c < kClasses; ++c) {
      if (random->Below(callers + 1) <= caller) allowed.classes.Set(c);
    }
    const Searcher only(set, class_of, [&](size_t i) { return allowed.classes.Test(class_of[i]); });
    for (size_t q = 0; q < set.queries.size(); ++q) {
      const RankedIds lexical = whole.Lexical(allowed, set.queries[q]);
      const RankedIds vector = whole.Vector(allowed, set.query_vectors[q]);
      const RankedIds only_lexical = only.Lexical(allowed, set.queries[q]);
      const RankedIds only_vector = only.Vector(allowed, set.query_vectors[q]);
      different += lexical != only_lexical;
      different += Fuse(lexical, vector, kDepth) != Fuse(only_lexical, only_vector, kDepth);
      different += Relative(lexical, vector, kDepth) != Relative(only_lexical, only_vector, kDepth);
    }
  }
  return different;
}

StatusOr<std::string> Measure(const std::filesystem::path& folder, size_t callers) {
  ASSIGN_OR_RETURN(const RelevanceSet set, ReadRelevanceSet(folder));
  Random random(5);
  std::vector<uint32_t> class_of;
  for (size_t i = 0; i < set.ids.size(); ++i) {
    class_of.push_back(static_cast<uint32_t>(random.Below(kClasses)));
  }
  const Searcher whole(set, class_of, [](size_t) { return true; });
  const auto published = MakePublishedBm25(set, kEngineAnalysis);
  const auto plain = MakePublishedBm25(set, kPlainAnalysis);
  const auto xapian = MakeXapianBm25(set, kEngineAnalysis);
  AllowedSet all{Bitmap(kClasses), 0};
  for (uint32_t c = 0; c < kClasses; ++c) all.classes.Set(c);
  const auto lexical = [&](size_t q) { return whole.Lexical(all, set.queries[q]); };
  const auto vector = [&](size_t q) { return whole.Vector(all, set.query_vectors[q]); };
  const auto peer = [&](TextRanker& ranker) {
    return Mean(set, [&](size_t q) { return ranker.Rank(set.queries[q], kDepth); });
  };
  std::vector<std::pair<std::string, Quality>> rows = {
      {"published", peer(*published)},
      {"plain", peer(*plain)},
      {"lexical", Mean(set, lexical)},
      {"vector", Mean(set, vector)},
      {kDefaultFusion, Mean(set, [&](size_t q) { return Relative(lexical(q), vector(q), 50); })},
      {"relative 1:1, 100",
       Mean(set, [&](size_t q) { return Relative(lexical(q), vector(q), 100); })},
      {"rrf 1:1, 50", Mean(set, [&](size_t q) { return Fuse(lexical(q), vector(q), 50); })},
      {"rrf 1:1, 100", Mean(set, [&](size_t q) { return Fuse(lexical(q), vector(q), 100); })},
      {"weighted 1:1, 100", Mean(set, [&](size_t q) { return whole.Weighted(set, all, q, 1); })},
      {"weighted 1:3, 100", Mean(set, [&](size_t q) { return whole.Weighted(set, all, q, 3); })}};
  if (xapian != nullptr) rows.insert(rows.begin() + 1, {"xapian", peer(*xapian)});
  const size_t different = CountDifferent(set, class_of, whole, callers, &random);
  std::string json =
      fmt::format(R"({{"set":"{}","documents":{},"queries":{},"callers":{},"different":{},)"
                  R"("rrf_constant":{})",
                  set.name, set.ids.size(), set.queries.size(), callers, different, kRankConstant);
  fmt::print("{}: {} documents, {} queries; under {} entitlements {} answers differ\n", set.name,
             set.ids.size(), set.queries.size(), callers, different);
  for (const auto& [name, quality] : rows) {
    fmt::print("  {:<18} nDCG@10 {:.4f}  recall@100 {:.4f}\n", name, quality.ndcg, quality.recall);
    json += fmt::format(R"(,"{}":{{"ndcg_10":{:.4f},"recall_100":{:.4f}}})", name, quality.ndcg,
                        quality.recall);
  }
  return json + "}";
}

int Main(int argc, char** argv) {
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
