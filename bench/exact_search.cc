// Exact search over what a caller is permitted, beside its peers: one thread, one query at a time.
//
// What is measured, in rounds that are interleaved and rotated, callers taking turns:
//   cordon        VectorIndex::Search on an index built at a start (VectorIndexBuilder)
//   ingested      the same on an index that grew by writes of 64 documents (VectorIndex::Apply)
//   faiss_flat    FAISS IndexFlatIP with an IDSelectorBitmap; without a selector where all is
//                 permitted
//   sgemv         OpenBLAS cblas_sgemv over the permitted rows, gathered for this caller beforehand
//                 and not timed, in huge pages, then the k best of the scores
//   gather_sgemv  the same, and the gathering is timed
//   read          a sum over all vectors: the bandwidth that one thread gets from this memory
// Vectors are random directions, classes have Zipf sizes and are random over vectors; a query is a
// stored vector with noise. Every method ends with the ids, classes and scores of the k best; they
// are compared.
//   "GB/s" and what it is of the bandwidth count the vectors that a search covers, permitted rows x
// fp32 bytes, whatever it reads of them: Cordon reads a quarter (codes), and floats of few rows, so
// it may pass the bandwidth. What it reads is a figure of its own, "read".
#include <cblas.h>
#include <faiss/IndexFlat.h>
#include <faiss/impl/IDSelector.h>
#include <fmt/format.h>
#include <fmt/os.h>
#include <omp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "bench/exact_data.h"
#include "bench/read_memory.h"
#include "bench/statistics.h"
#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/index/blas_core.h"
#include "engine/index/float_rows.h"
#include "engine/index/kernels.h"
#include "engine/index/vector_index.h"

namespace cordon {
namespace {

VectorIndex Ingest(const Options& options, const Data& data) {
  constexpr size_t kBatch = 64;
  VectorIndex index(options.dimension, Metric::kCosine);
  for (size_t begin = 0; begin < options.rows; begin += kBatch) {
    const size_t end = std::min(begin + kBatch, options.rows);
    std::vector<DocumentChange> changes(end - begin);
    for (size_t row = begin; row < end; ++row) {
      changes[row - begin].document = data.ids[row];
      changes[row - begin].rows = {{0, data.class_of[row], data.vectors.row(row)}};
    }
    index = index.Apply(changes);
  }
  return index;
}

// One who may see some classes, in the form that each method likes best.
struct Caller {
  AllowedSet allowed;
  std::vector<size_t> rows;     // permitted, ascending
  std::vector<uint8_t> bitmap;  // by row, for FAISS
  FloatRows gathered;           // the permitted vectors, for sgemv
  std::vector<float> scores;    // of `rows`, scratch of sgemv
};

void Gather(const Data& data, std::span<const size_t> rows, size_t dimension, FloatRows& out) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const float* vector = data.vectors.row(rows[i]);
    std::copy(vector, vector + dimension, out.row(i));
  }
}

Caller MakeCaller(const Options& options, const Data& data, double share, Random& random) {
  Caller caller{{DrawClasses(options, data, share, random), 0}, {}, {}, {}, {}};
  caller.bitmap.resize((options.rows + 7) / 8);
  for (size_t row = 0; row < options.rows; ++row) {
    if (!caller.allowed.classes.Test(data.class_of[row])) continue;
    caller.rows.push_back(row);
    caller.bitmap[row / 8] |= static_cast<uint8_t>(1 << row % 8);
  }
  caller.gathered = FloatRows(caller.rows.size(), options.dimension);
  Gather(data, caller.rows, options.dimension, caller.gathered);
  caller.scores.resize(caller.rows.size());
  return caller;
}

std::vector<Hit> SearchIndex(const VectorIndex& index, const Caller& caller,
                             std::span<const float> query, size_t k) {
  auto hits = index.Search(caller.allowed, query, {.k = k});
  CORDON_CHECK(hits.ok());
  return *std::move(hits);
}

// The bytes of codes and vectors that a search reads, caches aside.
double BytesRead(const VectorIndex& index, const Caller& caller, std::span<const float> vector,
                 size_t k) {
  const PaddedQuery query(index.metric(), vector, Norm(vector.data(), vector.size()));
  Ranking ranking(query, index.segments(), k);
  ScannedQuery scanned(query, ranking);
  ScannedQuery* const alone[] = {&scanned};
  const std::function<bool()> never;
  CORDON_CHECK(Scan(alone, index.segments(), caller.allowed, never).Run().ok());
  ranking.Finish();
  return static_cast<double>(scanned.rows_read() * (query.stride() + sizeof(RowFacts)) +
                             ranking.rows_read() * query.stride() * sizeof(float));
}

