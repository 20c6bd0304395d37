// What Prometheus scrapes: figures for whoever operates the server, over HTTP and on an address of
// their own (docs/operations.md lists them).
//
// Anybody who reaches the address may read them. So each is a sum over all tenants, and a label has
// one of a few values that are fixed when the server is built: no tenant, collection, document,
// principal or key is named.
#pragma once

#include <memory>
#include <string>

#include "engine/base/status.h"

namespace cordon {

class Engine;
struct Front;

// Listens from Start until it is destroyed, with two threads of its own.
class Metrics {
 public:
  // Both outlive it, and no answer that is begun later than its end reads them. FAILED_PRECONDITION
  // if it cannot listen on `listen`, a HOST:PORT that is checked (CheckListen).
  static StatusOr<std::unique_ptr<Metrics>> Start(const std::string& listen, Engine* engine,
                                                  const Front* front);

  // Returns within 3 s: a client that reads its answer slowly is left behind with it.
  ~Metrics();

  // "HOST:PORT" with the port in use.
  const std::string& address() const;

 private:
  struct Parts;
  explicit Metrics(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace cordon
