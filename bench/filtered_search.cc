// Search of what a caller may see, beside its peers: one thread, one query at a time, on the
// workload that any claim is made on (docs/benchmarks.md).
//
// For each cell (data, classes, correlation, permitted part, k, recall) every peer gets the
// quickest setting that reaches the recall on the cell's own queries; Cordon gets the recall as a
// request does, and finds its plan by itself. Then all are timed in rounds that are interleaved and
// rotated, callers taking turns. Recall is against a scan of all permitted rows.
//   cordon          as served         cordon_flat, cordon_lists   the one plan or the other
#include <fmt/format.h>
#include <fmt/os.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/filtered_callers.h"
#include "bench/filtered_data.h"
#include "bench/filtered_index.h"
#include "bench/filtered_peers.h"
#include "bench/statistics.h"
#include "engine/base/check.h"
#include "engine/index/blas_core.h"
#include "engine/index/kernels.h"
#include "engine/index/vector_index.h"

extern "C" void openblas_set_num_threads(int threads);

namespace cordon {
namespace {

using nlohmann::json;
using Wall = std::chrono::steady_clock;

struct Options {
  std::string data = "synthetic";
  size_t rows = 1'000'000;
  size_t queries = 400;
  std::vector<size_t> classes = {20'000};
  std::vector<double> permitted = {0.0001, 0.001, 0.01, 0.1, 0.5, 1.0};
  std::vector<std::string> correlations = {"none", "positive", "negative"};
  std::vector<size_t> answers = {10};
  std::vector<double> recalls = {0.95, 0.99};
  std::vector<std::string> peers = {"faiss_flat", "faiss_ivf", "hnsw", "hnsw_permitted"};
  size_t callers = 5;
  size_t queries_of_caller = 40;
  size_t rounds = 11;
  double seconds = 0.05;  // of one method in one round, at least
  uint64_t seed = 1;
  double budget = 0;  // seconds; 0: no end
  bool sweep = false;
  std::string out;
};

Correlation ToCorrelation(const std::string& name) {
  if (name == "positive") return Correlation::kPositive;
  return name == "negative" ? Correlation::kNegative : Correlation::kNone;
}

struct Result {
  double recall = 0;
  double worst = 1;    // of a caller
  double seconds = 0;  // of a search, in this one pass
};

using Searcher = std::function<void(size_t caller, const float* query, std::vector<uint32_t>*)>;

class Cell {
 public:
  Cell(const Options& options, const VectorSet& set, const VectorIndex& index, size_t k,
       std::vector<FilteredCaller>* callers)
      : options_(options), set_(set), index_(index), k_(k), callers_(*callers) {
    std::vector<uint32_t> rows;
    for (FilteredCaller& caller : callers_) {
      caller.truth.clear();
      for (const uint32_t query : caller.queries) {
        SearchOwn(caller, set.held_out.row(query), {.k = k, .mode = SearchMode::kExact}, &rows);
        std::sort(rows.begin(), rows.end());
        caller.truth.push_back(rows);
      }
    }
  }

  void SearchOwn(const FilteredCaller& caller, const float* query, const SearchOptions& options,
                 std::vector<uint32_t>* rows, SearchTrace* trace = nullptr) const {
    const auto hits = index_.Search(caller.allowed, {query, set_.dimension}, options, trace);
    CORDON_CHECK(hits.ok());
    rows->clear();
    for (const Hit& hit : *hits) {
      rows->push_back(static_cast<uint32_t>(std::stoul(hit.document)));
    }
  }

  Searcher Own(double recall, SearchPlan plan, float least = 0) const {
    const SearchOptions options{
        .k = k_, .mode = SearchMode::kFast, .recall = recall, .plan = plan, .least = least};
    return [=, this](size_t c, const float* query, std::vector<uint32_t>* rows) {
      // A hit's id is copied, as in an answer, but not turned into a number.
      const auto hits =
          index_.Search(callers_[c].allowed, {query, set_.dimension}, options, nullptr);
      CORDON_CHECK(hits.ok());
      rows->resize(hits->size());
    };
  }

