// The gRPC server around an engine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/server/config.h"

namespace cordon {

// Serves from Start until Stop.
class Server {
 public:
  // Opens the engine and listens. FAILED_PRECONDITION for an address that is in use.
  static StatusOr<std::unique_ptr<Server>> Start(const Config& config);

  ~Server();

  // "HOST:PORT" with the port in use.
  const std::string& address() const;

  // The same of the metrics; empty if there are none.
  const std::string& metrics_address() const;

  // Takes no new calls, lets those under way finish within 7 s, breaks off the rest, and
  // returns.
  void Stop();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// cordond init: creates a store and its first key in DIR/admin.key.
Status InitStore(const DataPaths& paths, bool dev);

}  // namespace cordon
