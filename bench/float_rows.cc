// Where the floats of the last candidates of a search come from, and what that costs: from memory,
// as searches read them; from a mapped file, in the clear or sealed row by row; and from the store,
// as the guard reads them: RocksDB, decrypted, parsed, with their text.
//
// Each reading takes the floats of `answers` rows, drawn anew, and scores them. Everything is warm:
// in the page cache, or in RocksDB's. The processor time of one thread, in rounds that are
// interleaved.
//
//   float_rows [--rows N] [--dim N] [--answers N] [--text BYTES] [--quick] [--out FILE]
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/os.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/bench_engine.h"
#include "bench/exact_data.h"
#include "bench/read_memory.h"
#include "bench/statistics.h"
#include "engine/crypto/aead.h"
#include "engine/engine.h"
#include "engine/identity/api_key.h"
#include "engine/index/score.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;
using bench::Done;

struct FloatOptions {
  size_t rows = 100'000;
  size_t dimension = 768;
  size_t answers = 12;
  size_t text = 1'000;
  size_t readings = 400;  // in one round
  size_t rounds = 11;
};

// A file that is mapped.
class MappedFile {
 public:
  MappedFile(const fs::path& path, const std::string& bytes) : size_(bytes.size()) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    CORDON_CHECK(file >= 0);
    for (size_t at = 0; at < size_;) {
      const ssize_t n = ::write(file, bytes.data() + at, size_ - at);
      CORDON_CHECK(n > 0);
      at += static_cast<size_t>(n);
    }
    memory_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file, 0);
    CORDON_CHECK(memory_ != MAP_FAILED);
    ::close(file);
    CORDON_CHECK(::madvise(memory_, size_, MADV_RANDOM) == 0);
  }
  ~MappedFile() { ::munmap(memory_, size_); }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return static_cast<const char*>(memory_); }

 private:
  size_t size_;
  void* memory_;
};

// The same rows in every place.
class Places {
 public:
  Places(const FloatOptions& options, const fs::path& folder)
      : options_(options), vectors_(options.rows, options.dimension), random_(1) {
    for (size_t row = 0; row < options.rows; ++row) {
      FillDirection(random_, options.dimension, vectors_.row(row));
    }
    WriteFiles(folder);
    Fill(folder / "data");
    bench::AwaitRest();
    const ReadContext context = engine_->ReadAs(*caller_, {});
    view_ = context.tenant->publisher.Pin(context.clock);
    const auto& [collection, index] = *view_->indexes().begin();
    collection_ = collection;
    for (size_t row = 0; row < options.rows; ++row) {
      ids_.push_back(IdOf(row));
      const auto number = index.documents.Find(ids_.back());
      CORDON_CHECK(number.has_value());
      stored_.push_back(index.documents.stored(*number).value());
    }
  }

  using Read = std::function<double(std::span<const size_t> rows, const float* query)>;
  std::vector<std::pair<std::string, Read>> Methods() {
    return {{"memory", [this](auto rows, auto query) { return FromMemory(rows, query); }},
            {"mapped", [this](auto rows, auto query) { return FromFile(rows, query); }},
            {"mapped, sealed", [this](auto rows, auto query) { return FromSealed(rows, query); }},
            {"store", [this](auto rows, auto query) { return FromStore(rows, query); }},
            {"store, with documents", [this](auto rows, auto query) {
               ReadDocuments(rows);
               return FromStore(rows, query);
             }}};
  }

 private:
  static std::string IdOf(size_t row) { return fmt::format("d{:07}", row); }
  size_t row_bytes() const { return options_.dimension * sizeof(float); }
  static std::string PlaceOf(size_t row) { return fmt::format("row {}", row); }

  void WriteFiles(const fs::path& folder) {
    std::string plain, sealed;
    SealNonce nonce = *RandomSealNonce();
    for (size_t row = 0; row < options_.rows; ++row) {
      const std::string_view bytes(reinterpret_cast<const char*>(vectors_.row(row)), row_bytes());
      plain += bytes;
      SealText(key_, nonce, PlaceOf(row), bytes, &sealed);
      nonce = NonceAfter(nonce, 1);
    }
    plain_.emplace(folder / "plain", plain);
    sealed_.emplace(folder / "sealed", sealed);
  }

