// Which texts say what an earlier one has said.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cordon/v1/retrieval.pb.h"

namespace cordon {

// Remembers texts. What it says depends on the texts before and on their order alone. For one
// thread.
class Repeats {
 public:
  explicit Repeats(v1::Duplicates kind) : kind_(kind) {}

  // Whether `text` repeats one that was remembered; else remembers it.
  //
  // Exact: the same words (Tokenise) in the same order; of texts without words, the same bytes.
  // Near: besides, a Jaccard similarity of at least 0.9 of the sets of runs of three words
  // (shingles: Broder, "On the resemblance and containment of documents", 1997).
  bool Seen(std::string_view text);

 private:
  bool SeenNearly(const std::vector<uint64_t>& shingles);

  const v1::Duplicates kind_;
  std::unordered_set<std::string> exact_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> holders_;  // of a shingle: texts
  std::vector<size_t> sizes_;                                    // of texts: how many shingles
};

}  // namespace cordon
