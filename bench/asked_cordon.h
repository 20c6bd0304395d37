// cordond, asked over gRPC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/asked.h"
#include "bench/closed_loop.h"
#include "bench/ingest_stream.h"
#include "cordon/v1/retrieval.pb.h"

namespace cordon::bench {

class AskedCordon : public Asked {
 public:
  // Borrows the world.
  AskedCordon(const std::string& address, const std::string& key, const AskedWorld& world);

  // A collection, a group of each class with the callers of all cells, and a document of each row,
  // which the group of its class may see.
  Streamed Fill(size_t batch);

  void Enter(size_t cell) override { cell_ = cell; }
  void Ask(size_t caller, const float* query, std::vector<uint32_t>* rows) override;

 private:
  void CreateCollection();
  void FillDirectory();

  const AskedWorld& world_;
  const Target target_;
  size_t cell_ = 0;
  v1::RetrieveRequest request_;
};

}  // namespace cordon::bench
