// What a hybrid question costs beside its parts: whole Retrieve calls in one process, guard
// included, the processor time of the calling thread, which does all but the journal's writing; the
// journal is buffered. The three rankings are asked the same question, each first in its turn, once
// the lists are trained. Prints medians over all questions of all rounds. All ask for k answers;
// the hybrid one fuses the best 50 of each ranking, as it does by default.
//
//   hybrid [--rows N] [--quick] [--out FILE]
#include <fmt/format.h>
#include <fmt/os.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "bench/bench_engine.h"
#include "bench/exact_data.h"
#include "bench/read_memory.h"
#include "bench/statistics.h"
#include "bench/text_data.h"
#include "engine/engine.h"
#include "engine/identity/api_key.h"
#include "engine/retrieve/retrieve.h"

namespace cordon {
namespace {

using bench::Done;

constexpr size_t kDimension = 256;
constexpr size_t kBatch = 500;

// A store with a collection of random texts and vectors that everybody may see.
class Store {
 public:
  Store(const TextOptions& options, const std::string& folder)
      : data_(MakeTexts(options)), random_(options.seed) {
    const auto key = MakeDevKey("default");
    CORDON_CHECK(key.ok());
    const DataPaths paths{folder, "", ""};
    CORDON_CHECK(CreateStore(paths, {"default.first", "default.first.none", "none"}, true).ok());
    Engine::Options opened;
    opened.paths = paths;
    opened.read_durability = Durability::kBuffered;
    auto engine = Engine::Open(std::move(opened));
    CORDON_CHECK(engine.ok());
    engine_ = *std::move(engine);
    const Authenticator authenticator([](auto, auto) { return std::nullopt; }, key->bearer);
    auto caller = authenticator.Authenticate("Bearer " + key->bearer);
    CORDON_CHECK(caller.ok());
    caller_.emplace(*std::move(caller));
    Fill(options.rows);
  }

  // `vector` has kDimension numbers.
  v1::RetrieveRequest Question(size_t query, std::span<const float> vector, v1::Rank rank,
                               size_t k) const {
    v1::RetrieveRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_as("user:ana");
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

  v1::RetrieveResponse Ask(const v1::RetrieveRequest& request) {
    return Done<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(engine_->ReadAs(*caller_, {}), request, done); });
  }

 private:
  void Fill(size_t rows) {
    v1::CreateCollectionRequest create;
    create.mutable_config()->set_name("docs");
    create.mutable_config()->set_dimension(kDimension);
    create.mutable_config()->set_metric(v1::METRIC_COSINE);
    create.mutable_config()->set_embedder(v1::EMBEDDER_NONE);
    create.mutable_config()->set_language("none");
    create.mutable_config()->mutable_default_label()->set_level("public");
    create.mutable_config()->mutable_default_acl()->add_allow()->set_principal("everyone");
    Done<v1::CreateCollectionResponse>(
        [&](auto done) { CreateCollection(engine_->WriteAs(*caller_), create, done); });
    for (size_t from = 0; from < rows; from += kBatch) {
      v1::IngestRequest batch;
      batch.set_collection("docs");
      for (size_t row = from; row < std::min(rows, from + kBatch); ++row) {
        v1::Document* document = batch.add_documents();
        document->set_id(fmt::format("d{:07}", row));
        document->add_chunks()->set_text(data_.texts[row]);
        const std::vector<float> vector = Vector();
        document->mutable_chunks(0)->mutable_embedding()->Assign(vector.begin(), vector.end());
      }
      Done<IngestedBatch>(
          [&](auto done) { IngestDocuments(engine_->WriteAs(*caller_), batch, done); });
    }
  }

  const TextData data_;
  Random random_;
  std::unique_ptr<Engine> engine_;
  std::optional<Authenticated> caller_;
};

// Microseconds of every question by vector, by text and by both.
void Measure(const TextOptions& options, Store* store, std::vector<double> (&us)[3]) {
  constexpr v1::Rank kRanks[] = {v1::RANK_VECTOR, v1::RANK_LEXICAL, v1::RANK_HYBRID};
  for (size_t round = 0; round < options.rounds; ++round) {
    for (size_t query = 0; query < options.queries; ++query) {
      const std::vector<float> vector = store->Vector();
      for (size_t turn = 0; turn < 3; ++turn) {
        const size_t r = (round + query + turn) % 3;
        const auto request = store->Question(query, vector, kRanks[r], options.k);
        const double start = Now();
        store->Ask(request);
        us[r].push_back((Now() - start) * 1e6);
      }
    }
  }
}

int Main(int argc, char** argv) {
  TextOptions options;
  options.rows = 20'000;
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
  std::vector<double> us[3];
  {
    Store store(options, folder.string());
    bench::AwaitRest();
    Measure(options, &store, us);
  }
  std::filesystem::remove_all(folder);
  const double vector = MedianOf(us[0]), lexical = MedianOf(us[1]), hybrid = MedianOf(us[2]);
  fmt::print("{} texts, p50 us: vector {:.0f}, lexical {:.0f}, hybrid {:.0f}: {:.2f} of the sum\n",
             options.rows, vector, lexical, hybrid, hybrid / (vector + lexical));
  if (out.empty()) return 0;
  auto file = fmt::output_file(out);
  file.print(R"({{"hybrid":{{"rows":{},"vector_us":{:.1f},"lexical_us":{:.1f},"hybrid_us":{:.1f},)"
             R"("of_sum":{:.3f}}}}})",
             options.rows, vector, lexical, hybrid, hybrid / (vector + lexical));
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