  Result RecallOf(const Searcher& search) const {
    Result result;
    std::vector<uint32_t> rows;
    size_t found = 0, wanted = 0, searches = 0;
    for (size_t c = 0; c < callers_.size(); ++c) {
      size_t own_found = 0, own_wanted = 0;
      for (size_t q = 0; q < callers_[c].queries.size(); ++q) {
        const double began = Seconds();
        search(c, set_.held_out.row(callers_[c].queries[q]), &rows);
        result.seconds += Seconds() - began;
        ++searches;
        const auto& truth = callers_[c].truth[q];
        for (const uint32_t row : rows) {
          own_found += std::binary_search(truth.begin(), truth.end(), row) ? 1 : 0;
        }
        own_wanted += truth.size();
      }
      found += own_found;
      wanted += own_wanted;
      result.worst =
          std::min(result.worst, static_cast<double>(own_found) /
                                     static_cast<double>(std::max<size_t>(own_wanted, 1)));
    }
    result.seconds /= static_cast<double>(std::max<size_t>(searches, 1));
    result.recall = static_cast<double>(found) / static_cast<double>(std::max<size_t>(wanted, 1));
    return result;
  }

  Result RecallOfOwn(const SearchOptions& options, SearchTrace* sum) const {
    size_t n = 0;
    Result result = RecallOf([&](size_t c, const float* query, std::vector<uint32_t>* rows) {
      SearchTrace trace;
      SearchOwn(callers_[c], query, options, rows, &trace);
      sum->plan = trace.plan;
      sum->lists_seen += trace.lists_seen;
      sum->lists_scanned += trace.lists_scanned;
      sum->rows_scanned += trace.rows_scanned;
      sum->rows_reranked += trace.rows_reranked;
      sum->prepare_us += trace.prepare_us;
      sum->order_us += trace.order_us;
      sum->scan_us += trace.scan_us;
      ++n;
    });
    for (uint64_t* count :
         {&sum->lists_seen, &sum->lists_scanned, &sum->rows_scanned, &sum->rows_reranked}) {
      *count /= n;
    }
    for (double* time : {&sum->prepare_us, &sum->order_us, &sum->scan_us}) {
      *time /= static_cast<double>(n);
    }
    return result;
  }

  // Seconds of a query in one round.
  double TimeOf(const Searcher& search, std::vector<double>* each = nullptr) const {
    std::vector<uint32_t> rows;
    size_t searches = 0;
    const double began = Seconds();
    double elapsed = 0;
    const size_t turns = callers_.front().queries.size();
    while (elapsed < options_.seconds || searches < callers_.size()) {
      const size_t turn = searches / callers_.size() % turns;
      for (size_t c = 0; c < callers_.size(); ++c, ++searches) {
        const float* query = set_.held_out.row(callers_[c].queries[turn]);
        const double before = each == nullptr ? 0 : Seconds();
        search(c, query, &rows);
        if (each != nullptr) each->push_back(Seconds() - before);
      }
      elapsed = Seconds() - began;
    }
    return elapsed / static_cast<double>(searches);
  }

 private:
  const Options& options_;
  const VectorSet& set_;
  const VectorIndex& index_;
  const size_t k_;
  std::vector<FilteredCaller>& callers_;
};

json Figures(const Estimate& e, double unit) {
  return {{"median", e.median * unit}, {"low", e.low * unit}, {"high", e.high * unit}};
}

class Bench {
 public:
  Bench(const Options& options, VectorSet set)
      : options_(options), random_(options.seed + 7), set_(std::move(set)) {
    PeerChoice choice{false, false, false, false};
    for (const std::string& peer : options.peers) {
      choice.faiss_flat |= peer == "faiss_flat";
      choice.faiss_ivf |= peer == "faiss_ivf";
      choice.hnsw |= peer == "hnsw";
      choice.hnsw_permitted |= peer == "hnsw_permitted";
    }
    peers_ = MakePeers(set_, choice);
  }

