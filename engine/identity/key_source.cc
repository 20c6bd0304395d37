#include "engine/identity/key_source.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <tuple>

#include "engine/base/limits.h"

namespace cordon {
namespace {

Status Unreadable(std::string_view why) { return Status(StatusCode::kUnavailable, "jwks", why); }

class File {
 public:
  explicit File(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

class KeyFile final : public KeySource {
 public:
  explicit KeyFile(std::string path) : path_(std::move(path)) {}

  StatusOr<std::optional<std::string>> Read() override {
    const File file(path_);
    struct stat info {};
    if (file.descriptor() < 0 || fstat(file.descriptor(), &info) != 0) {
      return Unreadable(fmt::format("{}: {}", path_, std::strerror(errno)));
    }
    if (!S_ISREG(info.st_mode)) return Unreadable(path_ + ": not a file");
    if ((info.st_mode & S_IWOTH) != 0) {
      return Unreadable(path_ + ": everybody can write it, and so vouch for anybody; chmod o-w");
    }
    const Version version = {info.st_dev,         info.st_ino,          info.st_size,
                             info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_sec,
                             info.st_ctim.tv_nsec};
    if (version == seen_) return std::optional<std::string>();
    ASSIGN_OR_RETURN(std::string text, ReadAll(file.descriptor()));
    seen_ = version;
    return std::optional<std::string>(std::move(text));
  }

  void Forget() override { seen_.reset(); }

 private:
  using Version =
      std::tuple<dev_t, ino_t, off_t, time_t, long, time_t, long>;  // NOLINT: as in stat

  StatusOr<std::string> ReadAll(int descriptor) const {
    std::string text(limits::kKeySetBytes + 1, '\0');
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t count = read(descriptor, text.data() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Unreadable(fmt::format("{}: {}", path_, std::strerror(errno)));
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    if (done > limits::kKeySetBytes) {
      return Unreadable(fmt::format("{}: more than {} bytes", path_, limits::kKeySetBytes));
    }
    text.resize(done);
    return text;
  }

  const std::string path_;
  std::optional<Version> seen_;
};

void StartCurlOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

class KeyUrl final : public KeySource {
 public:
  KeyUrl(std::string url, std::string ca_file, std::chrono::milliseconds timeout)
      : url_(std::move(url)), ca_file_(std::move(ca_file)), timeout_(timeout) {
    StartCurlOnce();
  }

  StatusOr<std::optional<std::string>> Read() override {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   &curl_easy_cleanup);
    if (!curl) return Unreadable("no memory for a connection");
    text_.clear();
    if (!SetUp(curl.get())) return Unreadable(url_ + ": curl lacks what is needed for it");
    const CURLcode result = curl_easy_perform(curl.get());
    if (result != CURLE_OK) {
      return Unreadable(fmt::format("{}: {}", url_, curl_easy_strerror(result)));
    }
    long status = 0;  // NOLINT: curl's type
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) return Unreadable(fmt::format("{}: HTTP status {}", url_, status));
    return std::optional<std::string>(std::move(text_));
  }

 private:
  static size_t Take(char* bytes, size_t size, size_t count, void* self) {
    std::string& text = static_cast<KeyUrl*>(self)->text_;
    const size_t more = size * count;
    if (text.size() + more > limits::kKeySetBytes) return 0;  // ends it with an error
    text.append(bytes, more);
    return more;
  }

  static int Continue(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<KeyUrl*>(self)->stopping_ ? 1 : 0;
  }

  bool SetUp(CURL* curl) {
    const bool secure = url_.starts_with("https:");
    bool good = true;
    const auto set = [&](CURLoption option, auto value) {
      good &= curl_easy_setopt(curl, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, secure ? "https" : "http");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));  // NOLINT: curl's type
    if (!ca_file_.empty()) {
      set(CURLOPT_CAINFO, ca_file_.c_str());
      set(CURLOPT_CAPATH, nullptr);  // those and no others
    }
    if (!secure) set(CURLOPT_NOPROXY, "*");  // it must not leave this machine
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_.count()));  // NOLINT: curl's type
    set(CURLOPT_WRITEFUNCTION, &KeyUrl::Take);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &KeyUrl::Continue);
    set(CURLOPT_XFERINFODATA, this);
    return good;
  }

  const std::string url_;
  const std::string ca_file_;
  const std::chrono::milliseconds timeout_;
  std::string text_;
};

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

bool IsUrl(std::string_view place) { return place.find("://") != place.npos; }

Status CheckKeySource(std::string_view field, const std::string& place) {
  if (place.empty()) return Invalid(field, "missing; name a file or an https URL");
  if (!IsUrl(place)) return OkStatus();
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, place.c_str(), 0) != CURLUE_OK) {
    return Invalid(field, "not a URL; write https://HOST/PATH, or a file's path");
  }
  if (!PartOf(url.get(), CURLUPART_USER).empty() ||
      !PartOf(url.get(), CURLUPART_PASSWORD).empty()) {
    return Invalid(field, "holds a user or a password; leave them out");
  }
  if (place.starts_with("https://")) return OkStatus();
  if (place.starts_with("http://") && IsThisMachine(PartOf(url.get(), CURLUPART_HOST))) {
    return OkStatus();
  }
  return Invalid(field, "not https: whoever is on the way could put keys of their own in it");
}

std::unique_ptr<KeySource> MakeKeySource(const std::string& place, const std::string& ca_file,
                                         std::chrono::milliseconds timeout) {
  if (IsUrl(place)) return std::make_unique<KeyUrl>(place, ca_file, timeout);
  return std::make_unique<KeyFile>(place);
}

}  // namespace cordon
