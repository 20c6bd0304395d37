#include "bench/filtered_peers.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/impl/IDSelector.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

namespace cordon {
namespace {

using Id = faiss::Index::idx_t;

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<float> Packed(const VectorSet& set) {
  std::vector<float> packed;
  for (size_t row = 0; row < set.rows; ++row) {
    packed.insert(packed.end(), set.base.row(row), set.base.row(row) + set.dimension);
  }
  return packed;
}

faiss::MetricType FaissMetric(Metric metric) {
  return metric == Metric::kL2 ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT;
}

// From one number to another, both included, in steps of some 40 %.
std::vector<size_t> Steps(size_t from, size_t to) {
  std::vector<size_t> steps;
  for (size_t n = std::min(from, to); n < to; n = std::max(n + 1, n * 7 / 5)) steps.push_back(n);
  steps.push_back(to);
  return steps;
}

// By caller, what FAISS filters by; null for one who may see all.
class Selectors {
 public:
  void Enter(const std::vector<FilteredCaller>& callers, Id rows) {
    Leave();
    for (const FilteredCaller& caller : callers) {
      const bool all = caller.rows.size() == static_cast<size_t>(rows);
      of_.push_back(all ? nullptr
                        : std::make_unique<faiss::IDSelectorBitmap>(caller.bitmap.size(),
                                                                    caller.bitmap.data()));
    }
  }
  void Leave() { of_.clear(); }
  faiss::IDSelector* of(size_t caller) const { return of_[caller].get(); }

 private:
  std::vector<std::unique_ptr<faiss::IDSelectorBitmap>> of_;
};

class FaissFlat : public Peer {
 public:
  explicit FaissFlat(const VectorSet& set)
      : index_(static_cast<Id>(set.dimension), FaissMetric(set.metric)) {
    index_.add(static_cast<Id>(set.rows), Packed(set).data());
  }
  std::string name() const override { return "faiss_flat"; }
  void Enter(const std::vector<FilteredCaller>& callers) override {
    selectors_.Enter(callers, index_.ntotal);
  }
  void Leave() override { selectors_.Leave(); }
  std::vector<size_t> Settings(size_t) const override { return {0}; }
  void Search(size_t caller, const float* query, size_t k, size_t,
              std::vector<uint32_t>* rows) override {
    faiss::SearchParameters parameters;
    parameters.sel = selectors_.of(caller);
    scores_.resize(k);
    ids_.resize(k);
    index_.search(1, query, static_cast<Id>(k), scores_.data(), ids_.data(),
                  parameters.sel == nullptr ? nullptr : &parameters);
    rows->clear();
    for (const Id id : ids_) {
      if (id >= 0) rows->push_back(static_cast<uint32_t>(id));
    }
  }

 private:
  faiss::IndexFlat index_;
  Selectors selectors_;
  std::vector<float> scores_;
  std::vector<Id> ids_;
};

class FaissIvf : public Peer {
 public:
  explicit FaissIvf(const VectorSet& set)
      : lists_(static_cast<size_t>(4 * std::sqrt(static_cast<double>(set.rows)))),
        coarse_(static_cast<Id>(set.dimension), FaissMetric(set.metric)),
        index_(&coarse_, set.dimension, lists_, FaissMetric(set.metric)) {
    const std::vector<float> packed = Packed(set);
    index_.cp.niter = 6;
    index_.cp.max_points_per_centroid = 48;
    index_.cp.min_points_per_centroid = 1;
    index_.train(static_cast<Id>(std::min(set.rows, 48 * lists_)), packed.data());
    index_.add(static_cast<Id>(set.rows), packed.data());
  }
  std::string name() const override { return "faiss_ivf"; }
  void Enter(const std::vector<FilteredCaller>& callers) override {
    selectors_.Enter(callers, index_.ntotal);
  }
  void Leave() override { selectors_.Leave(); }
  std::vector<size_t> Settings(size_t) const override { return Steps(1, lists_); }  // nprobe
  void Search(size_t caller, const float* query, size_t k, size_t setting,
              std::vector<uint32_t>* rows) override {
    faiss::SearchParametersIVF parameters;
    parameters.nprobe = setting;
    parameters.sel = selectors_.of(caller);
    scores_.resize(k);
    ids_.resize(k);
    index_.search(1, query, static_cast<Id>(k), scores_.data(), ids_.data(), &parameters);
    rows->clear();
    for (const Id id : ids_) {
      if (id >= 0) rows->push_back(static_cast<uint32_t>(id));
    }
  }

