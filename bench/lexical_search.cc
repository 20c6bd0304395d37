// Entitled BM25 beside Xapian, which filters: the same texts, terms, parameters and questions, one
// thread, its processor time; rounds are interleaved.
//
//   cordon        LexicalIndex::Search on an index built at a start
//   ingested      the same on an index that grew by writes of 500 texts
//   xapian        BM25Weight, filtered by a PostingSource that yields the permitted documents
//   decider       the same, filtered by a MatchDecider that asks a bitmap
//   best 100      cordon with k = 100, as a hybrid search asks
#include <fmt/format.h>
#include <fmt/os.h>
#include <fmt/ranges.h>
#include <xapian.h>

#include <CLI/CLI.hpp>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bench/read_memory.h"
#include "bench/statistics.h"
#include "bench/text_data.h"
#include "engine/lexical/lexical_index.h"

namespace cordon {
namespace {

constexpr size_t kBatch = 500;

// What a caller may see, as each method takes it.
struct Caller {
  AllowedSet allowed;
  std::vector<bool> permitted;  // by row
  std::vector<Xapian::docid> permitted_ids;
};

// Yields the permitted documents, in order.
class PermittedSource : public Xapian::PostingSource {
 public:
  explicit PermittedSource(const std::vector<Xapian::docid>& ids) : ids_(ids) {}
  void init(const Xapian::Database&) override {
    next_ = 0;
    started_ = false;
  }
  Xapian::doccount get_termfreq_min() const override { return size(); }
  Xapian::doccount get_termfreq_est() const override { return size(); }
  Xapian::doccount get_termfreq_max() const override { return size(); }
  void next(double) override {
    next_ += started_ ? 1 : 0;
    started_ = true;
  }
  void skip_to(Xapian::docid id, double) override {
    started_ = true;
    next_ = static_cast<size_t>(
        std::lower_bound(ids_.begin() + static_cast<std::ptrdiff_t>(next_), ids_.end(), id) -
        ids_.begin());
  }
  bool at_end() const override { return next_ >= ids_.size(); }
  Xapian::docid get_docid() const override { return ids_[next_]; }

 private:
  Xapian::doccount size() const { return static_cast<Xapian::doccount>(ids_.size()); }
  const std::vector<Xapian::docid>& ids_;
  size_t next_ = 0;
  bool started_ = false;
};

class Decider : public Xapian::MatchDecider {
 public:
  explicit Decider(const std::vector<bool>& permitted) : permitted_(permitted) {}
  bool operator()(const Xapian::Document& document) const override {
    return permitted_[document.get_docid() - 1];
  }

 private:
  const std::vector<bool>& permitted_;
};

class Bench {
 public:
  Bench(const TextOptions& options, const std::string& folder)
      : options_(options),
        data_(MakeTexts(options)),
        xapian_(folder, Xapian::DB_CREATE_OR_OVERWRITE | Xapian::DB_BACKEND_GLASS) {
    const double start = Now();
    BuildOwn();
    const double own = Now();
    Ingest();
    const double ingested = Now();
    BuildXapian();
    fmt::print(
        stderr,
        "{} texts: {:.1f} s to ingest by {} (processor time of this thread), xapian {:.1f} s;"
        " {:.0f} B a text in memory\n",
        options.rows, ingested - own, kBatch, Now() - ingested,
        static_cast<double>(built_.bytes()) / static_cast<double>(options.rows));
    (void)start;
  }

  Caller MakeCaller(double share, Random* random) const {
    Caller caller{{DrawClasses(data_, share, random), 0}, {}, {}};
    for (size_t row = 0; row < options_.rows; ++row) {
      caller.permitted.push_back(caller.allowed.classes.Test(data_.class_of[row]));
      if (caller.permitted.back()) {
        caller.permitted_ids.push_back(static_cast<Xapian::docid>(row + 1));
      }
    }
    return caller;
  }

  size_t Own(const LexicalIndex& index, const Caller& caller, const std::string& text,
             size_t k) const {
    const auto found =
        index.Search(caller.allowed, documents_, ParseTextQuery(Language::kNone, text), k, {});
    CORDON_CHECK(found.ok());
    return found->hits.size();
  }

  size_t Peer(const Caller& caller, const std::string& text, bool by_source) {
    std::vector<std::string> terms;
    for (const auto& term : ParseTextQuery(Language::kNone, text).terms) terms.push_back(term.text);
    Xapian::Query query(Xapian::Query::OP_OR, terms.begin(), terms.end());
    PermittedSource source(caller.permitted_ids);
    const Decider decider(caller.permitted);
    if (by_source) query = Xapian::Query(Xapian::Query::OP_FILTER, query, Xapian::Query(&source));
    Xapian::Enquire enquire(xapian_);
    enquire.set_weighting_scheme(Xapian::BM25Weight(1.2, 0, 1000, 0.75, 0));
    enquire.set_query(query);
    return enquire
        .get_mset(0, static_cast<Xapian::doccount>(options_.k), 0, nullptr,
                  by_source ? nullptr : &decider)
        .size();
  }

  const TextData& data() const { return data_; }
  const LexicalIndex& built() const { return built_; }
  const LexicalIndex& ingested() const { return ingested_; }

 private:
  void BuildOwn() {
    LexicalIndexBuilder builder(built_);
    for (uint32_t row = 0; row < options_.rows; ++row) {
      const uint32_t number = documents_.Add(fmt::format("d{:07}", row));
      builder.Add({number, 0, data_.class_of[row], kAlways, kNever, data_.texts[row]});
    }
    built_ = builder.Finish();
  }

