#include "engine/store/sealed_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "engine/base/replace_file.h"

namespace cordon {
namespace {

constexpr std::string_view kSealedMagic = "CDNIDX01";

// What the system said last.
Status FileFailed(const std::filesystem::path& path, std::string_view doing) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT;
  return Status(full ? StatusCode::kResourceExhausted : StatusCode::kUnavailable, "index",
                fmt::format("cannot {} {}: {}", doing, path.string(),
                            std::generic_category().message(error)));
}

Status DoesNotFit() {
  return Status(StatusCode::kDataLoss, "index", "a file of the index is damaged; it is made anew");
}

std::filesystem::path DraftOf(const std::filesystem::path& path) { return path.string() + ".tmp"; }

std::string PlaceOfBlock(const std::string& place, uint32_t block, bool last) {
  return fmt::format("cordon sealed file 1\n{}\n{}\n{}", place, block, last ? "last" : "more");
}

Status WriteFully(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileFailed(path, "write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return OkStatus();
}

bool ReadFully(int fd, char* to, size_t bytes) {
  while (bytes > 0) {
    const ssize_t read = ::read(fd, to, bytes);
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) return false;
    to += read;
    bytes -= static_cast<size_t>(read);
  }
  return true;
}

}  // namespace

StatusOr<std::unique_ptr<SealedFileWriter>> SealedFileWriter::Create(std::filesystem::path path,
                                                                     const SecretKey& key,
                                                                     std::string place) {
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  const auto draft = DraftOf(path);
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return FileFailed(draft, "create");
  std::unique_ptr<SealedFileWriter> writer(
      new SealedFileWriter(std::move(path), key, std::move(place), nonce, fd));
  RETURN_IF_ERROR(WriteFully(fd, kSealedMagic, draft));
  return writer;
}

SealedFileWriter::SealedFileWriter(std::filesystem::path path, const SecretKey& key,
                                   std::string place, SealNonce nonce, int fd)
    : path_(std::move(path)), key_(key), place_(std::move(place)), nonce_(nonce), fd_(fd) {}

SealedFileWriter::~SealedFileWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(DraftOf(path_).c_str());
}

Status SealedFileWriter::Seal(bool last) {
  sealed_.clear();
  SealText(key_, NonceAfter(nonce_, blocks_), PlaceOfBlock(place_, blocks_, last), text_, &sealed_);
  ++blocks_;
  text_.clear();
  return WriteFully(fd_, sealed_, DraftOf(path_));
}

Status SealedFileWriter::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    // A full block waits for more: it may be the last one.
    if (text_.size() == kSealedBlock) RETURN_IF_ERROR(Seal(/*last=*/false));
    const size_t some = std::min(bytes.size(), kSealedBlock - text_.size());
    text_.append(bytes.substr(0, some));
    bytes.remove_prefix(some);
  }
  return OkStatus();
}

Status SealedFileWriter::Finish() {
  RETURN_IF_ERROR(Seal(/*last=*/true));
  const auto draft = DraftOf(path_);
  if (::fsync(fd_) != 0) return FileFailed(draft, "sync");
  if (::rename(draft.c_str(), path_.c_str()) != 0) return FileFailed(draft, "rename");
  ::close(std::exchange(fd_, -1));
  return SyncDirectory(path_.parent_path());
}

StatusOr<std::unique_ptr<SealedFileReader>> SealedFileReader::Open(
    const std::filesystem::path& path, const SecretKey& key, std::string place) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return NotFound("index", path.string() + " is not there");
  if (fd < 0) return FileFailed(path, "open");
  struct stat info;
  const bool known = ::fstat(fd, &info) == 0;
  const uint64_t bytes = known ? static_cast<uint64_t>(info.st_size) : 0;
  const uint64_t rest = bytes - std::min<uint64_t>(bytes, kSealedMagic.size());
  const uint64_t blocks =
      (rest + kSealedBlock + kSealOverhead - 1) / (kSealedBlock + kSealOverhead);
  std::unique_ptr<SealedFileReader> reader(new SealedFileReader(
      key, std::move(place), fd, rest - std::min(rest, blocks * kSealOverhead)));
  std::string magic(kSealedMagic.size(), '\0');
  if (blocks == 0 || blocks > UINT32_MAX || rest < blocks * kSealOverhead ||
      !ReadFully(fd, magic.data(), magic.size()) || magic != kSealedMagic) {
    return DoesNotFit();
  }
  return reader;
}

SealedFileReader::SealedFileReader(const SecretKey& key, std::string place, int fd,
                                   uint64_t text_bytes)
    : key_(key), place_(std::move(place)), fd_(fd), left_(text_bytes), to_open_(text_bytes) {}

SealedFileReader::~SealedFileReader() { ::close(fd_); }

// The next block, of `text` bytes.
Status SealedFileReader::OpenNext(size_t text, char* to) {
  to_open_ -= text;
  sealed_.resize(text + kSealOverhead);
  if (!ReadFully(fd_, sealed_.data(), sealed_.size()) ||
      !OpenSealed(key_, PlaceOfBlock(place_, blocks_, to_open_ == 0), sealed_, to)) {
    text_.clear();
    at_ = 0;
    return DoesNotFit();
  }
  ++blocks_;
  return OkStatus();
}

size_t SealedFileReader::AtOnce(size_t bytes) const {
  const size_t open = text_.size() - at_;
  if (bytes <= open || bytes - open >= to_open_) return bytes;
  const size_t whole = open + (bytes - open) / kSealedBlock * kSealedBlock;
  return whole > 0 ? whole : bytes;
}

Status SealedFileReader::Read(void* to, size_t bytes) {
  if (bytes > left_) return DoesNotFit();
  left_ -= bytes;
  char* out = static_cast<char*>(to);
  while (bytes > 0) {
    size_t some = std::min(bytes, text_.size() - at_);
    if (some > 0) {
      std::memcpy(out, text_.data() + at_, some);
      at_ += some;
    } else if (const size_t next = NextBytes(); next <= bytes) {
      RETURN_IF_ERROR(OpenNext(next, out));  // where it belongs
      some = next;
    } else {
      at_ = 0;
      text_.resize(next);
      RETURN_IF_ERROR(OpenNext(next, text_.data()));
    }
    out += some;
    bytes -= some;
  }
  return OkStatus();
}

}  // namespace cordon
