// One HTTP POST of JSON at a time, by libcurl.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/status.h"

namespace cordon {

// Where to, and with what. TLS is always verified, by `ca_file` if given, else by the system's CAs;
// redirects are not followed: texts go to the host that is configured.
struct HttpTarget {
  std::string url;
  std::string ca_file;
};

// Refuses URLs that are not https (http is enough on this machine), and URLs with a user's name or
// a password in them.
Status CheckEndpointUrl(std::string_view field, const std::string& url);

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;  // if the server said so
};

// Keeps its connection. For one thread at a time.
class HttpPost {
 public:
  explicit HttpPost(HttpTarget target);
  ~HttpPost();
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

  // `key` is sent as a bearer token unless empty, and written nowhere. UNAVAILABLE if there is no
  // answer within `timeout`, if it has more than limits::kEndpointAnswerBytes, or once `stop` (may
  // be null) says true; the message is for the log.
  StatusOr<HttpAnswer> Send(const std::string& json, const std::string& key,
                            std::chrono::milliseconds timeout, const std::function<bool()>& stop);

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace cordon
