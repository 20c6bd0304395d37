// What an index costs beside its searches, on the data of filtered_search and without peers:
// processor time, but for `threads`; searches run on one thread, building and upkeep on several.
//   build    of all rows, lists included
//   memory   resident, a row; with the floats, and without them
//   cold     a caller's first search, of whom nothing is remembered: its masks are made as it goes.
//            What it may see is evaluated before: bench/permissions.cc times that
//   growth   searches for callers who may see as many rows, in all rows and in a tenth of them
//   sizes    searches for callers who may see the same part of a tenth, three tenths and all rows
//   threads  searches on 2, 4, … threads at once, up to one for each processor: how many a second
//            by the clock, and how many times one thread's
//   upkeep   half of the rows are replaced, in writes of 1,000, with all upkeep but training
//   recall   after that: of a pinned geometry, of one that was trained anew as it is due, and of an
//            index that was built of the same rows at once
//
//   index_costs [--data NAME] [--rows N] [--quick] [--out FILE]
#include <fmt/format.h>
#include <fmt/os.h>
#include <malloc.h>
#include <omp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bench/filtered_callers.h"
#include "bench/filtered_data.h"
#include "bench/filtered_index.h"
#include "bench/statistics.h"
#include "engine/base/check.h"
#include "engine/index/blas_core.h"
#include "engine/index/kernels.h"

extern "C" void openblas_set_num_threads(int threads);