 private:
  size_t lists_;
  faiss::IndexFlat coarse_;
  faiss::IndexIVFFlat index_;
  Selectors selectors_;
  std::vector<float> scores_;
  std::vector<Id> ids_;
};

// A space and a graph over some rows.
class Graph {
 public:
  Graph(const VectorSet& set, const std::vector<uint32_t>* rows) {
    constexpr size_t kLinks = 16, kBuildWidth = 200;
    if (set.metric == Metric::kL2) {
      space_ = std::make_unique<hnswlib::L2Space>(set.dimension);
    } else {
      space_ = std::make_unique<hnswlib::InnerProductSpace>(set.dimension);
    }
    const size_t n = rows == nullptr ? set.rows : rows->size();
    graph_ =
        std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), n, kLinks, kBuildWidth);
    for (size_t i = 0; i < n; ++i) {
      const size_t row = rows == nullptr ? i : (*rows)[i];
      graph_->addPoint(set.base.row(row), row);
    }
  }
  hnswlib::HierarchicalNSW<float>& graph() { return *graph_; }

 private:
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph_;
};

// Newer hnswlib filters in the traversal; 0.6.2 fetches too many and drops those not permitted,
// which is all that it offers.
class HnswFiltered : public Peer {
 public:
  explicit HnswFiltered(const VectorSet& set) : graph_(set, nullptr), rows_(set.rows) {}
#ifdef CORDON_HNSW_FUNCTOR
  std::string name() const override { return "hnsw_filter"; }
#else
  std::string name() const override { return "hnsw_overfetch"; }
#endif
  void Enter(const std::vector<FilteredCaller>& callers) override { callers_ = &callers; }
  void Leave() override { callers_ = nullptr; }
  // The width of the search; without a filter also how many are fetched: more of those it has seen
  // cost next to nothing. From k: what resembles the query may be just what is permitted.
  std::vector<size_t> Settings(size_t k) const override { return Steps(k, rows_); }
  void Search(size_t number, const float* query, size_t k, size_t setting,
              std::vector<uint32_t>* rows) override {
    const FilteredCaller& caller = (*callers_)[number];
    graph_.graph().setEf(setting);
    rows->clear();
#ifdef CORDON_HNSW_FUNCTOR
    struct Filter : hnswlib::BaseFilterFunctor {
      explicit Filter(const FilteredCaller& caller) : caller(caller) {}
      bool operator()(hnswlib::labeltype id) override {
        return (caller.bitmap[id / 8] >> id % 8 & 1) != 0;
      }
      const FilteredCaller& caller;
    } filter(caller);
    auto found = graph_.graph().searchKnn(query, k, &filter);
    for (; !found.empty(); found.pop()) rows->push_back(static_cast<uint32_t>(found.top().second));
#else
    auto found = graph_.graph().searchKnn(query, setting);
    all_.clear();
    for (; !found.empty(); found.pop()) all_.push_back(static_cast<uint32_t>(found.top().second));
    for (size_t i = all_.size(); i > 0 && rows->size() < k; --i) {
      const uint32_t id = all_[i - 1];
      if ((caller.bitmap[id / 8] >> id % 8 & 1) != 0) rows->push_back(id);
    }
#endif
  }

 private:
  Graph graph_;
  size_t rows_;
  const std::vector<FilteredCaller>* callers_ = nullptr;
  std::vector<uint32_t> all_;
};

// Out of reach for any filter: a graph of what this one caller may see.
class HnswPermitted : public Peer {
 public:
  explicit HnswPermitted(const VectorSet& set) : set_(set) {}
  std::string name() const override { return "hnsw_permitted_only"; }
  void Enter(const std::vector<FilteredCaller>& callers) override {
    for (const FilteredCaller& caller : callers) graphs_.emplace_back(set_, &caller.rows);
  }
  void Leave() override { graphs_.clear(); }
  std::vector<size_t> Settings(size_t k) const override { return Steps(k, set_.rows); }
  void Search(size_t caller, const float* query, size_t k, size_t setting,
              std::vector<uint32_t>* rows) override {
    auto& graph = graphs_[caller].graph();
    graph.setEf(setting);
    rows->clear();
    auto found = graph.searchKnn(query, k);
    for (; !found.empty(); found.pop()) rows->push_back(static_cast<uint32_t>(found.top().second));
  }

 private:
  const VectorSet& set_;
  std::vector<Graph> graphs_;
};

template <typename T>
void Add(const VectorSet& set, bool wanted, std::vector<std::unique_ptr<Peer>>* peers) {
  if (!wanted) return;
  const double began = Seconds();
  peers->push_back(std::make_unique<T>(set));
  peers->back()->build_s = Seconds() - began;
  fmt::print(stderr, "{} built in {:.1f} s\n", peers->back()->name(), peers->back()->build_s);
}

}  // namespace

std::vector<std::unique_ptr<Peer>> MakePeers(const VectorSet& set, const PeerChoice& choice) {
  std::vector<std::unique_ptr<Peer>> peers;
  Add<FaissFlat>(set, choice.faiss_flat, &peers);
  Add<FaissIvf>(set, choice.faiss_ivf, &peers);
  Add<HnswFiltered>(set, choice.hnsw, &peers);
  Add<HnswPermitted>(set, choice.hnsw_permitted, &peers);
  return peers;
}

}  // namespace cordon
