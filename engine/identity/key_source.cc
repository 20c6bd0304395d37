#include "engine/identity/key_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <tuple>

#include "engine/base/limits.h"
#include "engine/http/http.h"

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

class KeyUrl final : public KeySource {
 public:
  KeyUrl(HttpTarget target, std::chrono::milliseconds timeout)
      : target_(std::move(target)), timeout_(timeout) {}

  StatusOr<std::optional<std::string>> Read() override {
    HttpCall call;
    call.timeout = timeout_;
    call.answer_bytes = limits::kKeySetBytes;
    call.stop = [this] { return stopping_.load(); };
    auto answer = HttpConnection(target_).Send(call);
    if (!answer.ok()) {
      return Unreadable(fmt::format("{}: {}", target_.url, answer.status().message()));
    }
    if (answer->status != 200) {
      return Unreadable(fmt::format("{}: HTTP status {}", target_.url, answer->status));
    }
    return std::optional<std::string>(std::move(answer->body));
  }

 private:
  const HttpTarget target_;
  const std::chrono::milliseconds timeout_;
};

}  // namespace

bool IsUrl(std::string_view place) { return place.find("://") != place.npos; }

Status CheckKeySource(std::string_view field, const std::string& place) {
  if (place.empty()) return Invalid(field, "missing; name a file or an https URL");
  if (!IsUrl(place)) return OkStatus();
  return CheckUrl(
      field, place,
      {.no_url = "not a URL; write https://HOST/PATH, or a file's path",
       .not_https = "not https: whoever is on the way could put keys of their own in it"});
}

std::unique_ptr<KeySource> MakeKeySource(const std::string& place, const std::string& ca_file,
                                         std::chrono::milliseconds timeout) {
  if (IsUrl(place)) return std::make_unique<KeyUrl>(HttpTarget{place, ca_file}, timeout);
  return std::make_unique<KeyFile>(place);
}

}  // namespace cordon
