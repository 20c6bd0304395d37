// Batches of documents over one stream of Ingest.
#pragma once

#include <cstddef>
#include <vector>

#include "bench/closed_loop.h"
#include "cordon/v1/ingest.pb.h"

namespace cordon::bench {

struct Streamed {
  size_t accepted = 0;
  double seconds = 0;
};

// Sends batches evenly, the last of them when `over_s` have passed; 0: as fast as they go. Fail()s
// if one is refused.
Streamed Stream(const Target& target, const std::vector<v1::IngestRequest>& batches, double over_s);

}  // namespace cordon::bench