// What a search is for: the ids of documents, not the numbers of rows.
Hit HitOf(const Data& data, size_t row, float score) {
  return {data.ids[row], 0, data.class_of[row], {score, score}};
}

std::vector<Hit> SearchFaiss(const faiss::IndexFlatIP& index, const Data& data, Caller& caller,
                             std::span<const float> query, size_t k) {
  faiss::IDSelectorBitmap selector(caller.bitmap.size(), caller.bitmap.data());
  faiss::SearchParameters parameters;
  parameters.sel = &selector;
  const bool all = caller.rows.size() == static_cast<size_t>(index.ntotal);
  std::vector<float> scores(k);
  std::vector<faiss::Index::idx_t> rows(k);
  index.search(1, query.data(), static_cast<faiss::Index::idx_t>(k), scores.data(), rows.data(),
               all ? nullptr : &parameters);
  std::vector<Hit> hits;
  hits.reserve(k);
  for (size_t i = 0; i < k && rows[i] >= 0; ++i) {
    hits.push_back(HitOf(data, static_cast<size_t>(rows[i]), scores[i]));
  }
  return hits;
}

// The scores of the permitted rows, then the k best of them.
std::vector<Hit> SearchSgemv(const Data& data, Caller& caller, const FloatRows& gathered,
                             std::span<const float> query, size_t k) {
  const size_t n = caller.rows.size();
  cblas_sgemv(CblasRowMajor, CblasNoTrans, static_cast<blasint>(n),
              static_cast<blasint>(query.size()), 1.0f, gathered.row(0),
              static_cast<blasint>(gathered.stride()), query.data(), 1, 0.0f, caller.scores.data(),
              1);
  struct Scored {
    float score;
    size_t i;
  };
  const auto better = [](const Scored& a, const Scored& b) { return a.score > b.score; };
  // A heap of the k best, the worst of them on top: few rows get into it.
  std::vector<Scored> best;
  best.reserve(k + 1);
  for (size_t i = 0; i < n; ++i) {
    const float score = caller.scores[i];
    if (best.size() == k && score <= best.front().score) continue;
    best.push_back({score, i});
    std::push_heap(best.begin(), best.end(), better);
    if (best.size() <= k) continue;
    std::pop_heap(best.begin(), best.end(), better);
    best.pop_back();
  }
  std::sort_heap(best.begin(), best.end(), better);
  std::vector<Hit> hits;
  hits.reserve(best.size());
  for (const Scored& scored : best) {
    hits.push_back(HitOf(data, caller.rows[scored.i], scored.score));
  }
  return hits;
}

// One way to do it; without `search` it is the plain reading.
struct Method {
  std::string name;
  std::function<std::vector<Hit>(Caller&, std::span<const float>)> search;
};

