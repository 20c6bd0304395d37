// How long the peers take to build their indexes over the vectors of corpus.h's lifelike documents,
// on all processors. Usage: peer_builds hnswlib|faiss_ivf ROWS
#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "bench/corpus.h"
#include "engine/index/blas_core.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

namespace cordon::bench {
namespace {

using Id = faiss::Index::idx_t;

// Calls `do_row` for each row, on all processors.
template <typename DoRow>
void ForRows(size_t rows, const DoRow& do_row) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (size_t t = std::max(1u, std::thread::hardware_concurrency()); t > 0; --t) {
    threads.emplace_back([&] {
      for (size_t row; (row = next++) < rows;) do_row(row);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Of length 1, as the metric is the cosine.
std::vector<float> Vectors(size_t rows) {
  const Corpus corpus(rows, Content::kLifelike);
  std::vector<float> vectors(rows * kDimension);
  ForRows(rows, [&](size_t row) {
    const v1::Document document = corpus.MakeDocument(row);
    const auto& embedding = document.chunks(0).embedding();
    double squares = 0;
    for (const float number : embedding) squares += double{number} * number;
    const auto scale = static_cast<float>(1 / std::sqrt(squares));
    for (size_t i = 0; i < kDimension; ++i) {
      vectors[row * kDimension + i] = scale * embedding[static_cast<int>(i)];
    }
  });
  return vectors;
}

// With the links and the width that filtered_peers.cc gives it.
void BuildGraph(const std::vector<float>& vectors, size_t rows) {
  constexpr size_t kLinks = 16, kBuildWidth = 200;
  hnswlib::InnerProductSpace space(kDimension);
  hnswlib::HierarchicalNSW<float> graph(&space, rows, kLinks, kBuildWidth);
  graph.addPoint(vectors.data(), 0);
  ForRows(rows - 1, [&](size_t i) { graph.addPoint(&vectors[(i + 1) * kDimension], i + 1); });
}

// As many lists, rounds and rows of the sample as Cordon's training.
void BuildLists(const std::vector<float>& vectors, size_t rows) {
  constexpr size_t kSampleForList = 24;
  const auto lists = static_cast<size_t>(4 * std::sqrt(static_cast<double>(rows)));
  faiss::IndexFlat coarse(static_cast<Id>(kDimension), faiss::METRIC_INNER_PRODUCT);
  faiss::IndexIVFFlat index(&coarse, kDimension, lists, faiss::METRIC_INNER_PRODUCT);
  index.cp.niter = 6;
  index.cp.min_points_per_centroid = 1;
  index.train(static_cast<Id>(std::min(rows, kSampleForList * lists)), vectors.data());
  index.add(static_cast<Id>(rows), vectors.data());
}

int Main(int argc, char** argv) {
  ChooseBlasCore();
  const std::string peer = argc > 2 ? argv[1] : "";
  if (peer != "hnswlib" && peer != "faiss_ivf") {
    fmt::print(stderr, "peer_builds hnswlib|faiss_ivf ROWS\n");
    return 2;
  }
  const size_t rows = std::stoul(argv[2]);
  const std::vector<float> vectors = Vectors(rows);
  const auto start = std::chrono::steady_clock::now();
  peer == "hnswlib" ? BuildGraph(vectors, rows) : BuildLists(vectors, rows);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{{\"rows\":{},\"seconds\":{}}}\n", rows, took.count());
  return 0;
}

}  // namespace
}  // namespace cordon::bench

int main(int argc, char** argv) { return cordon::bench::Main(argc, argv); }
