// The server's settings: a YAML file, overruled by flags.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/identity/issuer.h"

namespace cordon {

struct Config {
  DataPaths paths;
  std::string listen = "127.0.0.1:7420";
  bool dev = false;
  Durability journal = Durability::kRequired;
  int threads = 0;   // 0: one for each processor, at least 2
  int queue = 1024;  // calls that wait for a thread
  std::optional<uint64_t> accept_loss_to;
  std::vector<Issuer> issuers;  // of users' tokens
};

// Reads the keys data_dir, listen, journal_dir, journal_key, journal, threads, queue, issuers into
// `config`.
// Refuses a file that cannot be read, unknown keys and wrong values, naming key and line.
Status ReadConfig(const std::string& path, Config* config);

// OK if `listen` is HOST:PORT with a loopback host: this version has no TLS, so nothing else may be
// listened on.
Status CheckListen(const std::string& listen);

}  // namespace cordon
