#include "engine/embed/http_post.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cstdio>
#include <mutex>

#include "engine/base/limits.h"

namespace cordon {
namespace {

Status NoAnswer(std::string_view why) { return Status(StatusCode::kUnavailable, "", why); }

void StartCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

// One part of a URL as curl, which will use it, understands it; empty if there is none.
std::string PartOf(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string result = text;
  curl_free(text);
  return result;
}

bool IsThisMachine(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  int a = 0, b = 0, c = 0, d = 0;
  char rest = 0;
  return std::sscanf(host.c_str(), "%d.%d.%d.%d%c", &a, &b, &c, &d, &rest) == 4 && a == 127;
}

}  // namespace

Status CheckEndpointUrl(std::string_view field, const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return Invalid(field, "not a URL; write https://HOST/PATH");
  }
  if (!PartOf(url.get(), CURLUPART_USER).empty() ||
      !PartOf(url.get(), CURLUPART_PASSWORD).empty()) {
    return Invalid(field, "holds a user or a password; put the key in a file (key_file)");
  }
  if (text.starts_with("https://")) return OkStatus();
  if (text.starts_with("http://") && IsThisMachine(PartOf(url.get(), CURLUPART_HOST))) {
    return OkStatus();
  }
  return Invalid(field, "not https: whoever is on the way could read what is sent");
}

struct HttpPost::Parts {
  explicit Parts(HttpTarget where) : target(std::move(where)) {
    StartCurlOnce();
    curl = curl_easy_init();
  }
  ~Parts() {
    if (curl != nullptr) curl_easy_cleanup(curl);
  }

  static size_t Take(char* bytes, size_t size, size_t count, void* self) {
    std::string& body = static_cast<Parts*>(self)->answer.body;
    const size_t more = size * count;
    if (body.size() + more > limits::kEndpointAnswerBytes) return 0;  // ends it with an error
    body.append(bytes, more);
    return more;
  }

  static int Continue(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto* stop = static_cast<Parts*>(self)->stop;
    return stop != nullptr && *stop && (*stop)() ? 1 : 0;
  }

  bool SetUp(const std::string& json, curl_slist* headers, std::chrono::milliseconds timeout) {
    curl_easy_reset(curl);
    const bool secure = target.url.starts_with("https:");
    bool good = true;
    const auto set = [&](CURLoption option, auto value) {
      good &= curl_easy_setopt(curl, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, target.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, secure ? "https" : "http");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));  // NOLINT: curl's type
    if (!target.ca_file.empty()) {
      set(CURLOPT_CAINFO, target.ca_file.c_str());
      set(CURLOPT_CAPATH, nullptr);  // those and no others
    }
    if (!secure) set(CURLOPT_NOPROXY, "*");  // it must not leave this machine
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));  // NOLINT: curl's type
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json.size()));
    set(CURLOPT_POSTFIELDS, json.c_str());
    set(CURLOPT_WRITEFUNCTION, &Parts::Take);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Parts::Continue);
    set(CURLOPT_XFERINFODATA, this);
    return good;
  }

  const HttpTarget target;
  CURL* curl = nullptr;
  HttpAnswer answer;
  const std::function<bool()>* stop = nullptr;
};

HttpPost::HttpPost(HttpTarget target) : parts_(std::make_unique<Parts>(std::move(target))) {}

HttpPost::~HttpPost() = default;

StatusOr<HttpAnswer> HttpPost::Send(const std::string& json, const std::string& key,
                                    std::chrono::milliseconds timeout,
                                    const std::function<bool()>& stop) {
  if (parts_->curl == nullptr) return NoAnswer("no memory for a connection");
  curl_slist* list = nullptr;
  for (const std::string& header :
       {std::string("Content-Type: application/json"), std::string("Accept: application/json"),
        std::string("Expect:"), key.empty() ? std::string() : "Authorization: Bearer " + key}) {
    if (!header.empty()) list = curl_slist_append(list, header.c_str());
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                            &curl_slist_free_all);
  parts_->answer = {};
  parts_->stop = &stop;
  if (!parts_->SetUp(json, headers.get(), timeout)) {
    return NoAnswer("curl lacks what is needed for " + parts_->target.url);
  }
  const CURLcode result = curl_easy_perform(parts_->curl);
  parts_->stop = nullptr;
  if (result != CURLE_OK) return NoAnswer(curl_easy_strerror(result));
  long status = 0;  // NOLINT: curl's type
  curl_easy_getinfo(parts_->curl, CURLINFO_RESPONSE_CODE, &status);
  parts_->answer.status = static_cast<int>(status);
  curl_off_t wait = 0;
  curl_easy_getinfo(parts_->curl, CURLINFO_RETRY_AFTER, &wait);
  if (wait > 0) parts_->answer.retry_after = std::chrono::seconds(wait);
  return std::move(parts_->answer);
}

}  // namespace cordon