// Fails if scores at a rank differ beyond the rounding of floats: rows may trade places within it.
void CheckAgree(const Method& method, const std::vector<Hit>& exact,
                const std::vector<Hit>& answers) {
  constexpr double kRounding = 1e-5;
  CORDON_CHECK(answers.size() == exact.size());
  for (size_t i = 0; i < exact.size(); ++i) {
    if (std::abs(answers[i].score.low - exact[i].score.low) <= kRounding) continue;
    fmt::print(stderr, "{} differs at rank {}: {} instead of {}\n", method.name, i,
               answers[i].score.low, exact[i].score.low);
    std::abort();
  }
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        random_(options.seed + 1),
        data_(MakeData(options)),
        built_(BuildIndex(options, data_)),
        ingested_(Ingest(options, data_)),
        faiss_(static_cast<faiss::Index::idx_t>(options.dimension)),
        scratch_(options.rows, options.dimension) {
    std::vector<float> packed;
    for (size_t row = 0; row < options.rows; ++row) {
      const float* vector = data_.vectors.row(row);
      packed.insert(packed.end(), vector, vector + options.dimension);
    }
    faiss_.add(static_cast<faiss::Index::idx_t>(options.rows), packed.data());
    const size_t k = options.k;
    methods_ = {
        {"cordon", [=, this](Caller& c, auto query) { return SearchIndex(built_, c, query, k); }},
        {"ingested",
         [=, this](Caller& c, auto query) { return SearchIndex(ingested_, c, query, k); }},
        {"faiss_flat",
         [=, this](Caller& c, auto query) { return SearchFaiss(faiss_, data_, c, query, k); }},
        {"sgemv",
         [=, this](Caller& c, auto query) { return SearchSgemv(data_, c, c.gathered, query, k); }},
        {"gather_sgemv",
         [=, this](Caller& c, auto query) {
           Gather(data_, c.rows, options_.dimension, scratch_);
           return SearchSgemv(data_, c, scratch_, query, k);
         }},
        {"read", nullptr},
    };
    for (size_t i = 0; i < kQueries; ++i) queries_.push_back(MakeQuery());
  }

  // Seconds of one query by method and round; of one reading for "read".
  struct Cell {
    double share;
    double rows;  // permitted, mean over the callers
    double read;  // bytes of one of Cordon's searches, mean likewise
    std::vector<std::vector<double>> seconds;
  };

  Cell Measure(double share) {
    std::vector<Caller> callers;
    for (size_t i = 0; i < options_.callers; ++i) {
      callers.push_back(MakeCaller(options_, data_, share, random_));
    }
    Check(callers);
    const bool terminal = isatty(STDERR_FILENO) != 0;
    Cell cell{share, 0, 0, std::vector<std::vector<double>>(methods_.size())};
    for (size_t i = 0; i < callers.size(); ++i) {
      cell.rows += static_cast<double>(callers[i].rows.size());
      cell.read += BytesRead(built_, callers[i], queries_[i], options_.k);
    }
    cell.rows /= static_cast<double>(callers.size());
    cell.read /= static_cast<double>(callers.size());
    for (size_t round = 0; round < options_.rounds; ++round) {
      for (size_t i = 0; i < methods_.size(); ++i) {
        const size_t m = (i + round) % methods_.size();
        cell.seconds[m].push_back(methods_[m].search ? TimeOf(methods_[m], callers) : TimeOfRead());
      }
      if (terminal) {
        fmt::print(stderr, "\r{:7.2f} % permitted, round {}/{} ", share * 100, round + 1,
                   options_.rounds);
      }
    }
    if (terminal) fmt::print(stderr, "\r");
    fmt::print(stderr, "{:7.2f} % permitted, {} rounds done\n", share * 100, options_.rounds);
    return cell;
  }

  const std::vector<Method>& methods() const { return methods_; }
  double Bytes(double rows) const {
    return rows * static_cast<double>(options_.dimension * sizeof(float));
  }

 private:
  static constexpr size_t kQueries = 64;

  std::vector<float> MakeQuery() {
    std::vector<float> query(options_.dimension);
    FillDirection(random_, options_.dimension, query.data());
    const float* near = data_.vectors.row(random_.Below(options_.rows));
    double square = 0;
    for (size_t i = 0; i < query.size(); ++i) {
      query[i] += near[i];
      square += double{query[i]} * double{query[i]};
    }
    for (float& x : query) x *= static_cast<float>(1 / std::sqrt(square));
    return query;
  }

  void Check(std::vector<Caller>& callers) {
    for (size_t i = 0; i < callers.size(); ++i) {
      const auto exact = methods_[0].search(callers[i], queries_[i]);
      for (const Method& method : methods_) {
        if (method.search) CheckAgree(method, exact, method.search(callers[i], queries_[i]));
      }
    }
  }

  // Every caller takes its turn, as often as fits into the time.
  double TimeOf(const Method& method, std::vector<Caller>& callers) {
    size_t searches = 0;
    const double began = Now();
    double elapsed = 0;
    while (elapsed < options_.seconds || searches < callers.size()) {
      for (Caller& caller : callers) {
        answers_ += method.search(caller, queries_[searches++ % kQueries]).size();
      }
      elapsed = Now() - began;
    }
    return elapsed / static_cast<double>(searches);
  }

  double TimeOfRead() {
    const double began = Now();
    answers_ += ReadSum(reinterpret_cast<const uint32_t*>(data_.vectors.row(0)),
                        options_.rows * data_.vectors.stride());
    return Now() - began;
  }

  const Options options_;
  Random random_;
  const Data data_;
  const VectorIndex built_;
  const VectorIndex ingested_;
  faiss::IndexFlatIP faiss_;
  FloatRows scratch_;
  std::vector<Method> methods_;
  std::vector<std::vector<float>> queries_;
  size_t answers_ = 0;  // so that no search is left out
};

std::vector<double> Divide(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return ratios;
}

// One cell as JSON, and as a line of the table.
class Report {
 public:
  explicit Report(const Bench& bench) : bench_(bench) {
    fmt::print("{:>10} {:>7} {:>10} {:>7} {:>9} {:>9} {:>6}", "permitted", "rows", "us", "GB/s",
               "memory", "ingested", "read");
    for (size_t m = kPeers; m + 1 < bench.methods().size(); ++m) {
      fmt::print(" {:>29}", bench.methods()[m].name + " us (slower by)");
    }
    fmt::print("\n");
  }

