#include "engine/server/config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <ios>
#include <set>

#include "engine/server/endpoint_config.h"
#include "engine/server/issuer_config.h"

namespace cordon {
namespace {

Status BadConfig(const std::string& path, const YAML::Mark& mark, std::string_view field,
                 std::string_view message) {
  return Invalid(field, fmt::format("{} line {}: {}", path, mark.line + 1, message));
}

bool ToNumber(const std::string& text, int min, int max, int* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size() && *out >= min && *out <= max;
}

Status SetKey(const std::string& path, const YAML::Node& key, const YAML::Node& value,
              Config* config) {
  const std::string name = key.Scalar();
  if (name == "issuers") return ReadIssuers(path, value, &config->issuers);
  if (name == "endpoints") return ReadEndpoints(path, value, &config->endpoints);
  if (!value.IsScalar()) return BadConfig(path, key.Mark(), name, "not a single value");
  const std::string& text = value.Scalar();
  if (text.empty()) {
    return BadConfig(path, key.Mark(), name, "empty; give a value, or leave the key out");
  }
  const auto bounded = [&](int max, int* number) {
    if (ToNumber(text, 1, max, number)) return OkStatus();
    return BadConfig(path, key.Mark(), name, fmt::format("not 1 to {}", max));
  };
  if (name == "data_dir") {
    config->paths.data_dir = text;
  } else if (name == "listen") {
    config->listen = text;
  } else if (name == "journal_dir") {
    config->paths.journal_dir = text;
  } else if (name == "journal_key") {
    config->paths.journal_key = text;
  } else if (name == "keys_dir") {
    config->paths.keys_dir = text;
  } else if (name == "master_key") {
    config->paths.master_key = text;
  } else if (name == "keys_copy_dir") {
    config->paths.keys_copy_dir = text;
  } else if (name == "master_key_command") {
    config->paths.master_key_command = text;
  } else if (name == "backup_dir") {
    config->backup_dir = text;
  } else if (name == "tls_cert") {
    config->tls.certificate = text;
  } else if (name == "tls_key") {
    config->tls.key = text;
  } else if (name == "tls_client_ca") {
    config->tls.client_ca = text;
  } else if (name == "token_vocabulary") {
    config->token_vocabulary = text;
  } else if (name == "journal") {
    if (text != "required" && text != "buffered") {
      return BadConfig(path, key.Mark(), name, "not 'required' or 'buffered'");
    }
    config->journal = text == "required" ? Durability::kRequired : Durability::kBuffered;
  } else if (name == "metrics_listen") {
    config->metrics_listen = text;
  } else if (name == "metrics_beyond_loopback") {
    if (text != "true" && text != "false") {
      return BadConfig(path, key.Mark(), name, "not 'true' or 'false'");
    }
    config->metrics_beyond_loopback = text == "true";
  } else if (name == "threads") {
    RETURN_IF_ERROR(bounded(limits::kServerThreads, &config->threads));
  } else if (name == "queue") {
    RETURN_IF_ERROR(bounded(limits::kServerQueue, &config->queue));
  } else {
    return BadConfig(path, key.Mark(), name,
                     "unknown key; the keys are data_dir, listen, journal_dir, journal_key, "
                     "keys_dir, keys_copy_dir, master_key, master_key_command, backup_dir, "
                     "journal, threads, queue, issuers, endpoints, token_vocabulary, tls_cert, "
                     "tls_key, tls_client_ca, metrics_listen, metrics_beyond_loopback");
  }
  return OkStatus();
}

}  // namespace

Status ReadConfig(const std::string& path, Config* config) {
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (!root.IsMap() && !root.IsNull()) {
      return Invalid("config", path + ": not a map of keys to values");
    }
    std::set<std::string> seen;
    for (const auto& entry : root) {
      if (!seen.insert(entry.first.Scalar()).second) {
        return BadConfig(path, entry.first.Mark(), entry.first.Scalar(), "given twice; keep one");
      }
      RETURN_IF_ERROR(SetKey(path, entry.first, entry.second, config));
    }
  } catch (const YAML::BadFile&) {
    return Invalid("config", "cannot read " + path);
  } catch (const YAML::Exception& error) {
    return Invalid("config", fmt::format("{}: {}", path, error.what()));
  } catch (const std::ios_base::failure&) {  // a directory, or a disk that fails
    return Invalid("config", "cannot read " + path);
  }
  return OkStatus();
}

namespace {

Status CheckTls(const TlsPaths& tls) {
  if (tls.certificate.empty() != tls.key.empty()) {
    return Invalid(tls.key.empty() ? "tls_key" : "tls_cert",
                   "missing; give both --tls-cert FILE and --tls-key FILE");
  }
  if (tls.certificate.empty() && !tls.client_ca.empty()) {
    return Invalid("tls_cert", "missing; client certificates need --tls-cert and --tls-key too");
  }
  return OkStatus();
}

bool IsLoopback(const std::string& host) {
  int a = 0, b = 0, c = 0, d = 0;
  char rest = 0;
  const bool four = std::sscanf(host.c_str(), "%d.%d.%d.%d%c", &a, &b, &c, &d, &rest) == 4 &&
                    b >= 0 && b <= 255 && c >= 0 && c <= 255 && d >= 0 && d <= 255;
  return (four && a == 127) || host == "localhost" || host == "[::1]";
}

// A name, an IPv4 address or a bracketed IPv6 one; other schemes of gRPC's are none.
bool IsHost(const std::string& host) {
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  constexpr std::string_view kName =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  if (!bracketed) return !host.empty() && host.find_first_not_of(kName) == host.npos;
  return host.size() > 2 &&
         host.find_first_not_of("0123456789abcdefABCDEF:.", 1) == host.size() - 1;
}

bool IsHostAndPort(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  int port = 0;
  return colon != listen.npos && ToNumber(listen.substr(colon + 1), 0, 65535, &port) &&
         IsHost(listen.substr(0, colon));
}

Status CheckMetricsListen(const Config& config) {
  const std::string& listen = config.metrics_listen;
  if (listen.empty()) {
    if (!config.metrics_beyond_loopback) return OkStatus();
    return Invalid("metrics_listen", "missing; give --metrics-listen HOST:PORT");
  }
  if (!IsHostAndPort(listen)) {
    return Invalid("metrics_listen", "not HOST:PORT; write 127.0.0.1:9420");
  }
  if (IsLoopback(listen.substr(0, listen.rfind(':')))) return OkStatus();
  if (config.dev) {
    return Invalid("metrics_listen", "not a loopback address; --dev is for this machine alone");
  }
  if (config.metrics_beyond_loopback) return OkStatus();
  return Invalid("metrics_listen",
                 "not a loopback address, and metrics are for whoever reaches it, in plain text; "
                 "listen on 127.0.0.1, or say --metrics-beyond-loopback");
}

}  // namespace

Status CheckListen(const Config& config) {
  RETURN_IF_ERROR(CheckTls(config.tls));
  RETURN_IF_ERROR(CheckMetricsListen(config));
  const std::string& listen = config.listen;
  if (!IsHostAndPort(listen)) return Invalid("listen", "not HOST:PORT; write 127.0.0.1:7420");
  const size_t colon = listen.rfind(':');
  if (IsLoopback(listen.substr(0, colon))) return OkStatus();
  if (config.dev) {
    return Invalid("listen", "not a loopback address; --dev is for this machine alone");
  }
  if (!config.tls.certificate.empty()) return OkStatus();
  return Invalid("listen",
                 "not a loopback address, and others could read what passes; give --tls-cert FILE "
                 "and --tls-key FILE, or listen on 127.0.0.1");
}

}  // namespace cordon
