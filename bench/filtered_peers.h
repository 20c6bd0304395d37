// The peers of filtered search: what a user would pick today from Debian's packages.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/filtered_callers.h"
#include "bench/filtered_data.h"

namespace cordon {

// One peer, built over all rows. One thread at a time.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() const = 0;
  // Readies it for these callers, which outlive their searches; not timed: FAISS's selectors, or
  // an index for each.
  virtual void Enter(const std::vector<FilteredCaller>& callers) = 0;
  // Forgets them.
  virtual void Leave() = 0;
  // The settings that trade time for recall, the quickest first, up to all that there is; one
  // between two of them is one as well.
  virtual std::vector<size_t> Settings(size_t k) const = 0;
  // The rows of about the best k of those that a caller may see, by its place among the callers.
  virtual void Search(size_t caller, const float* query, size_t k, size_t setting,
                      std::vector<uint32_t>* rows) = 0;
  double build_s = 0;
};

struct PeerChoice {
  bool faiss_flat = true;
  bool faiss_ivf = true;
  bool hnsw = true;
  bool hnsw_permitted = true;
};
std::vector<std::unique_ptr<Peer>> MakePeers(const VectorSet& set, const PeerChoice& choice);

}  // namespace cordon
