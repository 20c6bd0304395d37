#include "engine/index/calibrate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/base/random.h"

namespace cordon {
namespace {

constexpr size_t kQueries = 300;
constexpr size_t kAnswers = 10;
constexpr size_t kProposed = 3 * kAnswers;  // by codes, of which the floats choose
constexpr size_t kBatch = 512;
constexpr size_t kBetweenStops = 64 * kBatch;  // rows: a few milliseconds
constexpr size_t kRowsSearched = 1 << 18;      // of all questions of a slice: some milliseconds
constexpr size_t kFractions = Calibration::kFractions.size();
constexpr size_t kTargets = Calibration::kTargets.size();
constexpr size_t kRowsMin = 20 * kAnswers;  // with fewer in a part, all are read anyway

// A little more than asked: other queries are not these, and other parts of the rows are the less
// like the part that is tried the smaller it is.
double Aim(double target, double part) { return target + (1 - target) * (0.4 - 0.1 * part); }

struct Scored {
  double score;
  uint32_t id;
};
bool Better(const Scored& a, const Scored& b) { return a.score > b.score; }

// The smallest of the nested random parts that holds a row.
size_t LevelOf(uint32_t id) {
  const double place = Random(id).Unit();
  size_t level = 0;
  while (level + 1 < kFractions && place < Calibration::kFractions[level + 1]) ++level;
  return level;
}

// What the searches of all queries with one `least` come to.
struct Outcome {
  double recall;  // mean
  double work;    // of a search, in bytes that a flat search reads in the time
  double left;    // ListSearch::Left() of most of them
};

// Finds how far one part of the rows must be searched for each recall, by searches from lax to
// strict. A stricter one that costs next to nothing more is taken: clustered rows reach a recall by
// a lax one, which says nothing of queries that are far from what is permitted, nor of what may be
// left then.
class DepthsOfPart {
 public:
  // Of `least` from one search to the next, as long as there are recalls to reach.
  static constexpr double kStep = 0.5;

  // `calibration` is borrowed: what is found is written there.
  DepthsOfPart(size_t f, Calibration* calibration)
      : fraction_(Calibration::kFractions[f]),
        least_(calibration->least[f]),
        work_(calibration->work[f]),
        left_(calibration->left[f]) {}

  bool AllReached() const { return reached_ == kTargets; }

  // Whether this search says something: not if it costs too much to be taken for any recall.
  bool Wants(const Outcome& outcome) const { return !AllReached() || Cheap(outcome, kTargets - 1); }

  void Take(double least, const Outcome& outcome) {
    if (std::exchange(first_, false)) laxer_ = outcome;
    for (; !AllReached() && outcome.recall >= AimAt(reached_); ++reached_) Reach(least, outcome);
    for (size_t target = 0; target < reached_; ++target) {
      if (!Cheap(outcome, target)) continue;
      least_[target] = static_cast<float>(least);
      left_[target] = LeftOf(outcome);
    }
    laxer_ = outcome;
  }

 private:
  double AimAt(size_t target) const { return Aim(Calibration::kTargets[target], fraction_); }

  // The next recall lies between the laxer search and this one: where, by the logarithm of `least`.
  void Reach(double least, const Outcome& outcome) {
    const double risen = outcome.recall - laxer_.recall;
    const double part =
        risen > 0 ? std::clamp((AimAt(reached_) - laxer_.recall) / risen, 0.0, 1.0) : 1;
    least_[reached_] = static_cast<float>(least / kStep * std::pow(kStep, part));
    work_[reached_] = static_cast<float>(laxer_.work + part * (outcome.work - laxer_.work));
    left_[reached_] = LeftOf(laxer_);
  }

  // Whether this costs next to nothing more than what reaches the recall.
  bool Cheap(const Outcome& outcome, size_t target) const {
    constexpr double kNextToNothing = 1.1;  // times the work
    return outcome.work <= kNextToNothing * double{work_[target]};
  }

  // As a geometry is stored: numbers beyond its limits are none that a search needs.
  static float LeftOf(const Outcome& outcome) {
    return static_cast<float>(std::min(outcome.left, 1e9));
  }

  using Row = Calibration::Table::value_type;  // by target

  const double fraction_;
  Row& least_;
  Row& work_;
  Row& left_;
  size_t reached_ = 0;  // so many of the recalls
  bool first_ = true;
  Outcome laxer_{};  // of the search before; of the first one, its own
};

class Calibrator {
 public:
  Calibrator(const SearchedLists& searched, Metric metric, size_t dimension,
             const std::function<bool()>& stop, size_t threads)
      : searched_(searched),
        metric_(metric),
        dimension_(dimension),
        stop_(stop),
        threads_(threads) {
    for (size_t s = 0; s < searched.lists.segments(); ++s) {
      const Segment& segment = searched.segments[s];
      for (uint32_t row = 0; row < segment.rows().size(); ++row) {
        if (segment.Dead(row)) continue;
        ids_.push_back(searched.numbers.Of(s, row));
        levels_.push_back(static_cast<uint8_t>(LevelOf(ids_.back())));
      }
    }
    Random random(99);
    for (size_t i = 0; i < std::min(kQueries, ids_.size()); ++i) {
      queries_.push_back(ids_[random.Below(ids_.size())]);
    }
  }

