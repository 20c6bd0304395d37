// A set with judgements in an engine of its own, asked by whole Retrieve calls: what is ranked, how
// rankings are fused and what entitlements leave of them is the engine's own code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/relevance_data.h"
#include "bench/relevance_peers.h"
#include "cordon/v1/retrieval.pb.h"
#include "engine/engine.h"
#include "engine/index/bitmap.h"

namespace cordon {

// Who sees what in a set: each document is in a class, and a caller sees the documents of some.
struct RelevanceWorld {
  std::vector<uint32_t> class_of;  // by document
  std::vector<Bitmap> callers;     // their classes
};

// For one thread.
class RelevanceEngine {
 public:
  // Holds the documents that `holds` admits, each with the list of its class. Borrows the set and
  // the world; its files go with it.
  RelevanceEngine(const RelevanceSet& set, const RelevanceWorld& world,
                  const std::function<bool(size_t document)>& holds);
  ~RelevanceEngine();
  RelevanceEngine(const RelevanceEngine&) = delete;
  RelevanceEngine& operator=(const RelevanceEngine&) = delete;

  // Asks a question of the set as `how` says (rank, fusion, k), which says no more, in mode exact.
  RankedIds Ask(size_t caller, size_t query, const v1::RetrieveRequest& how);

 private:
  v1::Acl ListOf(uint32_t class_id) const;
  void Fill(const std::function<bool(size_t document)>& holds);

  const RelevanceSet& set_;
  const RelevanceWorld& world_;
  const std::string folder_;
  std::unique_ptr<Engine> engine_;
  std::optional<Authenticated> caller_;
};

}  // namespace cordon
