#include "engine/http/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

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

using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

HeaderList HeadersOf(const HttpCall& call) {
  curl_slist* list = nullptr;
  if (call.json) {
    list = curl_slist_append(list, "Accept: application/json");
    list = curl_slist_append(list, "Content-Type: application/json");
    list = curl_slist_append(list, "Expect:");  // the body goes at once
  }
  if (!call.bearer.empty()) {
    list = curl_slist_append(list, ("Authorization: Bearer " + call.bearer).c_str());
  }
  return HeaderList(list, &curl_slist_free_all);
}

}  // namespace

Status CheckUrl(std::string_view field, const std::string& text, const UrlRefusals& refusals) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return Invalid(field, refusals.no_url);
  }
  if (!PartOf(url.get(), CURLUPART_USER).empty() ||
      !PartOf(url.get(), CURLUPART_PASSWORD).empty()) {
    return Invalid(field, refusals.credentials);
  }
  if (text.starts_with("https://")) return OkStatus();
  if (text.starts_with("http://") && IsThisMachine(PartOf(url.get(), CURLUPART_HOST))) {
    return OkStatus();
  }
  return Invalid(field, refusals.not_https);
}

struct HttpConnection::Parts {
  explicit Parts(HttpTarget where) : target(std::move(where)) {
    StartCurlOnce();
    curl = curl_easy_init();
  }
  ~Parts() {
    if (curl != nullptr) curl_easy_cleanup(curl);
  }

  static size_t Take(char* bytes, size_t size, size_t count, void* self) {
    auto* const parts = static_cast<Parts*>(self);
    std::string& body = parts->answer.body;
    const size_t more = size * count;
    if (body.size() + more > parts->call->answer_bytes) return 0;  // ends it with an error
    body.append(bytes, more);
    return more;
  }

  static int Continue(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto& stop = static_cast<Parts*>(self)->call->stop;
    return stop && stop() ? 1 : 0;
  }

  template <typename Value>
  void Set(CURLoption option, Value value) {
    good &= curl_easy_setopt(curl, option, value) == CURLE_OK;
  }

  // Whom it asks, and how sure it is of that.
  void SetTarget() {
    const bool secure = target.url.starts_with("https:");
    Set(CURLOPT_URL, target.url.c_str());
    Set(CURLOPT_PROTOCOLS_STR, secure ? "https" : "http");
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));  // NOLINT: curl's type
    if (!target.ca_file.empty()) {
      Set(CURLOPT_CAINFO, target.ca_file.c_str());
      Set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // those and no others
    }
    if (!secure) Set(CURLOPT_NOPROXY, "*");  // it must not leave this machine
  }

  void SetCall(const curl_slist* headers) {
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_TIMEOUT_MS, static_cast<long>(call->timeout.count()));  // NOLINT: curl's type
    Set(CURLOPT_HTTPHEADER, headers);
    if (call->json) {
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call->json->size()));
      Set(CURLOPT_POSTFIELDS, call->json->c_str());
    }
    Set(CURLOPT_WRITEFUNCTION, &Parts::Take);
    Set(CURLOPT_WRITEDATA, this);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &Parts::Continue);
    Set(CURLOPT_XFERINFODATA, this);
  }

  const HttpTarget target;
  CURL* curl = nullptr;
  // Of the call under way.
  const HttpCall* call = nullptr;
  HttpAnswer answer;
  bool good = true;  // curl could do all that was asked of it
};

HttpConnection::HttpConnection(HttpTarget target)
    : parts_(std::make_unique<Parts>(std::move(target))) {}

HttpConnection::~HttpConnection() = default;

StatusOr<HttpAnswer> HttpConnection::Send(const HttpCall& call) {
  if (parts_->curl == nullptr) return NoAnswer("no memory for a connection");
  // To curl 0 is no limit at all.
  if (call.timeout.count() <= 0) return NoAnswer("no time left");
  const HeaderList headers = HeadersOf(call);
  curl_easy_reset(parts_->curl);
  parts_->call = &call;
  parts_->answer = {};
  parts_->good = true;
  parts_->SetTarget();
  parts_->SetCall(headers.get());
  if (!parts_->good) return NoAnswer("curl lacks what is needed for " + parts_->target.url);
  const CURLcode result = curl_easy_perform(parts_->curl);
  if (result != CURLE_OK) return NoAnswer(curl_easy_strerror(result));
  long status = 0;  // NOLINT: curl's type
  curl_easy_getinfo(parts_->curl, CURLINFO_RESPONSE_CODE, &status);
  parts_->answer.status = static_cast<int>(status);
  curl_off_t wait = 0;
  curl_easy_getinfo(parts_->curl, CURLINFO_RETRY_AFTER, &wait);
  constexpr curl_off_t kDay = 86'400;  // beyond it, it may say what it likes
  if (wait > 0) parts_->answer.retry_after = std::chrono::seconds(std::min(wait, kDay));
  return std::move(parts_->answer);
}

}  // namespace cordon