  json Run() {
    json cells = json::array(), builds = json::array();
    for (const size_t count : options_.classes) {
      for (const std::string& correlation : options_.correlations) {
        if (!TimeLeft()) continue;
        const Classes classes = MakeClasses(set_, count, correlation != "none", random_);
        const OwnIndex own(set_, classes);
        builds.push_back({{"classes", count},
                          {"correlation", correlation},
                          {"rows_s", own.rows_s},
                          {"lists_s", own.lists_s}});
        fmt::print(stderr, "cordon built in {:.1f} + {:.1f} s\n", own.rows_s, own.lists_s);
        for (const double fraction : options_.permitted) {
          if (fraction == 1 && correlation != "none") continue;  // there is nothing to follow
          if (!TimeLeft()) continue;
          const auto before = Wall::now();
          Measure(classes, own.index(), correlation, fraction, &cells);
          longest_ = std::max(longest_, Wall::now() - before);
        }
      }
    }
    json peers;
    for (const auto& peer : peers_) peers[peer->name()] = peer->build_s;
    return {{"data", set_.name},
            {"rows", set_.rows},
            {"dimension", set_.dimension},
            {"instruction_set", InstructionSet()},
            {"rounds", options_.rounds},
            {"peers_build_s", peers},
            {"builds", builds},
            {"cells", cells},
            {"sweeps", sweeps_}};
  }

 private:
  void Measure(const Classes& classes, const VectorIndex& index, const std::string& correlation,
               double fraction, json* cells) {
    std::vector<FilteredCaller> callers;
    for (size_t c = 0; c < options_.callers; ++c) {
      callers.push_back(MakeCaller(set_, classes, fraction, ToCorrelation(correlation),
                                   options_.queries_of_caller, random_));
    }
    for (const auto& peer : peers_) peer->Enter(callers);  // may build for long
    for (const size_t k : options_.answers) {
      const Cell cell(options_, set_, index, k, &callers);
      for (const double recall : options_.recalls) {
        json out = {{"classes", classes.count}, {"correlation", correlation},
                    {"permitted", fraction},    {"k", k},
                    {"recall_asked", recall},   {"rows", callers.front().rows.size()}};
        Compare(cell, k, recall, &out);
        cells->push_back(std::move(out));
      }
      if (options_.sweep) {
        sweeps_.push_back({{"classes", classes.count},
                           {"correlation", correlation},
                           {"permitted", fraction},
                           {"k", k},
                           {"points", Sweep(cell, k)}});
      }
    }
    for (const auto& peer : peers_) peer->Leave();
  }

  void Compare(const Cell& cell, size_t k, double recall, json* out) {
    std::map<std::string, Searcher> methods;
    for (const auto& [name, plan] : {std::pair{"cordon", SearchPlan::kAuto},
                                     {"cordon_flat", SearchPlan::kFlat},
                                     {"cordon_lists", SearchPlan::kLists}}) {
      SearchTrace trace;
      const Result result = cell.RecallOfOwn(
          {.k = k, .mode = SearchMode::kFast, .recall = recall, .plan = plan}, &trace);
      methods[name] = cell.Own(recall, plan);
      (*out)["methods"][name] = {{"recall", result.recall},
                                 {"worst", result.worst},
                                 {"plan", trace.plan == SearchPlan::kLists ? "lists" : "flat"},
                                 {"lists", trace.lists_scanned},
                                 {"seen", trace.lists_seen},
                                 {"scanned", trace.rows_scanned},
                                 {"reranked", trace.rows_reranked},
                                 {"prepare_us", trace.prepare_us},
                                 {"order_us", trace.order_us},
                                 {"scan_us", trace.scan_us}};
    }
    for (const auto& peer : peers_) AddPeer(cell, *peer, k, recall, &methods, out);
    Time(cell, methods, out);
  }

