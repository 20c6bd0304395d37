// Exact questions of one caller that share a scan, beside the same questions one by one; and how
// much more searches on several threads do than on one.
//
//   shared   VectorIndex::SearchMany of 8 or 32 questions, beside as many VectorIndex::Search, one
//            thread, its processor time, in rounds that are interleaved and rotated
//   threads  batches of 8 on 1, 2, 4, … threads at once, up to one for each processor:
//            questions a second by the clock, beside one thread
// Vectors, classes and their sizes are those of exact_search.cc. Answers are compared: to the bit.
//
//   shared_scan [--rows N] [--dim N] [--permitted …] [--rounds N] [--quick] [--out FILE]
#include <fmt/format.h>
#include <fmt/os.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "bench/exact_data.h"
#include "bench/read_memory.h"
#include "bench/statistics.h"
#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/index/blas_core.h"
#include "engine/index/kernels.h"
#include "engine/index/vector_index.h"

namespace cordon {
namespace {

constexpr size_t kQueries = 64;
constexpr size_t kThreadBatch = 8;

// Stored vectors with noise.
std::vector<std::vector<float>> MakeQueries(const Options& options, const Data& data,
                                            Random& random) {
  std::vector<std::vector<float>> queries(kQueries, std::vector<float>(options.dimension));
  for (std::vector<float>& query : queries) {
    FillDirection(random, options.dimension, query.data());
    const float* const near = data.vectors.row(random.Below(options.rows));
    for (size_t i = 0; i < query.size(); ++i) query[i] += near[i];
  }
  return queries;
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        random_(options.seed + 1),
        data_(MakeData(options)),
        index_(BuildIndex(options, data_)),
        queries_(MakeQueries(options, data_, random_)) {}

  AllowedSet Caller(double share) { return {DrawClasses(options_, data_, share, random_), 0}; }
  uint64_t RowsOf(const AllowedSet& caller) const { return index_.CountAllowed(caller); }

  // Questions from query `first` on, round and round.
  std::vector<VectorQuestion> Questions(size_t first, size_t n) const {
    std::vector<VectorQuestion> questions;
    for (size_t i = 0; i < n; ++i) {
      questions.push_back({queries_[(first + i) % kQueries], options_.k});
    }
    return questions;
  }
  std::vector<VectorAnswer> Together(const AllowedSet& caller,
                                     const std::vector<VectorQuestion>& questions) const {
    auto answers = index_.SearchMany(caller, questions, {});
    CORDON_CHECK(answers.ok());
    return *std::move(answers);
  }
  std::vector<std::vector<Hit>> OneByOne(const AllowedSet& caller,
                                         const std::vector<VectorQuestion>& questions) const {
    std::vector<std::vector<Hit>> all;
    for (const VectorQuestion& question : questions) {
      auto hits = index_.Search(caller, question.vector, {.k = question.k});
      CORDON_CHECK(hits.ok());
      all.push_back(*std::move(hits));
    }
    return all;
  }

  void Check(const AllowedSet& caller, size_t batch) const {
    const auto questions = Questions(0, batch);
    const auto together = Together(caller, questions);
    const auto alone = OneByOne(caller, questions);
    for (size_t q = 0; q < batch; ++q) {
      CORDON_CHECK(together[q].hits.size() == alone[q].size());
      for (size_t i = 0; i < alone[q].size(); ++i) {
        const Hit& a = together[q].hits[i];
        const Hit& b = alone[q][i];
        CORDON_CHECK(a.document == b.document && a.score.low == b.score.low &&
                     a.score.high == b.score.high);
      }
    }
  }

  // Seconds of one question.
  double Time(const AllowedSet& caller, size_t batch, bool shared) {
    size_t asked = 0;
    const double began = Now();
    double elapsed = 0;
    while (elapsed < options_.seconds) {
      const auto questions = Questions(asked, batch);
      answers_ += shared ? Together(caller, questions).size() : OneByOne(caller, questions).size();
      asked += batch;
      elapsed = Now() - began;
    }
    return elapsed / static_cast<double>(asked);
  }

  // Questions a second of so many threads together.
  double Throughput(const AllowedSet& caller, size_t threads) const {
    constexpr size_t kBatches = 4;
    const auto batches =
        std::max<size_t>(kBatches, static_cast<size_t>(kThreadRows / (1 + RowsOf(caller))));
    const auto began = std::chrono::steady_clock::now();
    std::vector<std::thread> running;
    for (size_t t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        for (size_t i = 0; i < batches; ++i) Together(caller, Questions(t + i, kThreadBatch));
      });
    }
    for (std::thread& thread : running) thread.join();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
    return static_cast<double>(threads * batches * kThreadBatch) / elapsed.count();
  }