namespace cordon {
namespace {

using nlohmann::json;

struct CostOptions {
  std::string data = "synthetic";
  size_t rows = 1'000'000;
  size_t queries = 400;
  size_t classes = 20'000;
  size_t callers = 5;
  size_t queries_of_caller = 40;
  size_t rounds = 11;
  uint64_t seed = 1;
  std::string out;
};

constexpr size_t kAnswers = 10;
constexpr size_t kWrite = 1'000;  // documents of one change of the index

// What the kernel counts, once the allocator has given back what it can: what it says itself has
// address space in it that nothing is in.
size_t ResidentBytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0, resident = 0;
  CORDON_CHECK(statm >> pages >> resident);
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Some rows of a set, and all its queries.
VectorSet PartOf(const VectorSet& set, const std::vector<size_t>& rows) {
  VectorSet part{set.name,
                 set.metric,
                 set.dimension,
                 rows.size(),
                 set.queries,
                 FloatRows(rows.size(), set.dimension),
                 FloatRows(set.queries, set.dimension)};
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(set.base.row(rows[i]), set.dimension, part.base.row(i));
  }
  for (size_t i = 0; i < set.queries; ++i) {
    std::copy_n(set.held_out.row(i), set.dimension, part.held_out.row(i));
  }
  return part;
}

std::vector<size_t> FirstRows(size_t n) {
  std::vector<size_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

class Costs {
 public:
  Costs(const CostOptions& options, VectorSet set)
      : options_(options), random_(options.seed + 7), set_(std::move(set)) {}

  json Run() {
    report_ = {{"data", set_.name},
               {"rows", set_.rows},
               {"dimension", set_.dimension},
               {"instruction_set", InstructionSet()}};
    {
      const Classes classes = MakeClasses(set_, options_.classes, false, random_);
      const size_t before = ResidentBytes();
      const OwnIndex own(set_, classes);
      Build(own, ResidentBytes() - before);
      Cold(classes, own.index());
      Growth(classes, own.index());
      Sizes(classes, own.index());
      Threads(classes, own.index());
    }
    Replace();
    return report_;
  }

 private:
  // A line of the table; `met` is asked only where the target is meant for such data.
  void Tell(const std::string& asked, const std::string& measured, bool applies, bool met) {
    const char* const verdict = !applies ? "no target here" : met ? "met" : "missed";
    fmt::print("| {} | {} | {} |\n", asked, measured, verdict);
    std::fflush(stdout);
    report_["targets"].push_back({{"asked", asked}, {"measured", measured}, {"met", verdict}});
  }

  void Build(const OwnIndex& own, size_t bytes) {
    const double seconds = own.rows_s + own.lists_s;
    report_["build_s"] = {{"rows", own.rows_s}, {"lists", own.lists_s}};
    Tell("build of 1,000,000 x 128 within 60 s of one core",
         fmt::format("{:.1f} s, {:.1f} of them lists, of {} x {}", seconds, own.lists_s, set_.rows,
                     set_.dimension),
         set_.rows == 1'000'000 && set_.dimension == 128, seconds <= 60);
    const double row = static_cast<double>(bytes) / static_cast<double>(set_.rows);
    const double floats = static_cast<double>(RowStride(set_.dimension) * sizeof(float));
    const double target = 1.4 * static_cast<double>(set_.dimension) + 64;
    report_["memory_bytes_a_row"] = {{"all", row}, {"floats", floats}};
    Tell(fmt::format("memory of at most 1.4 B a dimension + 64 B = {:.0f} B a row", target),
         fmt::format("{:.0f} B, {:.0f} B of them floats", row, floats), true, row <= target);
    Tell("the same without floats", fmt::format("{:.0f} B", row - floats), true,
         row - floats <= target);
  }

  void Cold(const Classes& classes, const VectorIndex& index) {
    constexpr size_t kStrangers = 9;
    for (const double fraction : {0.01, 0.1, 0.5, 0.9}) {
      std::vector<double> ms;
      for (size_t c = 0; c < kStrangers; ++c) {
        const FilteredCaller caller =
            MakeCaller(set_, classes, fraction, Correlation::kNone, 1, random_);
        const double began = Seconds();
        Search(index, caller, 0, SearchMode::kFast);
        ms.push_back((Seconds() - began) * 1e3);
      }
      const double most = *std::max_element(ms.begin(), ms.end());
      report_["cold_ms"].push_back(
          {{"permitted", fraction}, {"median", MedianOf(ms)}, {"most", most}});
      Tell(fmt::format("cold caller, {:g} % permitted: 2 ms, less 0.25 for what it may see",
                       fraction * 100),
           fmt::format("{:.2f} ms, {:.2f} at most", MedianOf(ms), most), set_.rows >= 1'000'000,
           MedianOf(ms) <= 1.75);
    }
  }

  void Growth(const Classes& classes, const VectorIndex& index) {
    const VectorSet few = PartOf(set_, FirstRows(set_.rows / 10));
    const Classes few_classes = MakeClasses(few, options_.classes, false, random_);
    const OwnIndex own(few, few_classes);
    for (const double fraction : {0.0001, 0.001, 0.01, 0.1}) {
      if (fraction * static_cast<double>(set_.rows) < kAnswers) continue;
      const auto many_callers = Callers(set_, classes, fraction);
      const auto few_callers = Callers(few, few_classes, fraction * 10);
      std::vector<double> ratios, many_us;
      for (size_t round = 0; round <= options_.rounds; ++round) {
        double of_many = 0, of_few = 0;
        for (const bool first : {true, false}) {
          if (first == (round % 2 == 0)) {
            of_many = TimeOf(index, many_callers);
          } else {
            of_few = TimeOf(own.index(), few_callers);
          }
        }
        if (round == 0) continue;  // masks were made
        ratios.push_back(of_many / of_few);
        many_us.push_back(of_many * 1e6);
      }
      const Estimate ratio = EstimateOf(ratios);
      report_["growth"].push_back({{"permitted_rows", many_callers.front().rows.size()},
                                   {"us", MedianOf(many_us)},
                                   {"times", ratio.median}});
      Tell(fmt::format("{} permitted rows: 10 x the corpus, at most 1.6 x the time",
                       many_callers.front().rows.size()),
           fmt::format("{:.2f} x ({:.2f}-{:.2f}), {:.0f} us", ratio.median, ratio.low, ratio.high,
                       MedianOf(many_us)),
           true, ratio.median <= 1.6);
    }
  }

  // What a page draws the growth over N from.
  void Sizes(const Classes& classes, const VectorIndex& index) {
    report_["sizes"] = json::array();
    for (const size_t tenths : {1, 3, 10}) {
      if (tenths == 10) {
        SizeOf(set_, classes, index);
        continue;
      }
      const VectorSet part = PartOf(set_, FirstRows(set_.rows * tenths / 10));
      const Classes part_classes = MakeClasses(part, options_.classes, false, random_);
      SizeOf(part, part_classes, OwnIndex(part, part_classes).index());
    }
  }

  void SizeOf(const VectorSet& set, const Classes& classes, const VectorIndex& index) {
    for (const double fraction : {0.0001, 0.001, 0.01, 0.1, 0.5, 1.0}) {
      if (fraction * static_cast<double>(set.rows) < kAnswers) continue;
      const auto callers = Callers(set, classes, fraction);
      std::vector<double> us;
      for (size_t round = 0; round <= options_.rounds; ++round) {
        const double seconds = TimeOf(index, callers);
        if (round > 0) us.push_back(seconds * 1e6);  // in the first one masks were made
      }
      const Estimate time = EstimateOf(us);
      report_["sizes"].push_back(
          {{"rows", set.rows},
           {"permitted", fraction},
           {"recall", RecallOf(index, index, callers)},
           {"us", {{"median", time.median}, {"low", time.low}, {"high", time.high}}}});
    }
  }

  void Threads(const Classes& classes, const VectorIndex& index) {
    const size_t processors = std::thread::hardware_concurrency();
    for (const double fraction : {0.01, 0.1, 1.0}) {
      const auto callers = Callers(set_, classes, fraction);
      TimeOf(index, callers);  // masks are made
      for (size_t threads = 2; threads <= processors; threads *= 2) {
        std::vector<double> rates, times;
        for (size_t round = 0; round < options_.rounds; ++round) {
          const double one = RateOf(index, callers, 1);
          rates.push_back(RateOf(index, callers, threads));
          times.push_back(rates.back() / one);
        }
        const Estimate ratio = EstimateOf(times);
        report_["threads"].push_back({{"permitted", fraction},
                                      {"threads", threads},
                                      {"per_s", MedianOf(rates)},
                                      {"times", ratio.median}});
        Tell(fmt::format("{:g} % permitted: searches on {} threads", fraction * 100, threads),
             fmt::format("{:.0f} a second, {:.2f} x ({:.2f}-{:.2f}) one thread's", MedianOf(rates),
                         ratio.median, ratio.low, ratio.high),
             false, false);
      }
    }
  }

  // Searches a second by the clock, of so many threads together.
  double RateOf(const VectorIndex& index, const std::vector<FilteredCaller>& callers,
                size_t threads) const {
    constexpr size_t kPasses = 10;  // so that starting threads does not count
    const auto began = std::chrono::steady_clock::now();
    std::vector<std::thread> running;
    for (size_t t = 0; t < threads; ++t) {
      running.emplace_back([&] {
        for (size_t pass = 0; pass < kPasses; ++pass) TimeOf(index, callers);
      });
    }
    for (std::thread& thread : running) thread.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    const size_t searches = callers.size() * callers.front().queries.size();
    return static_cast<double>(threads * kPasses * searches) / took.count();
  }

  // Two thirds of the set; half of these are replaced by the last third.
  void Replace() {
    const size_t n = set_.rows / 3 * 2;
    const VectorSet before = PartOf(set_, FirstRows(n));
    std::vector<size_t> replaced = FirstRows(n);
    for (size_t i = n; i > 1; --i) std::swap(replaced[i - 1], replaced[random_.Below(i)]);
    replaced.resize(n / 2);
    std::vector<size_t> final_rows = FirstRows(n);
    for (size_t i = 0; i < replaced.size(); ++i) final_rows[replaced[i]] = n + i;
    const VectorSet after = PartOf(set_, final_rows);
    const Classes classes = MakeClasses(before, options_.classes, false, random_);
    const OwnIndex own(before, classes);
    if (own.index().lists() == nullptr) return;  // too few rows for lists

    VectorIndex pinned = own.index();
    const double began = SecondsOfAll();
    for (size_t i = 0; i < replaced.size(); i += kWrite) {
      const auto part = std::span(replaced).subspan(i, std::min(kWrite, replaced.size() - i));
      pinned = Written(pinned, after, classes, part);
    }
    const double rate = static_cast<double>(replaced.size()) / (SecondsOfAll() - began);
    report_["upkeep_rows_s"] = rate;
    Tell("upkeep of 20,000 rows/s of 768 dimensions on two cores, so 10,000 of one",
         fmt::format("{:.0f} of {} dimensions", rate, set_.dimension), set_.dimension == 768,
         rate >= 10'000);
    const Upkeep due = NeededUpkeep(pinned, false);
    VectorIndex served = pinned;
    if (due != Upkeep::kNone) {
      const VectorIndex frozen = pinned.Frozen();
      served = frozen.With(MakeLists(frozen, due, {}));
    }
    const OwnIndex fresh(after, classes);
    for (const double fraction : {0.1, 1.0}) {
      const auto callers = Callers(after, classes, fraction);
      const double of_pinned = RecallOf(pinned, fresh.index(), callers);
      const double of_served = RecallOf(served, fresh.index(), callers);
      const double of_fresh = RecallOf(fresh.index(), fresh.index(), callers);
      report_["replaced"].push_back({{"permitted", fraction},
                                     {"pinned", of_pinned},
                                     {"served", of_served},
                                     {"fresh", of_fresh}});
      Tell(fmt::format("half replaced, {:g} % permitted: recall within 0.01 of a fresh build",
                       fraction * 100),
           fmt::format("{:.3f}, pinned {:.3f}, fresh {:.3f}", of_served, of_pinned, of_fresh), true,
           of_served >= of_fresh - 0.01);
    }
  }

  // The index after one write, and the upkeep that it needs.
  static VectorIndex Written(const VectorIndex& index, const VectorSet& after,
                             const Classes& classes, std::span<const size_t> rows) {
    std::vector<std::string> ids;
    for (const size_t row : rows) ids.push_back(IdOfRow(row));
    std::vector<DocumentChange> changes(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      changes[i].document = ids[i];
      changes[i].rows = {{0, classes.of_row[rows[i]], after.base.row(rows[i])}};
    }
    const VectorIndex next = index.Apply(changes);
    const Upkeep due = NeededUpkeep(next, /*pinned=*/true);
    if (due == Upkeep::kNone) return next;
    const VectorIndex frozen = next.Frozen();
    return frozen.With(MakeLists(frozen, due, {}));
  }

  std::vector<FilteredCaller> Callers(const VectorSet& set, const Classes& classes,
                                      double fraction) {
    std::vector<FilteredCaller> callers;
    for (size_t c = 0; c < options_.callers; ++c) {
      callers.push_back(MakeCaller(set, classes, fraction, Correlation::kNone,
                                   options_.queries_of_caller, random_));
    }
    return callers;
  }

  std::vector<Hit> Search(const VectorIndex& index, const FilteredCaller& caller, size_t query,
                          SearchMode mode) const {
    auto hits =
        index.Search(caller.allowed, {set_.held_out.row(caller.queries[query]), set_.dimension},
                     {.k = kAnswers, .mode = mode});
    CORDON_CHECK(hits.ok());
    return *std::move(hits);
  }

  // Seconds of a search, each caller's questions once, in turns.
  double TimeOf(const VectorIndex& index, const std::vector<FilteredCaller>& callers) const {
    size_t searches = 0;
    const double began = Seconds();
    for (size_t q = 0; q < callers.front().queries.size(); ++q) {
      for (const FilteredCaller& caller : callers) {
        Search(index, caller, q, SearchMode::kFast);
        ++searches;
      }
    }
    return (Seconds() - began) / static_cast<double>(searches);
  }

  // Against an exact search of `truth`, which has the same rows.
  double RecallOf(const VectorIndex& index, const VectorIndex& truth,
                  const std::vector<FilteredCaller>& callers) const {
    size_t found = 0, wanted = 0;
    for (const FilteredCaller& caller : callers) {
      for (size_t q = 0; q < caller.queries.size(); ++q) {
        std::set<std::string> best;
        for (const Hit& hit : Search(truth, caller, q, SearchMode::kExact)) {
          best.insert(hit.document);
        }
        for (const Hit& hit : Search(index, caller, q, SearchMode::kFast)) {
          found += best.count(hit.document);
        }
        wanted += best.size();
      }
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
  }

  const CostOptions options_;
  Random random_;
  const VectorSet set_;
  json report_;
};

int Main(int argc, char** argv) {
  ChooseBlasCore();
  CostOptions options;
  bool quick = false;
  CLI::App app("What an index costs beside its searches");
  app.add_option("--data", options.data,
                 "synthetic, a folder of CORDON_SHARED_DATA, FILE.fvecs, FILE.hdf5");
  app.add_option("--rows", options.rows, "at most");
  app.add_option("--classes", options.classes);
  app.add_option("--rounds", options.rounds);
  app.add_option("--seed", options.seed);
  app.add_flag("--quick", quick, "20,000 rows and few rounds: to see that it works");
  app.add_option("--out", options.out, "writes the figures to this JSON file");
  CLI11_PARSE(app, argc, argv);
  if (quick) {
    options.rows = std::min<size_t>(options.rows, 20'000);
    options.classes = std::min<size_t>(options.classes, 1'000);
    options.rounds = 3;
  }
  omp_set_num_threads(1);  // or the clock of this thread does not see all
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
  fmt::print("{}: {} x {}, {}\n| asked | measured | |\n|---|---|---|\n", options.data, set->rows,
             set->dimension, InstructionSet());
  Costs costs(options, *std::move(set));
  const json report = costs.Run();
  if (!options.out.empty()) fmt::output_file(options.out).print("{}\n", report.dump(1));
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
