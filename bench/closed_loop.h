// A closed loop of Retrieve calls: as many in flight as asked for, each followed by the next.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cordon/v1/retrieval.grpc.pb.h"

namespace cordon::bench {

// One server under load: its channels, each a connection of its own, and the key to show.
struct Target {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  std::vector<std::unique_ptr<v1::Retrieval::Stub>> retrieval;
  std::string bearer;
};

Target Connect(const std::string& address, const std::string& key, size_t channels);

// A context with the target's key and a deadline that only a hanging server meets.
std::unique_ptr<grpc::ClientContext> NewContext(const Target& target);

struct Loaded {
  double qps = 0;
  double p50_us = 0;
  double p99_us = 0;
  size_t calls = 0;
  size_t failed = 0;
  size_t passages = 0;  // of the last answer
  size_t answer_bytes = 0;
  std::string error;  // of one failed call
};

// Runs for `seconds`, on one thread and one completion queue, whoever the target is.
Loaded RunClosedLoop(const Target& target, const std::vector<v1::RetrieveRequest>& requests,
                     size_t in_flight, double seconds);

}  // namespace cordon::bench
