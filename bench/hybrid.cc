// What a hybrid question costs beside its parts, for callers who may see 1 % to all of the texts:
// whole Retrieve calls in one process, guard included, the processor time of the calling thread,
// which does all but the journal's writing; the journal is buffered. In each round every caller
// asks each question by all three rankings, each first in its turn, once the lists are trained and
// one round that does not count is over. A round has one p50 for each ranking; printed are medians
// of rounds, and the ratio of p50s within a round. All ask for k answers; the hybrid one fuses the
// best 50 of each ranking, as it does by default.
//
//   hybrid [--rows N] [--rounds N] [--quick] [--out FILE]
#include <fmt/format.h>
#include <fmt/os.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "bench/dev_engine.h"
#include "bench/exact_data.h"
#include "bench/read_memory.h"
#include "bench/statistics.h"
#include "bench/text_data.h"
#include "engine/index/blas_core.h"

namespace cordon {
namespace {

constexpr size_t kDimension = 256;
constexpr size_t kBatch = 500;
constexpr v1::Rank kRanks[] = {v1::RANK_VECTOR, v1::RANK_LEXICAL, v1::RANK_HYBRID};

// Who may see a part of the texts.
struct Reader {
  std::string name;
  double share;
  Bitmap classes;
  size_t rows = 0;
};

// A store with a collection of random texts and vectors, each with the list of its class.
class Store {
 public:
  Store(const TextOptions& options, const std::string& folder)
      : data_(MakeTexts(options)), random_(options.seed), engine_(folder) {
    for (const double share : options.permitted) {
      Reader& reader = readers_.emplace_back();
      reader = {fmt::format("user:reader{}", readers_.size()), share,
                DrawClasses(data_, share, &random_), 0};
      for (const uint32_t c : data_.class_of) reader.rows += reader.classes.Test(c) ? 1 : 0;
    }
    engine_.MakeCollection("docs", kDimension, "none");
    Fill(options.rows);
  }

  // `vector` has kDimension numbers.
  v1::RetrieveRequest Question(const Reader& reader, size_t query, std::span<const float> vector,
                               v1::Rank rank, size_t k) const {
    v1::RetrieveRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_as(reader.name);
    request.set_k(static_cast<uint32_t>(k));
    request.set_rank(rank);
    if (rank != v1::RANK_VECTOR) request.set_text(data_.queries[query]);
    if (rank != v1::RANK_LEXICAL) request.mutable_vector()->Assign(vector.begin(), vector.end());
    return request;
  }

  std::vector<float> Vector() {
    std::vector<float> vector(kDimension);
    FillDirection(random_, kDimension, vector.data());
    return vector;
  }

  v1::RetrieveResponse Ask(const v1::RetrieveRequest& request) { return engine_.Ask(request); }

  const std::vector<Reader>& readers() const { return readers_; }

 private:
  // Who may see a class, and one more who sees no other, so that no two lists are the same.
  v1::Acl ListOf(uint32_t class_id) const {
    v1::Acl acl;
    acl.add_allow()->set_principal(fmt::format("user:of{}", class_id));
    for (const Reader& reader : readers_) {
      if (reader.classes.Test(class_id)) acl.add_allow()->set_principal(reader.name);
    }
    return acl;
  }

  void Fill(size_t rows) {
    for (size_t from = 0; from < rows; from += kBatch) {
      v1::IngestRequest batch;
      batch.set_collection("docs");
      for (size_t row = from; row < std::min(rows, from + kBatch); ++row) {
        v1::Document* document = batch.add_documents();
        document->set_id(fmt::format("d{:07}", row));
        *document->mutable_acl() = ListOf(data_.class_of[row]);
        document->add_chunks()->set_text(data_.texts[row]);
        const std::vector<float> vector = Vector();
        document->mutable_chunks(0)->mutable_embedding()->Assign(vector.begin(), vector.end());
      }
      engine_.Ingest(batch);
    }
  }