 private:
  static constexpr uint64_t kThreadRows = 200'000;  // so that starting threads does not count

  const Options options_;
  Random random_;
  const Data data_;
  const VectorIndex index_;
  const std::vector<std::vector<float>> queries_;
  size_t answers_ = 0;  // so that no search is left out
};

std::string MeasureShared(const Options& options, double share, size_t batch, Bench& bench) {
  const AllowedSet caller = bench.Caller(share);
  bench.Check(caller, batch);
  std::vector<double> ratios, seconds;
  for (size_t round = 0; round < options.rounds; ++round) {
    double time[2];  // alone, shared
    for (size_t i = 0; i < 2; ++i) {
      const size_t m = (i + round) % 2;
      time[m] = bench.Time(caller, batch, m == 1);
    }
    ratios.push_back(time[0] / time[1]);
    seconds.push_back(time[1]);
  }
  const Estimate faster = EstimateOf(ratios);
  const double us = MedianOf(seconds) * 1e6;
  fmt::print(
      "{:>8} % {:>8} rows, batch of {:>2}: {:>9.1f} us a question, {:.2f} ({:.2f}-{:.2f}) "
      "times as many as one by one\n",
      share * 100, bench.RowsOf(caller), batch, us, faster.median, faster.low, faster.high);
  std::fflush(stdout);
  return fmt::format(R"({{"permitted":{},"rows":{},"batch":{},"us":{:.2f},"faster":{}}})", share,
                     bench.RowsOf(caller), batch, us, ToJson(faster));
}

std::string MeasureThreads(const Options& options, double share, size_t threads, Bench& bench) {
  const AllowedSet caller = bench.Caller(share);
  std::vector<double> ratios, rates;
  for (size_t round = 0; round < options.rounds; ++round) {
    const double one = bench.Throughput(caller, 1);
    rates.push_back(bench.Throughput(caller, threads));
    ratios.push_back(rates.back() / one);
  }
  const Estimate times = EstimateOf(ratios);
  fmt::print(
      "{:>8} % {:>8} rows, {} threads: {:.0f} questions/s, {:.2f} ({:.2f}-{:.2f}) times one "
      "thread\n",
      share * 100, bench.RowsOf(caller), threads, MedianOf(rates), times.median, times.low,
      times.high);
  std::fflush(stdout);
  return fmt::format(R"({{"permitted":{},"threads":{},"per_s":{:.1f},"times":{}}})", share, threads,
                     MedianOf(rates), ToJson(times));
}

void Run(const Options& options) {
  Bench bench(options);
  std::vector<std::string> shared, threads;
  for (const double share : options.permitted) {
    for (const size_t batch : {size_t{8}, size_t{32}}) {
      shared.push_back(MeasureShared(options, share, batch, bench));
    }
  }
  const size_t processors = std::thread::hardware_concurrency();
  for (const double share : options.permitted) {
    for (size_t n = 2; n <= processors; n *= 2) {
      threads.push_back(MeasureThreads(options, share, n, bench));
    }
  }
  if (options.out.empty()) return;
  auto file = fmt::output_file(options.out);
  file.print(R"({{"shared_scan":{{"rows":{},"dimension":{},"k":{},"rounds":{},)"
             R"("instruction_set":"{}","shared":[{}],"threads":[{}]}}}})"
             "\n",
             options.rows, options.dimension, options.k, options.rounds, InstructionSet(),
             fmt::join(shared, ",\n"), fmt::join(threads, ",\n"));
}

int Main(int argc, char** argv) {
  ChooseBlasCore();
  Options options;
  options.permitted = {0.01, 0.1, 1.0};
  CLI::App app("Questions that share a scan, beside the same one by one; and several threads");
  AddOptions(app, &options);
  CLI11_PARSE(app, argc, argv);
  if (options.quick) MakeQuick(&options, 3);
  Run(options);
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
