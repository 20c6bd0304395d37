// HTTP calls to the places that the server's configuration names, by libcurl.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Where to, and with what. TLS is always verified, by `ca_file` if given, else by the system's CAs;
// redirects are not followed: what is sent goes to the host that is configured, and what is
// believed comes from it.
struct HttpTarget {
  std::string url;
  std::string ca_file;
};

// Why a URL is refused, in the words of who reads it.
struct UrlRefusals {
  std::string_view no_url = "not a URL; write https://HOST/PATH";
  std::string_view credentials = "holds a user or a password; leave them out";
  std::string_view not_https = "not https: whoever is on the way could read what is sent";
};

// Refuses URLs that are not https (http is enough on this machine), and URLs with a user's name or
// a password in them.
Status CheckUrl(std::string_view field, const std::string& url, const UrlRefusals& refusals);

// One request.
struct HttpCall {
  std::optional<std::string> json;       // is posted; without it a GET
  std::string bearer;                    // sent as a bearer token unless empty, and written nowhere
  std::chrono::milliseconds timeout{0};  // of all of it; more than 0
  size_t answer_bytes = 0;               // at most, of the answer's body
  std::function<bool()> stop;            // once it says true the call fails soon; may be empty
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;  // if the server said so; at most a day
};

// Keeps its connection. For one thread at a time; `stop` runs on that.
class HttpConnection {
 public:
  explicit HttpConnection(HttpTarget target);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Whatever status it has, an answer is one. UNAVAILABLE if there is none in time, if it has more
  // than `answer_bytes`, or once `stop` says true; the message is for the log.
  StatusOr<HttpAnswer> Send(const HttpCall& call);

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace cordon