  void Add(const Bench::Cell& cell) {
    const auto& seconds = cell.seconds;
    const std::vector<double>& ours = seconds[0];
    const std::vector<double>& read = seconds.back();
    reads_.insert(reads_.end(), read.begin(), read.end());
    const double bytes = bench_.Bytes(cell.rows);
    std::string json = fmt::format(R"({{"permitted":{},"rows":{:.0f},"read_bytes":{:.0f},)",
                                   cell.share, cell.rows, cell.read);
    json += Figures(cell, 0);
    json += fmt::format(R"(,"ingested":{{{}}},"peers":{{)", Figures(cell, 1));
    std::string peers;
    for (size_t m = kPeers; m + 1 < seconds.size(); ++m) {
      const Estimate ratio = EstimateOf(Divide(seconds[m], ours));
      peers += fmt::format(R"({}"{}":{{{},"ratio":{}}})", peers.empty() ? "" : ",",
                           bench_.methods()[m].name, Figures(cell, m), ToJson(ratio));
    }
    cells_.push_back(json + peers + "}}");
    const double us = MedianOf(ours);
    fmt::print("{:>8} % {:>7.0f} {:>10.2f} {:>7.1f} {:>7.0f} % {:>7.0f} % {:>4.0f} %",
               cell.share * 100, cell.rows, us * 1e6, bytes / us / 1e9,
               OfMemory(cell, 0).median * 100, OfMemory(cell, 1).median * 100,
               cell.read / bytes * 100);
    for (size_t m = kPeers; m + 1 < seconds.size(); ++m) {
      const Estimate ratio = EstimateOf(Divide(seconds[m], ours));
      fmt::print(" {:>10.1f} {:5.2f} ({:5.2f}-{:5.2f})", MedianOf(seconds[m]) * 1e6, ratio.median,
                 ratio.low, ratio.high);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }

  std::string Json(const Options& options) const {
    return fmt::format(
        R"({{"bandwidth_gb_s":{:.2f},"rows":{},"dimension":{},"classes":{},"k":{},"rounds":{},)"
        R"("callers":{},"instruction_set":"{}","exact":[{}]}})",
        Bandwidth(), options.rows, options.dimension, options.classes, options.k, options.rounds,
        options.callers, InstructionSet(), fmt::join(cells_, ",\n"));
  }

  double Bandwidth() const {
    return bench_.Bytes(static_cast<double>(rows_all_)) / MedianOf(reads_) / 1e9;
  }
  void SetRows(size_t rows) { rows_all_ = rows; }

 private:
  static constexpr size_t kPeers = 2;  // methods from here on, but the last

  // Of the bandwidth that was measured in the same round.
  Estimate OfMemory(const Bench::Cell& cell, size_t method) const {
    std::vector<double> ratios = Divide(cell.seconds.back(), cell.seconds[method]);
    for (double& ratio : ratios) ratio *= cell.rows / static_cast<double>(rows_all_);
    return EstimateOf(ratios);
  }

  std::string Figures(const Bench::Cell& cell, size_t method) const {
    const Estimate time = EstimateOf(cell.seconds[method]);
    const Estimate of_memory = OfMemory(cell, method);
    return fmt::format(R"("gb_s":{:.3f},"qps":{:.2f},"us":{},"bandwidth_ratio":{:.3f},)"
                       R"("bandwidth_ratio_low":{:.3f},"bandwidth_ratio_high":{:.3f})",
                       bench_.Bytes(cell.rows) / time.median / 1e9, 1 / time.median,
                       ToJson(time, 1e6), of_memory.median, of_memory.low, of_memory.high);
  }

  const Bench& bench_;
  size_t rows_all_ = 0;
  std::vector<double> reads_;
  std::vector<std::string> cells_;
};

void Run(const Options& options) {
  omp_set_num_threads(1);
  openblas_set_num_threads(1);
  fmt::print(stderr, "making {} x {} vectors and their indexes\n", options.rows, options.dimension);
  Bench bench(options);
  Report report(bench);
  report.SetRows(options.rows);
  for (const double share : options.permitted) report.Add(bench.Measure(share));
  fmt::print(
      "\nread bandwidth {:.1f} GB/s, one thread; kernels: {}; times and ratios are medians "
      "of {} rounds\nGB/s and memory (the part of the bandwidth) count the vectors that a search "
      "covers;\nread is what it reads of their bytes\n",
      report.Bandwidth(), InstructionSet(), options.rounds);
  if (options.out.empty()) return;
  auto file = fmt::output_file(options.out);
  file.print("{}\n", report.Json(options));
}

int Main(int argc, char** argv) {
  ChooseBlasCore();
  Options options;
  CLI::App app("Exact search beside FAISS flat, OpenBLAS sgemv and the bandwidth of memory");
  AddOptions(app, &options);
  app.add_option("--callers", options.callers)->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  if (options.quick) MakeQuick(&options, 10);
  Run(options);
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