  // The quickest setting that reaches the recall on the cell's own queries, to some 5 %; or none.
  void AddPeer(const Cell& cell, Peer& peer, size_t k, double recall,
               std::map<std::string, Searcher>* methods, json* out) {
    constexpr double kPatience_s = 20;  // after one that takes longer for all, no slower is tried
    const auto with = [&peer, k](size_t setting) {
      return [&peer, k, setting](size_t c, const float* query, std::vector<uint32_t>* rows) {
        peer.Search(c, query, k, setting, rows);
      };
    };
    json tried = json::array();
    const auto try_setting = [&](size_t setting) {
      const Result of = cell.RecallOf(with(setting));
      tried.push_back({{"setting", setting}, {"recall", of.recall}, {"us", of.seconds * 1e6}});
      return of;
    };
    Result result;
    std::optional<size_t> below, enough;
    for (const size_t setting : peer.Settings(k)) {
      const double began = Seconds();
      result = try_setting(setting);
      (result.recall >= recall ? enough : below) = setting;
      if (enough || Seconds() - began > kPatience_s) break;
    }
    json& method = (*out)["methods"][peer.name()];
    if (!enough) {  // `setting`: the last that was tried
      method = {{"recall", result.recall}, {"failed", true}, {"setting", *below}, {"tried", tried}};
      return;
    }
    while (below && *below + std::max<size_t>(1, *below / 20) < *enough) {
      const size_t middle = (*below + *enough) / 2;
      const Result between = try_setting(middle);
      if (between.recall >= recall) result = between;
      (between.recall >= recall ? enough : below) = middle;
    }
    (*methods)[peer.name()] = with(*enough);
    method = {
        {"recall", result.recall}, {"worst", result.worst}, {"setting", *enough}, {"tried", tried}};
  }

  void Time(const Cell& cell, const std::map<std::string, Searcher>& methods, json* out) {
    std::map<std::string, std::vector<double>> seconds;
    std::vector<const std::pair<const std::string, Searcher>*> order;
    for (const auto& method : methods) order.push_back(&method);
    for (size_t round = 0; round < options_.rounds; ++round) {
      for (size_t i = 0; i < order.size(); ++i) {
        const auto& [name, search] = *order[(i + round) % order.size()];
        seconds[name].push_back(cell.TimeOf(search));
      }
    }
    std::vector<double> each;
    cell.TimeOf(methods.at("cordon"), &each);
    std::sort(each.begin(), each.end());
    (*out)["methods"]["cordon"]["p50_us"] = each[each.size() / 2] * 1e6;
    (*out)["methods"]["cordon"]["p99_us"] = each[each.size() * 99 / 100] * 1e6;
    fmt::print("{:8} {:8.4f}% k{:<3} {:.2f}:", (*out)["correlation"].get<std::string>(),
               (*out)["permitted"].get<double>() * 100, (*out)["k"].get<size_t>(),
               (*out)["recall_asked"].get<double>());
    for (const auto& [name, some] : seconds) {
      json& method = (*out)["methods"][name];
      const Estimate time = EstimateOf(some);
      method["us"] = Figures(time, 1e6);
      method["qps"] = 1 / time.median;
      std::vector<double> ratios;
      for (size_t i = 0; i < some.size(); ++i) ratios.push_back(some[i] / seconds["cordon"][i]);
      method["slower"] = Figures(EstimateOf(ratios), 1);
      fmt::print(" {} {:.0f}/s {:.3f} ({:.2f}x)", name, 1 / time.median,
                 method["recall"].get<double>(), method["slower"]["median"].get<double>());
    }
    const json& own = (*out)["methods"]["cordon"];
    fmt::print(" | {} lists {}/{} rows {} int8 {} us {:.1f}+{:.1f}+{:.1f} worst {:.3f}\n",
               own["plan"].get<std::string>(), own["lists"].get<size_t>(),
               own["seen"].get<size_t>(), own["scanned"].get<size_t>(),
               own["reranked"].get<size_t>(), own["prepare_us"].get<double>(),
               own["order_us"].get<double>(), own["scan_us"].get<double>(),
               own["worst"].get<double>());
    std::fflush(stdout);
  }