  // Nothing if it was stopped.
  std::optional<Calibration> Run() {
    truth_.resize(queries_.size());
    const bool whole = ForQueries(
        [&](size_t i, const std::function<bool()>& stop) { truth_[i] = Truth(queries_[i], stop); });
    if (!whole) return std::nullopt;
    Calibration calibration;
    for (size_t f = 0; f < kFractions; ++f) {
      if (static_cast<double>(ids_.size()) * Calibration::kFractions[f] < kRowsMin) {
        calibration.least[f] = calibration.least[std::max<size_t>(f, 1) - 1];
        calibration.work[f] = calibration.work[std::max<size_t>(f, 1) - 1];
        calibration.left[f] = calibration.left[std::max<size_t>(f, 1) - 1];
        continue;
      }
      Deepen(f, &calibration);
    }
    if (Stopped()) return std::nullopt;
    return calibration;
  }

 private:
  using Answers = std::vector<uint32_t>;

  bool Stopped() const { return stop_ && stop_(); }

  // Calls visit(i, stop) for the i-th query each, on several threads; false if it was stopped.
  template <typename Visit>
  bool ForQueries(const Visit& visit) const {
    const size_t of_slice = std::max<size_t>(1, kRowsSearched / std::max<size_t>(1, ids_.size()));
    return InSlices(queries_.size(), of_slice, threads_, stop_,
                    [&](size_t begin, size_t end, const std::function<bool()>& stop) {
                      for (size_t i = begin; i < end && !stop(); ++i) visit(i, stop);
                    });
  }

  PaddedQuery QueryOf(uint32_t id) const {
    const SegmentRows& rows = searched_.RowsOf(id);
    const uint32_t row = searched_.numbers.row(id);
    return PaddedQuery(metric_, {rows.embedding(row), dimension_}, rows.norm(row));
  }

  double ExactScore(const PaddedQuery& query, uint32_t id) const {
    const SegmentRows& rows = searched_.RowsOf(id);
    const NormedRow row = {rows.embedding(searched_.numbers.row(id)),
                           rows.norm(searched_.numbers.row(id))};
    double score;
    ScoreRows(metric_, query.vector(), query.norm(), {&row, 1}, dimension_, &score);
    return score;
  }

  // The best of each part of the rows, the query itself aside.
  std::vector<Answers> Truth(uint32_t of, const std::function<bool()>& stop) const {
    const PaddedQuery query = QueryOf(of);
    const QueryCodes codes(query);
    std::vector<std::vector<Scored>> best(kFractions);  // heaps, the worst on top
    const int8_t* rows[kBatch];
    int32_t sums[kBatch];
    for (size_t begin = 0; begin < ids_.size(); begin += kBatch) {
      if (begin > 0 && begin % kBetweenStops == 0 && stop()) break;
      const size_t n = std::min(kBatch, ids_.size() - begin);
      for (size_t i = 0; i < n; ++i) {
        const uint32_t id = ids_[begin + i];
        rows[i] = searched_.RowsOf(id).codes(searched_.numbers.row(id));
      }
      DotCodes(codes.codes(), {rows, n}, query.stride(), sums);
      for (size_t i = 0; i < n; ++i) {
        const uint32_t id = ids_[begin + i];
        if (id == of) continue;
        const SegmentRows& segment = searched_.RowsOf(id);
        const RowFacts& facts = segment.facts()[searched_.numbers.row(id)];
        const double score = CodeScore(query, codes, facts, sums[i]);
        for (size_t f = 0; f <= levels_[begin + i]; ++f) Offer({score, id}, &best[f]);
      }
    }
    std::vector<Answers> truth(kFractions);
    for (size_t f = 0; f < kFractions; ++f) {
      for (Scored& scored : best[f]) scored.score = ExactScore(query, scored.id);
      std::sort(best[f].begin(), best[f].end(), Better);
      for (size_t i = 0; i < std::min(kAnswers, best[f].size()); ++i) {
        truth[f].push_back(best[f][i].id);
      }
      std::sort(truth[f].begin(), truth[f].end());
    }
    return truth;
  }

  static void Offer(Scored scored, std::vector<Scored>* best) {
    if (best->size() == kProposed && !Better(scored, best->front())) return;
    best->push_back(scored);
    std::push_heap(best->begin(), best->end(), Better);
    if (best->size() <= kProposed) return;
    std::pop_heap(best->begin(), best->end(), Better);
    best->pop_back();
  }

