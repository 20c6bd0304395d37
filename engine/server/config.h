// The server's settings: a YAML file, overruled by flags.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/embed/endpoint.h"
#include "engine/engine.h"
#include "engine/identity/issuer.h"

namespace cordon {

// Files in PEM, read anew while they change (tls_files.h).
struct TlsPaths {
  std::string certificate;  // the server's chain, its own first; empty: plain text
  std::string key;          // its private key
  std::string client_ca;    // who signs client certificates; empty: none is asked for
  int poll_ms = 1000;       // how often they are read; tests hurry
};

// When connections end; tests hurry.
struct ConnectionTimes {
  int age_ms = limits::kConnectionAge_ms;         // a tenth more or less: not all at once
  int ping_every_ms = limits::kPingEvery_ms;      // of silence
  int ping_timeout_ms = limits::kPingTimeout_ms;  // without an answer the client is gone
};

struct Config {
  DataPaths paths;
  TlsPaths tls;
  ConnectionTimes connections;
  std::string listen = "127.0.0.1:7420";
  // Where figures are to be read (metrics.h); empty: nowhere. They are neither authenticated nor
  // encrypted, so that whoever means an address beyond loopback says it twice.
  std::string metrics_listen;
  bool metrics_beyond_loopback = false;
  bool dev = false;
  Durability journal = Durability::kRequired;
  int threads = 0;                              // 0: one for each processor, at least 2
  int queue = limits::kServerQueueDefault;      // calls that wait for a thread; as many batches
  int stream_cap_ms = limits::kDeadlineCap_ms;  // of a stream of passages; tests hurry
  std::optional<uint64_t> accept_loss_to;
  std::string backup_dir;                 // where backups go; empty: none are made
  std::vector<Issuer> issuers;            // of users' tokens
  std::vector<EndpointConfig> endpoints;  // that embed and rerank
  std::string token_vocabulary;           // a file; empty: tokens are counted approximately
};

// Reads the keys data_dir, listen, journal_dir, journal_key, keys_dir, keys_copy_dir, master_key,
// master_key_command, backup_dir, journal, threads, queue, issuers, endpoints, token_vocabulary,
// tls_cert, tls_key, tls_client_ca, metrics_listen, metrics_beyond_loopback into `config`. Refuses
// a file that cannot be read, unknown keys and wrong values, naming key and line.
Status ReadConfig(const std::string& path, Config* config);

// Refuses an address that is not HOST:PORT, one beyond loopback without TLS or with --dev, and TLS
// without one of its files. The same of the metrics' address, beyond loopback if it is not meant.
Status CheckListen(const Config& config);

}  // namespace cordon