  // Recall and time over how far the lists are searched; printed if no file takes them.
  json Sweep(const Cell& cell, size_t k) {
    json points = json::array();
    for (float least = 20.0f; least > 1e-2f; least *= 0.6f) {
      SearchTrace trace;
      const Result result = cell.RecallOfOwn(
          {.k = k, .mode = SearchMode::kFast, .plan = SearchPlan::kLists, .least = least}, &trace);
      const double time = cell.TimeOf(cell.Own(0.95, SearchPlan::kLists, least));
      points.push_back({{"setting", least}, {"recall", result.recall}, {"us", time * 1e6}});
      if (!options_.out.empty()) continue;
      fmt::print(
          "   least {:.6f}: recall {:.4f} worst {:.3f} {:.0f}/s lists {}/{} rows {} int8 {} "
          "us {:.1f}+{:.1f}+{:.1f}\n",
          least, result.recall, result.worst, 1 / time, trace.lists_scanned, trace.lists_seen,
          trace.rows_scanned, trace.rows_reranked, trace.prepare_us, trace.order_us, trace.scan_us);
    }
    return points;
  }

  // As far as the longest cell so far can tell, whether one more is done in time. Of the clock on
  // the wall, which is what somebody waits by; what is left out is not in the report.
  bool TimeLeft() const {
    if (options_.budget <= 0) return true;
    const std::chrono::duration<double> after = Wall::now() - began_ + longest_;
    return after.count() < options_.budget;
  }

  const Options options_;
  const Wall::time_point began_ = Wall::now();
  Wall::duration longest_{};
  Random random_;
  const VectorSet set_;
  std::vector<std::unique_ptr<Peer>> peers_;
  json sweeps_ = json::array();
};

int Main(int argc, char** argv) {
  ChooseBlasCore();
  Options options;
  CLI::App app("Search of what a caller may see, beside its peers");
  app.add_option("--data", options.data,
                 "synthetic, a folder of CORDON_SHARED_DATA, FILE.fvecs, FILE.hdf5");
  app.add_option("--rows", options.rows, "at most");
  app.add_option("--queries", options.queries);
  app.add_option("--classes", options.classes)->delimiter(',');
  app.add_option("--permitted", options.permitted)->delimiter(',');
  app.add_option("--correlations", options.correlations)->delimiter(',');
  app.add_option("--k", options.answers)->delimiter(',');
  app.add_option("--recall", options.recalls)->delimiter(',');
  app.add_option("--peers", options.peers)->delimiter(',');
  app.add_option("--callers", options.callers);
  app.add_option("--queries-of-caller", options.queries_of_caller);
  app.add_option("--rounds", options.rounds);
  app.add_option("--seconds", options.seconds);
  app.add_option("--seed", options.seed);
  app.add_option("--budget", options.budget, "seconds; no cell is begun that may last longer");
  app.add_flag("--sweep", options.sweep, "also recall over time");
  app.add_option("--out", options.out);
  CLI11_PARSE(app, argc, argv);
  omp_set_num_threads(1);
  openblas_set_num_threads(1);
  const char* shared = std::getenv("CORDON_SHARED_DATA");
  auto set = LoadVectors(options.data, shared == nullptr ? "" : shared, options.rows,
                         options.queries, options.seed);
  if (!set.ok()) {
    const bool absent = set.status().code() == StatusCode::kNotFound;
    fmt::print(stderr, "{} {}: {}\n", options.data, absent ? "is left out" : "cannot be read",
               set.status().ToString());
    return absent ? 0 : 1;
  }
  fmt::print("{}: {} x {}, {} queries, {}\n", options.data, set->rows, set->dimension, set->queries,
             InstructionSet());
  Bench bench(options, *std::move(set));
  const json report = bench.Run();
  if (!options.out.empty()) fmt::output_file(options.out).print("{}\n", report.dump(1));
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