  void Fill(const fs::path& folder) {
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
    v1::CreateCollectionRequest create;
    create.mutable_config()->set_name("docs");
    create.mutable_config()->set_dimension(static_cast<uint32_t>(options_.dimension));
    create.mutable_config()->set_metric(v1::METRIC_COSINE);
    create.mutable_config()->set_embedder(v1::EMBEDDER_NONE);
    create.mutable_config()->set_language("none");
    create.mutable_config()->mutable_default_label()->set_level("public");
    Done<v1::CreateCollectionResponse>(
        [&](auto done) { CreateCollection(engine_->WriteAs(*caller_), create, done); });
    constexpr size_t kBatch = 500;
    for (size_t from = 0; from < options_.rows; from += kBatch) {
      Ingest(from, std::min(options_.rows, from + kBatch));
    }
  }

  void Ingest(size_t from, size_t end) {
    v1::IngestRequest batch;
    batch.set_collection("docs");
    for (size_t row = from; row < end; ++row) {
      v1::Document* const document = batch.add_documents();
      document->set_id(IdOf(row));
      document->mutable_acl()->add_allow()->set_principal("everyone");
      v1::Chunk* const chunk = document->add_chunks();
      while (chunk->text().size() < options_.text) {
        *chunk->mutable_text() += fmt::format("{:x} ", random_.Next());
      }
      chunk->mutable_embedding()->Assign(vectors_.row(row), vectors_.row(row) + options_.dimension);
    }
    Done<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(*caller_), batch, done); });
  }

  double ScoreOf(const float* query, const float* row) const {
    return Score(Metric::kCosine, query, row, options_.dimension);
  }

  double FromMemory(std::span<const size_t> rows, const float* query) const {
    double sum = 0;
    for (const size_t row : rows) sum += ScoreOf(query, vectors_.row(row));
    return sum;
  }

  double FromFile(std::span<const size_t> rows, const float* query) const {
    double sum = 0;
    for (const size_t row : rows) {
      // A row begins where a float does.
      sum += ScoreOf(query, reinterpret_cast<const float*>(plain_->data() + row * row_bytes()));
    }
    return sum;
  }

  double FromSealed(std::span<const size_t> rows, const float* query) {
    const size_t bytes = row_bytes() + kSealOverhead;
    double sum = 0;
    for (const size_t row : rows) {
      CORDON_CHECK(
          OpenSealed(key_, PlaceOf(row), {sealed_->data() + row * bytes, bytes}, &opened_));
      sum += ScoreOfBytes(query, opened_);
    }
    return sum;
  }

  double FromStore(std::span<const size_t> rows, const float* query) {
    std::vector<Documents::ChunkPlace> places;
    for (const size_t row : rows) places.push_back({stored_[row], 0});
    double sum = 0;
    const Status read = view_->documents().ReadChunks(
        collection_, places, [&](size_t, const store::v1::ChunkRecord* record) {
          CORDON_CHECK(record != nullptr);
          sum += ScoreOfBytes(query, record->embedding());
          return OkStatus();
        });
    CORDON_CHECK(read.ok());
    return sum;
  }

  void ReadDocuments(std::span<const size_t> rows) {
    std::vector<std::string_view> ids;
    for (const size_t row : rows) ids.push_back(ids_[row]);
    size_t found = 0;
    const Status read = view_->documents().ReadMany(collection_, ids,
                                                    [&](size_t, const store::v1::DocumentRecord&) {
                                                      ++found;
                                                      return OkStatus();
                                                    });
    CORDON_CHECK(read.ok() && found == rows.size());
  }

  double ScoreOfBytes(const float* query, std::string_view bytes) {
    CORDON_CHECK(bytes.size() == row_bytes());
    floats_.resize(options_.dimension);
    std::memcpy(floats_.data(), bytes.data(), bytes.size());
    return ScoreOf(query, floats_.data());
  }

  const FloatOptions options_;
  FloatRows vectors_;
  Random random_;
  const SecretKey key_ = *SecretKey::Generate();
  std::optional<MappedFile> plain_, sealed_;
  std::unique_ptr<Engine> engine_;
  std::optional<Authenticated> caller_;
  PinnedView view_;
  uint32_t collection_ = 0;
  std::vector<std::string> ids_;
  std::vector<uint64_t> stored_;  // by row
  std::string opened_;
  std::vector<float> floats_;
};

