#include "engine/index/kmeans.h"

#include <faiss/Clustering.h>
#include <faiss/IndexFlat.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/FaissException.h>
#include <omp.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "engine/base/in_slices.h"

extern "C" void openblas_set_num_threads(int threads);

namespace cordon {
namespace {

// More of them find hardly better centroids.
constexpr int kIterations = 5;  // and a last one, whose means are not FAISS's

// Rows that are compared with all centroids at a time: enough that to lay the centroids out for
// that is a small part of it, and few enough that all processors have some to do.
constexpr size_t kRowsCompared = 1024;
// OpenBLAS has memory for as many callers at once as it was built for, 256 in Debian and less
// elsewhere; one more and it crashes.
constexpr size_t kCallersMax = 64;

// Makes FAISS listen to a `stop` of the thread that it runs on.
thread_local const std::function<bool()>* stop_of_thread = nullptr;
class Interrupt : public faiss::InterruptCallback {
 public:
  bool want_interrupt() override { return stop_of_thread != nullptr && (*stop_of_thread)(); }
  static void Install() {
    static std::once_flag once;
    std::call_once(once, [] { instance = std::make_unique<Interrupt>(); });
  }
};

// While it lives, FAISS listens to a `stop` on this thread. It starts no others here from then on.
class OnThisThread {
 public:
  explicit OnThisThread(const std::function<bool()>& stop)
      : before_(std::exchange(stop_of_thread, &stop)) {
    omp_set_num_threads(1);
  }
  ~OnThisThread() { stop_of_thread = before_; }
  OnThisThread(const OnThisThread&) = delete;
  OnThisThread& operator=(const OnThisThread&) = delete;

 private:
  const std::function<bool()>* const before_;
};

// Finds the nearest centroids on several threads. How many rows are compared at a time may change
// how distances are rounded, so that is the same for any number of threads.
class Centroids : public faiss::IndexFlatL2 {
 public:
  // `stop` is borrowed.
  Centroids(size_t size, const std::function<bool()>& stop, size_t threads)
      : faiss::IndexFlatL2(static_cast<faiss::Index::idx_t>(size)),
        stop_(stop),
        threads_(std::min(threads, kCallersMax)) {}

  void search(idx_t n, const float* x, idx_t k, float* distances, idx_t* labels,
              const faiss::SearchParameters* parameters) const override {
    const auto compare = [&](size_t begin, size_t end, const std::function<bool()>& stop) {
      const OnThisThread here(stop);
      const size_t answers = begin * static_cast<size_t>(k);
      IndexFlatL2::search(static_cast<idx_t>(end - begin), x + begin * static_cast<size_t>(d), k,
                          distances + answers, labels + answers, parameters);
    };
    const bool whole = InSlices(static_cast<size_t>(n), kRowsCompared, threads_, stop_, compare);
    if (!whole) throw faiss::FaissException("stopped");
  }

 private:
  const std::function<bool()>& stop_;
  const size_t threads_;
};

}  // namespace

std::optional<std::vector<int64_t>> NearestMeans(const FloatRows& rows, size_t n, size_t size,
                                                 size_t lists, const std::function<bool()>& stop,
                                                 size_t threads) {
  Interrupt::Install();
  // Its own threads stand where the process does and not where the caller does, all callers share
  // them, and how many there are changes its sums. It does not listen to OpenMP.
  openblas_set_num_threads(1);
  const OnThisThread here(stop);
  faiss::ClusteringParameters parameters;
  parameters.niter = kIterations;
  parameters.seed = 1234;
  parameters.min_points_per_centroid = 1;
  parameters.max_points_per_centroid = static_cast<int>(n / lists + 1);  // all that there are
  faiss::Clustering clustering(static_cast<int>(size), static_cast<int>(lists), parameters);
  Centroids centroids(size, stop, threads);
  std::vector<float> distances(n);
  std::vector<int64_t> nearest(n);
  const auto all = static_cast<faiss::Index::idx_t>(n);
  try {
    clustering.train(all, rows.row(0), centroids);
    centroids.search(all, rows.row(0), 1, distances.data(), nearest.data(), nullptr);
  } catch (const faiss::FaissException&) {
    if (stop()) return std::nullopt;
    throw;  // it was not the stop
  }
  return nearest;
}

}  // namespace cordon