  // Of no meaning if it was stopped.
  Outcome Search(CallerMasks& masks, size_t f, float least) const {
    const AllowedSet nobody;
    constexpr double kMostOfThem = 0.99;
    constexpr float kAnyLeft = std::numeric_limits<float>::infinity();
    struct Found {
      size_t rows;
      double work;
      double left;
    };
    std::vector<Found> all(queries_.size());
    ForQueries([&](size_t i, const std::function<bool()>& stop) {
      const PaddedQuery query = QueryOf(queries_[i]);
      SearchTrace trace;
      ListSearch search(searched_, query, nobody, masks, kAnswers + 1, {least, 0, kAnyLeft},
                        &trace);
      if (!search.Run(stop).ok()) return;
      const Answers& truth = truth_[i][f];
      const auto rows = search.FinishRows();
      const auto is_true = [&](uint32_t id) {
        return std::binary_search(truth.begin(), truth.end(), id);
      };
      all[i] = {static_cast<size_t>(std::count_if(rows.begin(), rows.end(), is_true)),
                WorkOf(trace, query.stride()), search.Left()};
    });
    size_t found = 0, wanted = 0;
    double work = 0;
    for (size_t i = 0; i < queries_.size(); ++i) {
      found += all[i].rows;
      wanted += truth_[i][f].size();
      work += all[i].work;
    }
    std::ranges::sort(all, {}, &Found::left);
    const auto most = static_cast<size_t>(kMostOfThem * static_cast<double>(all.size()));
    return {static_cast<double>(found) / static_cast<double>(std::max<size_t>(wanted, 1)),
            work / static_cast<double>(queries_.size()), all.empty() ? 0 : all[most].left};
  }

  // Measured; a list costs what its blocks do, and looking it up.
  double WorkOf(const SearchTrace& trace, size_t stride) const {
    constexpr double kSearch = 4e5, kList = 5000;
    const CodeBlocks& blocks = searched_.lists.part().blocks();
    const double of_list = static_cast<double>(blocks.blocks() * blocks.block_bytes()) /
                           static_cast<double>(searched_.lists.geometry().lists());
    return kSearch + static_cast<double>(trace.lists_scanned) * (kList + 2 * of_list) +
           static_cast<double>(trace.rows_reranked * stride) * 2;
  }

  Bitmap RowsOfPart(size_t f) const {
    Bitmap rows(ids_.empty() ? 0 : ids_.back() + size_t{1});
    for (size_t i = 0; i < ids_.size(); ++i) {
      if (levels_[i] >= f) rows.Set(ids_[i]);
    }
    return rows;
  }

  // Also far beyond the work of a flat search of the part: between it and a larger part lies where
  // lists begin to pay, and without a figure for both nothing is known between them.
  void Deepen(size_t f, Calibration* calibration) const {
    // No list is passed over that is expected to hold more than half of the answers.
    constexpr double kLax = 0.5, kBeyondFlat = 8, kLeastPart = 0.1;
    // Once all recalls are reached, larger steps and farther, to what a float still holds: in few
    // lists even that costs next to nothing, and far queries need it.
    constexpr double kStepBeyond = 1.0 / 16, kStrictest = 1e-36;
    constexpr int kSteps = 60;
    CallerMasks masks(searched_.lists.part(), searched_.lists.geometry().lists(), RowsOfPart(f));
    const double scanned = std::clamp(kBeyondFlat * Calibration::kFractions[f], kLeastPart, 1.0);
    const double enough = FlatWork(scanned * static_cast<double>(ids_.size()), dimension_);
    DepthsOfPart depths(f, calibration);
    double least = kLax;
    for (int step = 0; step < kSteps && least > kStrictest && !Stopped(); ++step) {
      const Outcome outcome = Search(masks, f, static_cast<float>(least));
      if (outcome.work > enough || !depths.Wants(outcome)) break;
      depths.Take(least, outcome);
      least *= depths.AllReached() ? kStepBeyond : DepthsOfPart::kStep;
    }
  }

  const SearchedLists& searched_;
  const Metric metric_;
  const size_t dimension_;
  const std::function<bool()>& stop_;
  const size_t threads_;
  std::vector<uint32_t> ids_;    // of all live rows
  std::vector<uint8_t> levels_;  // of ids_
  std::vector<uint32_t> queries_;
  std::vector<std::vector<Answers>> truth_;  // by query and part
};

}  // namespace

double FlatWork(double rows, size_t dimension) {
  constexpr double kRow = 40;
  return rows * (static_cast<double>(RowStride(dimension)) + kRow);
}

std::optional<Calibration> Calibrate(const SearchedLists& searched, Metric metric, size_t dimension,
                                     const std::function<bool()>& stop, size_t threads) {
  return Calibrator(searched, metric, dimension, stop, threads).Run();
}

}  // namespace cordon
