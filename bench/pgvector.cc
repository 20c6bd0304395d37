// Asks cordond and PostgreSQL the same questions by the same callers (bench/pgvector.py): reads
// commands from stdin, a line each, and answers each with one line of JSON.
//
//   world                              makes or reads the vectors, classes and callers
//   cordon ADDRESS KEY                 connects; fill_cordon BATCH: all documents
//   postgres FOLDER                    connects by the socket there; fill_postgres: all rows
//   sql STATEMENT                      by the owner
//   cell N                             its callers ask from now on
//   policy EXPRESSION                  theirs, of chunks; $classes is the list of what one may see
//   set STATEMENTS                     by each of them; tells the plan
//   ask NAME FROM COUNT SECONDS        questions from the FROM-th on, callers taking turns, until
//                                      so many are answered, or have taken so long
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bench/asked.h"
#include "bench/asked_cordon.h"
#include "bench/asked_postgres.h"
#include "bench/filtered_callers.h"
#include "bench/filtered_data.h"
#include "bench/tool.h"
#include "engine/base/random.h"
#include "engine/index/score.h"

namespace cordon::bench {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

struct Options {
  std::string data = "synthetic";
  size_t rows = 100'000;
  size_t queries = 400;
  size_t classes = 1000;
  std::string correlation = "none";
  std::vector<double> permitted = {0.0001, 0.001, 0.01, 0.1, 0.5, 1.0};
  size_t callers = 5;
  size_t queries_of_caller = 40;
  uint64_t seed = 1;
};

Correlation ToCorrelation(const std::string& name) {
  if (name == "positive") return Correlation::kPositive;
  return name == "negative" ? Correlation::kNegative : Correlation::kNone;
}

double SecondsSince(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

// The best k of all that the caller may see, by reading all of it.
void FindTruth(const AskedWorld& world, FilteredCaller* caller) {
  caller->truth.clear();
  for (const uint32_t query : caller->queries) {
    std::vector<std::pair<double, uint32_t>> scored;
    for (const uint32_t row : caller->rows) {
      const double score = Score(world.set.metric, world.set.held_out.row(query),
                                 world.set.base.row(row), world.set.dimension);
      scored.emplace_back(-score, row);
    }
    const auto best = static_cast<std::ptrdiff_t>(std::min(world.k, scored.size()));
    std::partial_sort(scored.begin(), scored.begin() + best, scored.end());
    auto& rows = caller->truth.emplace_back();
    for (auto it = scored.begin(); it != scored.begin() + best; ++it) rows.push_back(it->second);
    std::sort(rows.begin(), rows.end());
  }
}

// How much of the truth was found, by caller.
class Found {
 public:
  explicit Found(size_t callers) : found_(callers), wanted_(callers) {}

  void Count(const FilteredCaller& caller, size_t number, const std::vector<uint32_t>& truth,
             const std::vector<uint32_t>& rows) {
    for (const uint32_t row : rows) {
      const bool permitted =
          row / 8 < caller.bitmap.size() && (caller.bitmap[row / 8] >> row % 8 & 1) != 0;
      if (!permitted) Fail(fmt::format("row {} was given to a caller who may not see it", row));
      found_[number] += std::binary_search(truth.begin(), truth.end(), row) ? 1 : 0;
    }
    wanted_[number] += truth.size();
  }

  double Recall() const {
    size_t found = 0, wanted = 0;
    for (size_t n = 0; n < found_.size(); ++n) {
      found += found_[n];
      wanted += wanted_[n];
    }
    return Part(found, wanted);
  }

  double Worst() const {
    double worst = 1;
    for (size_t n = 0; n < found_.size(); ++n) {
      if (wanted_[n] > 0) worst = std::min(worst, Part(found_[n], wanted_[n]));
    }
    return worst;
  }

 private:
  static double Part(size_t found, size_t wanted) {
    return static_cast<double>(found) / static_cast<double>(std::max<size_t>(wanted, 1));
  }

  std::vector<size_t> found_, wanted_;
};

class Questions {
 public:
  explicit Questions(Options options) : options_(std::move(options)) {}

  json Obey(const std::string& line);

 private:
  json MakeWorld();
  json EnterCell(std::istream& words);
  json Ask(std::istream& words);
  AskedPostgres& Postgres() const {
    if (postgres_ == nullptr) Fail("not connected: postgres");
    return *postgres_;
  }

  const Options options_;
  AskedWorld world_;
  size_t cell_ = 0;
  std::unique_ptr<AskedCordon> cordon_;
  std::unique_ptr<AskedPostgres> postgres_;
};

json Questions::MakeWorld() {
  const char* shared = std::getenv("CORDON_SHARED_DATA");
  auto set = LoadVectors(options_.data, shared == nullptr ? "" : shared, options_.rows,
                         options_.queries, options_.seed);
  if (!set.ok()) {
    if (set.status().code() != StatusCode::kNotFound) Fail(set.status().ToString());
    return {{"left_out", set.status().ToString()}};
  }
  world_.set = *std::move(set);
  Random random(options_.seed + 7);
  const Correlation correlation = ToCorrelation(options_.correlation);
  world_.classes =
      MakeClasses(world_.set, options_.classes, correlation != Correlation::kNone, random);
  json cells = json::array();
  for (const double permitted : options_.permitted) {
    AskedCell& cell = world_.cells.emplace_back();
    cell.permitted = permitted;
    json rows = json::array();
    for (size_t n = 0; n < options_.callers; ++n) {
      cell.callers.push_back(MakeCaller(world_.set, world_.classes, permitted, correlation,
                                        options_.queries_of_caller, random));
      rows.push_back(cell.callers.back().rows.size());
    }
    const size_t questions = cell.callers.size() * cell.callers.front().queries.size();
    cells.push_back({{"permitted", permitted}, {"rows", rows}, {"questions", questions}});
  }
  return {{"data", world_.set.name},
          {"rows", world_.set.rows},
          {"dimension", world_.set.dimension},
          {"metric", world_.set.metric == Metric::kL2 ? "l2" : "cosine"},
          {"classes", options_.classes},
          {"correlation", options_.correlation},
          {"callers", options_.callers},
          {"k", world_.k},
          {"cells", cells}};
}

json Questions::EnterCell(std::istream& words) {
  words >> cell_;
  if (cell_ >= world_.cells.size()) Fail("no such cell");
  for (FilteredCaller& caller : world_.cells[cell_].callers) FindTruth(world_, &caller);
  if (cordon_ != nullptr) cordon_->Enter(cell_);
  if (postgres_ != nullptr) postgres_->Enter(cell_);
  return json::object();
}

json Questions::Ask(std::istream& words) {
  std::string name;
  size_t from = 0, count = 1;
  double seconds = 0;
  words >> name >> from >> count >> seconds;
  Asked* server = nullptr;
  if (name == "cordon") server = cordon_.get();
  if (name == "postgres") server = postgres_.get();
  if (server == nullptr || cell_ >= world_.cells.size()) Fail("not connected: " + name);
  const auto& callers = world_.cells[cell_].callers;
  Found found(callers.size());
  std::vector<uint32_t> rows;
  std::vector<double> took_us;
  double all_us = 0;
  for (size_t i = from; took_us.empty() || (took_us.size() < count && all_us < seconds * 1e6);
       ++i) {
    const size_t number = i % callers.size();
    const FilteredCaller& caller = callers[number];
    const size_t turn = i / callers.size() % caller.queries.size();
    const auto began = Clock::now();
    server->Ask(number, world_.set.held_out.row(caller.queries[turn]), &rows);
    took_us.push_back(SecondsSince(began) * 1e6);
    all_us += took_us.back();
    found.Count(caller, number, caller.truth[turn], rows);
  }
  const size_t asked = took_us.size();
  std::sort(took_us.begin(), took_us.end());
  return {{"asked", asked},
          {"us", all_us / static_cast<double>(asked)},
          {"p50_us", took_us[(asked - 1) / 2]},
          {"p99_us", took_us[(asked - 1) * 99 / 100]},
          {"recall", found.Recall()},
          {"worst", found.Worst()}};
}

json Questions::Obey(const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  const std::string rest = line.substr(std::min(line.size(), command.size() + 1));
  const auto began = Clock::now();
  if (command == "world") return MakeWorld();
  if (command == "cell") return EnterCell(words);
  if (command == "ask") return Ask(words);
  if (command == "cordon") {
    std::string address, key;
    words >> address >> key;
    cordon_ = std::make_unique<AskedCordon>(address, key, world_);
    return json::object();
  }
  if (command == "fill_cordon" && cordon_ != nullptr) {
    size_t batch = 1;
    words >> batch;
    const Streamed filled = cordon_->Fill(batch);
    return {{"chunks", filled.accepted}, {"seconds", filled.seconds}};
  }
  if (command == "postgres") {
    postgres_ = std::make_unique<AskedPostgres>(rest, world_);
    return json::object();
  }
  if (command == "fill_postgres") {
    Postgres().Fill();
    return {{"seconds", SecondsSince(began)}};
  }
  if (command == "sql") {
    const std::vector<std::string> values = Postgres().Run(rest);
    return {{"values", values}, {"seconds", SecondsSince(began)}};
  }
  if (command == "policy") {
    Postgres().SetPolicy(rest);
    return json::object();
  }
  if (command == "set") return {{"plan", Postgres().Set(rest)}};
  Fail("unknown command: " + line);
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("The same questions to cordond and to PostgreSQL with pgvector");
  app.add_option("--data", options.data,
                 "synthetic, a folder of CORDON_SHARED_DATA, FILE.fvecs, FILE.hdf5");
  app.add_option("--rows", options.rows, "at most");
  app.add_option("--queries", options.queries);
  app.add_option("--classes", options.classes);
  app.add_option("--correlation", options.correlation, "none, positive or negative");
  app.add_option("--permitted", options.permitted)->delimiter(',');
  app.add_option("--callers", options.callers);
  app.add_option("--queries-of-caller", options.queries_of_caller);
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, argc, argv);
  Questions questions(options);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{}\n", questions.Obey(line).dump());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) { return cordon::bench::Main(argc, argv); }