// Prints a line for each place; the same as JSON.
std::string Measure(const FloatOptions& options, Places* places) {
  const auto methods = places->Methods();
  std::vector<std::vector<double>> us(methods.size());
  std::vector<float> asked(options.dimension);
  Random random(2);
  for (size_t round = 0; round <= options.rounds; ++round) {
    std::vector<double> sums(methods.size());
    const uint64_t seed = random.Next();
    for (size_t turn = 0; turn < methods.size(); ++turn) {
      const size_t m = (turn + round) % methods.size();
      Random draws(seed);  // the same rows for each
      FillDirection(draws, options.dimension, asked.data());
      double took = 0;
      for (size_t i = 0; i < options.readings; ++i) {
        std::vector<size_t> rows(options.answers);
        for (size_t& row : rows) row = draws.Below(options.rows);
        const double start = Now();
        sums[m] += methods[m].second(rows, asked.data());
        took += Now() - start;
      }
      if (round > 0) us[m].push_back(took * 1e6 / static_cast<double>(options.readings));
    }
    for (const double sum : sums) CORDON_CHECK(sum == sums[0]);
  }
  fmt::print("{} rows of {} dimensions, {} read at once: us a reading, times that of memory\n",
             options.rows, options.dimension, options.answers);
  std::vector<std::string> cells;
  for (size_t m = 0; m < methods.size(); ++m) {
    std::vector<double> times;
    for (size_t r = 0; r < us[m].size(); ++r) times.push_back(us[m][r] / us[0][r]);
    const Estimate time = EstimateOf(us[m]), ratio = EstimateOf(times);
    fmt::print("| {:<21} | {:>8.2f} ({:.2f}-{:.2f}) | {:.1f} |\n", methods[m].first, time.median,
               time.low, time.high, ratio.median);
    cells.push_back(fmt::format(R"({{"from":"{}","us":{},"of_memory":{}}})", methods[m].first,
                                ToJson(time), ToJson(ratio)));
  }
  return fmt::format("[{}]", fmt::join(cells, ","));
}

int Main(int argc, char** argv) {
  FloatOptions options;
  bool quick = false;
  std::string out;
  CLI::App app("Floats of a search's last candidates: from memory, a mapped file, the store");
  app.add_option("--rows", options.rows)->check(CLI::Range(1'000, 10'000'000));
  app.add_option("--dim", options.dimension)->check(CLI::Range(16, 4096));
  app.add_option("--answers", options.answers, "rows read at once")->check(CLI::Range(1, 1'000));
  app.add_option("--text", options.text, "bytes of a chunk's text")->check(CLI::Range(1, 100'000));
  app.add_option("--readings", options.readings, "in one round")->check(CLI::Range(1, 1'000'000));
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1'000));
  app.add_flag("--quick", quick, "5,000 rows and few rounds: to see that it works");
  app.add_option("--out", out, "writes the figures to this JSON file");
  CLI11_PARSE(app, argc, argv);
  if (quick) {
    options.rows = 5'000;
    options.rounds = 3;
    options.readings = 50;
  }
  const fs::path folder = fs::temp_directory_path() / fmt::format("float_rows.{}", getpid());
  fs::create_directories(folder);
  std::string cells;
  {
    Places places(options, folder);
    cells = Measure(options, &places);
  }
  fs::remove_all(folder);
  if (out.empty()) return 0;
  fmt::output_file(out).print("{{\"rows\":{},\"dimension\":{},\"answers\":{},\"float_rows\":{}}}\n",
                              options.rows, options.dimension, options.answers, cells);
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