  const TextData data_;
  Random random_;
  std::vector<Reader> readers_;
  bench::DevEngine engine_;
};

// Of one reader: the p50 of each ranking and what the hybrid one is of the others' sum, by round.
struct Measured {
  std::vector<double> us[3], of_sum;
};

// Asks all questions once.
void AskAll(const TextOptions& options, size_t round, const Reader& reader, Store* store,
            Measured* measured) {
  std::vector<double> us[3];
  for (size_t query = 0; query < options.queries; ++query) {
    const std::vector<float> vector = store->Vector();
    for (size_t turn = 0; turn < 3; ++turn) {
      const size_t r = (round + query + turn) % 3;
      const auto request = store->Question(reader, query, vector, kRanks[r], options.k);
      const double start = Now();
      store->Ask(request);
      us[r].push_back((Now() - start) * 1e6);
    }
  }
  for (size_t r = 0; r < 3; ++r) measured->us[r].push_back(MedianOf(us[r]));
  const auto& now = measured->us;
  measured->of_sum.push_back(now[2].back() / (now[0].back() + now[1].back()));
}

// One line of the table and of the report.
std::string Print(const Reader& reader, const Measured& measured) {
  const double vector = MedianOf(measured.us[0]), lexical = MedianOf(measured.us[1]),
               hybrid = MedianOf(measured.us[2]);
  const Estimate of_sum = EstimateOf(measured.of_sum);
  fmt::print("{:>8} % {:>8} {:>8.0f} {:>8.0f} {:>8.0f}   {:.2f} ({:.2f}-{:.2f})\n",
             reader.share * 100, reader.rows, vector, lexical, hybrid, of_sum.median, of_sum.low,
             of_sum.high);
  return fmt::format(
      R"({{"permitted":{},"rows":{},"vector_us":{:.1f},"lexical_us":{:.1f},"hybrid_us":{:.1f},)"
      R"("of_sum":{}}})",
      reader.share, reader.rows, vector, lexical, hybrid, ToJson(of_sum));
}

std::vector<std::string> MeasureAll(const TextOptions& options, Store* store) {
  const auto& readers = store->readers();
  std::vector<Measured> measured(readers.size());
  for (size_t round = 0; round <= options.rounds; ++round) {
    if (round == 1) measured.assign(readers.size(), {});  // until now it was to warm up
    for (size_t i = 0; i < readers.size(); ++i) {
      AskAll(options, round, readers[i], store, &measured[i]);
    }
  }
  fmt::print(
      "permitted      rows, then p50 us: vector, lexical, hybrid; of the sum of its parts\n");
  std::vector<std::string> cells;
  for (size_t i = 0; i < readers.size(); ++i) cells.push_back(Print(readers[i], measured[i]));
  return cells;
}

int Main(int argc, char** argv) {
  ChooseBlasCore();
  TextOptions options;
  options.rows = 20'000;
  options.classes = 200;
  options.rounds = 7;
  options.permitted = {0.01, 0.1, 0.5, 1.0};
  std::string out;
  CLI::App app("A hybrid question beside its parts");
  app.add_option("--rows", options.rows)->check(CLI::Range(1000, 1'000'000));
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 10'000));
  app.add_flag("--quick", options.quick, "2,000 texts and few rounds: to see that it works");
  app.add_option("--out", out, "writes the figures to this JSON file");
  CLI11_PARSE(app, argc, argv);
  if (options.quick) {
    options.rows = 2'000;
    options.rounds = 3;
  }
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("hybrid.{}", getpid());
  std::vector<std::string> cells;
  {
    const auto start = std::chrono::steady_clock::now();
    Store store(options, folder.string());
    fmt::print(
        stderr, "{} texts written in {} s\n", options.rows,
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start)
            .count());
    bench::AwaitRest();
    cells = MeasureAll(options, &store);
  }
  std::filesystem::remove_all(folder);
  if (out.empty()) return 0;
  auto file = fmt::output_file(out);
  file.print("{{\"hybrid\":[{}]}}\n", fmt::join(cells, ",\n"));
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
