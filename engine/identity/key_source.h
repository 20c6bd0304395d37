// Where an issuer publishes its keys (RFC 7517 §5): a file or a URL.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// One place. One thread reads; Stop() may come from another.
class KeySource {
 public:
  virtual ~KeySource() = default;

  // The whole text, or nothing if it has not changed since the last Read(). UNAVAILABLE if it
  // cannot be read or has more than limits::kKeySetBytes; the message is for the log.
  virtual StatusOr<std::optional<std::string>> Read() = 0;

  // The next Read() gives the text again, changed or not.
  virtual void Forget() {}

  // Makes a Read() under way, and every later one, fail soon.
  void Stop() { stopping_ = true; }

 protected:
  std::atomic<bool> stopping_{false};
};

// Whether `place` is a URL and no file.
bool IsUrl(std::string_view place);

// Refuses an empty place, URLs that are not https (http is enough on this machine), and URLs with
// a user's name or a password in them.
Status CheckKeySource(std::string_view field, const std::string& place);

// `ca_file` holds the certificates that vouch for a URL; empty: the system's. Redirects are not
// followed: keys come from the host that is configured.
std::unique_ptr<KeySource> MakeKeySource(const std::string& place, const std::string& ca_file,
                                         std::chrono::milliseconds timeout);

}  // namespace cordon