  void Ingest() {
    for (size_t from = 0; from < options_.rows; from += kBatch) {
      std::deque<TermCounts> terms;
      std::vector<LexicalChange> changes;
      for (size_t row = from; row < std::min(options_.rows, from + kBatch); ++row) {
        terms.push_back(CountTerms(Language::kNone, data_.texts[row]));
        LexicalChange& change = changes.emplace_back();
        change.document = static_cast<uint32_t>(row);  // as they were numbered
        change.may_exist = false;
        change.rows.push_back({0, data_.class_of[row], &terms.back()});
      }
      ingested_ = ingested_.Apply(changes);
    }
  }

  void BuildXapian() {
    for (const std::string& text : data_.texts) {
      Xapian::Document document;
      const TermCounts terms = CountTerms(Language::kNone, text);
      for (size_t i = 0; i < terms.size(); ++i) {
        document.add_term(std::string(terms[i].text), terms[i].count);
      }
      xapian_.add_document(document);
    }
    xapian_.commit();
  }

  const TextOptions options_;
  const TextData data_;
  DocumentNumbers documents_;
  LexicalIndex built_{Language::kNone};
  LexicalIndex ingested_{Language::kNone};
  Xapian::WritableDatabase xapian_;
};

struct Method {
  std::string name;
  std::function<size_t(const Caller&, const std::string&)> search;
};

std::vector<Method> Methods(Bench& bench, size_t k) {
  return {{"cordon",
           [&, k](const auto& c, const auto& q) { return bench.Own(bench.built(), c, q, k); }},
          {"ingested",
           [&, k](const auto& c, const auto& q) { return bench.Own(bench.ingested(), c, q, k); }},
          {"xapian", [&](const auto& c, const auto& q) { return bench.Peer(c, q, true); }},
          {"decider", [&](const auto& c, const auto& q) { return bench.Peer(c, q, false); }},
          {"best 100",
           [&](const auto& c, const auto& q) { return bench.Own(bench.built(), c, q, 100); }}};
}

// One line of the table and of the report: medians of rounds, and ratios within them.
std::string MeasureShare(Bench& bench, const TextOptions& options, double share) {
  Random random(options.seed + 1);
  const Caller caller = bench.MakeCaller(share, &random);
  const std::vector<Method> methods = Methods(bench, options.k);
  std::vector<std::vector<double>> us(methods.size());
  size_t found_own = 0, found_peer = 0;
  for (size_t round = 0; round < options.rounds; ++round) {
    for (size_t m = 0; m < methods.size(); ++m) {
      const double start = Now();
      size_t found = 0;
      for (const std::string& query : bench.data().queries)
        found += methods[m].search(caller, query);
      us[m].push_back((Now() - start) * 1e6 / static_cast<double>(bench.data().queries.size()));
      if (m == 0) found_own = found;
      if (m == 2) found_peer = found;
    }
  }
  CORDON_CHECK(found_own == found_peer);
  fmt::print("{:>8} % {:>8}", share * 100, caller.permitted_ids.size());
  std::string json =
      fmt::format(R"({{"permitted":{},"rows":{})", share, caller.permitted_ids.size());
  for (size_t m = 0; m < methods.size(); ++m) {
    std::vector<double> ratios;
    for (size_t r = 0; r < us[m].size(); ++r) ratios.push_back(us[m][r] / us[0][r]);
    const Estimate ratio = EstimateOf(ratios);
    fmt::print("  {:>9.1f} {:>6.2f} ({:.2f}-{:.2f})", MedianOf(us[m]), ratio.median, ratio.low,
               ratio.high);
    json += fmt::format(R"(,"{}":{{"us":{:.2f},"ratio":{:.3f},"low":{:.3f},"high":{:.3f}}})",
                        methods[m].name, MedianOf(us[m]), ratio.median, ratio.low, ratio.high);
  }
  fmt::print("\n");
  std::fflush(stdout);
  return json + "}";
}

int Main(int argc, char** argv) {
  TextOptions options;
  CLI::App app("Entitled BM25 beside Xapian with a filter");
  app.add_option("--rows", options.rows)->check(CLI::Range(1000, 10'000'000));
  app.add_option("--classes", options.classes)->check(CLI::Range(30, 1'000'000));
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 10'000));
  app.add_option("--queries", options.queries)->check(CLI::Range(1, 10'000));
  app.add_option("--seed", options.seed);
  app.add_flag("--quick", options.quick, "10,000 texts and few rounds: to see that it works");
  app.add_option("--out", options.out, "writes the figures to this JSON file");
  CLI11_PARSE(app, argc, argv);
  if (options.quick) {
    options.rows = std::min<size_t>(options.rows, 10'000);
    options.rounds = 3;
    options.queries = 20;
  }
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("lexical.{}", getpid());
  Bench bench(options, folder.string());
  fmt::print(
      "permitted     rows, then us a query and its ratio to the first: cordon, ingested, "
      "xapian, decider, best 100\n");
  std::vector<std::string> cells;
  for (const double share : options.permitted) {
    cells.push_back(MeasureShare(bench, options, share));
  }
  std::filesystem::remove_all(folder);
  if (options.out.empty()) return 0;
  auto file = fmt::output_file(options.out);
  file.print("{{\"rows\":{},\"classes\":{},\"k\":{},\"rounds\":{},\"lexical\":[{}]}}\n",
             options.rows, options.classes, options.k, options.rounds, fmt::join(cells, ",\n"));
  return 0;
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) { return cordon::Main(argc, argv); }
