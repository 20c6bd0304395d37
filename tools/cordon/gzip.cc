#include "tools/cordon/gzip.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/cordon/zstd_source.h"

namespace cordon {
namespace {

constexpr size_t kBufferBytes = 256 << 10;  // a few thousand system calls a gigabyte

Status FileError(std::string_view path, std::string_view what) {
  return Invalid("file", fmt::format("{}: {}", path, what));
}

class PlainSource : public FileSource {
 public:
  PlainSource(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~PlainSource() override {
    if (descriptor_ != STDIN_FILENO) close(descriptor_);
  }
  PlainSource(const PlainSource&) = delete;
  PlainSource& operator=(const PlainSource&) = delete;

  StatusOr<size_t> Read(char* out, size_t size) override {
    if (!peeked_.empty()) {
      const size_t count = peeked_.copy(out, size);
      peeked_.erase(0, count);
      return count;
    }
    if (wait_) RETURN_IF_ERROR(wait_(descriptor_));
    ssize_t count;
    do {
      count = read(descriptor_, out, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
      return FileError(path_, fmt::format("cannot read: {}; check the file", strerror(errno)));
    }
    return static_cast<size_t>(count);
  }

  void WaitWith(WaitForInput wait) override { wait_ = std::move(wait); }

  std::optional<uint64_t> Size() const override {
    struct stat info {};
    if (fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    return static_cast<uint64_t>(info.st_size);
  }

  // `size` bytes that the next Read() gives again; fewer if there are no more.
  StatusOr<std::string> Peek(size_t size) {
    std::string head = std::exchange(peeked_, {});
    while (head.size() < size) {
      char byte;
      ASSIGN_OR_RETURN(const size_t count, Read(&byte, 1));
      if (count == 0) break;
      head += byte;
    }
    peeked_ = head;
    return head;
  }

 private:
  const std::string path_;
  const int descriptor_;
  std::string peeked_;
  WaitForInput wait_;
};

class GzipSource : public FileSource {
 public:
  GzipSource(std::string path, std::unique_ptr<FileSource> packed)
      : path_(std::move(path)), packed_(std::move(packed)), buffer_(kBufferBytes, '\0') {
    // 15 + 16: the largest window, and gzip's frame only, whose CRC and length zlib checks.
    usable_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~GzipSource() override {
    if (usable_) inflateEnd(&stream_);
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  StatusOr<size_t> Read(char* out, size_t size) override {
    if (!usable_) return Internal("zlib cannot start; free memory and try again");
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min(size, kBufferBytes));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      ASSIGN_OR_RETURN(const bool more, Fill());
      if (!more) {
        if (member_done_) return size_t{0};
        return FileError(path_, "cut off: its gzip stream has no end; fetch or pack it again");
      }
      if (member_done_) {  // what follows a member must be another one
        inflateReset(&stream_);
        member_done_ = false;
        first_member_ = false;
      }
      const int result = inflate(&stream_, Z_NO_FLUSH);
      member_done_ = result == Z_STREAM_END;
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return FileError(path_, first_member_ ? "its gzip stream is damaged; fetch or pack it again"
                                              : "holds something after its gzip stream, or a "
                                                "damaged one; fetch or pack it again");
      }
    }
    return static_cast<size_t>(wanted - stream_.avail_out);
  }

  void WaitWith(WaitForInput wait) override { packed_->WaitWith(std::move(wait)); }

 private:
  // False if there is no more packed input.
  StatusOr<bool> Fill() {
    if (stream_.avail_in > 0) return true;
    ASSIGN_OR_RETURN(const size_t count, packed_->Read(buffer_.data(), buffer_.size()));
    stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_in = static_cast<uInt>(count);
    return count > 0;
  }

  const std::string path_;
  const std::unique_ptr<FileSource> packed_;
  std::string buffer_;
  z_stream stream_{};
  bool usable_ = false;
  bool member_done_ = false;
  bool first_member_ = true;
};

// Opens `path`; "-" is standard input.
StatusOr<std::unique_ptr<PlainSource>> OpenPlain(const std::string& path) {
  if (path == "-") return std::make_unique<PlainSource>(path, STDIN_FILENO);
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) return std::make_unique<PlainSource>(path, descriptor);
  return FileError(
      path, fmt::format("cannot open: {}; check the path and its permissions", strerror(errno)));
}

Status CheckRegular(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return FileError(
        path, fmt::format("cannot open: {}; check the path and its permissions", strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) return FileError(path, "not a regular file; give one");
  return OkStatus();
}

StatusOr<std::string> ReadAll(const std::string& path, FileSource& source, size_t bytes_max) {
  std::string text;
  std::string buffer(kBufferBytes, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, source.Read(buffer.data(), buffer.size()));
    if (count == 0) return text;
    if (count > bytes_max - text.size()) {
      return FileError(path, fmt::format("longer than {} bytes; split it", bytes_max));
    }
    text.append(buffer, 0, count);
  }
}

}  // namespace

StatusOr<std::unique_ptr<FileSource>> FileSource::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<PlainSource> plain, OpenPlain(path));
  ASSIGN_OR_RETURN(std::string head, plain->Peek(2));
  if (head == "\x1f\x8b") {
    return std::unique_ptr<FileSource>(std::make_unique<GzipSource>(path, std::move(plain)));
  }
  // No more than needed: the first line of a pipe may be shorter.
  if (head.size() == 2 && (head[1] == '\xb5' || head[1] == '\x2a')) {
    ASSIGN_OR_RETURN(head, plain->Peek(kZstdMagicBytes));
    if (IsZstdMagic(head)) return UnpackZstd(path, std::move(plain));
  }
  if (path.ends_with(".zst")) {
    return FileError(path, "named .zst but not packed; rename it, or fetch or pack it again");
  }
  if (path.ends_with(".gz")) {
    return FileError(path, "named .gz but not gzipped; rename it, or fetch or pack it again");
  }
  return std::unique_ptr<FileSource>(std::move(plain));
}

StatusOr<std::string> ReadFileUnpacked(const std::string& path, size_t bytes_max) {
  RETURN_IF_ERROR(CheckRegular(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<FileSource> source, FileSource::Open(path));
  return ReadAll(path, *source, bytes_max);
}

StatusOr<std::string> ReadFileAsIs(const std::string& path, size_t bytes_max) {
  RETURN_IF_ERROR(CheckRegular(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<PlainSource> source, OpenPlain(path));
  return ReadAll(path, *source, bytes_max);
}

LineReader::LineReader(std::unique_ptr<FileSource> source, size_t line_bytes_max)
    : source_(std::move(source)),
      bytes_total_(source_->Size().value_or(0)),
      line_bytes_max_(line_bytes_max),
      buffer_(kBufferBytes, '\0') {}

StatusOr<LineReader> LineReader::Open(const std::string& path, size_t line_bytes_max) {
  ASSIGN_OR_RETURN(std::unique_ptr<FileSource> source, FileSource::Open(path));
  return LineReader(std::move(source), line_bytes_max);
}

StatusOr<bool> LineReader::Fill() {
  if (begin_ < end_) return true;
  ASSIGN_OR_RETURN(end_, source_->Read(buffer_.data(), buffer_.size()));
  bytes_read_ += end_;
  begin_ = 0;
  return end_ > 0;
}

void LineReader::Append(Line& line, std::string_view bytes) const {
  if (!line.status.ok()) return;
  if (bytes.size() <= line_bytes_max_ - line.text.size()) {
    line.text += bytes;
    return;
  }
  line.text.clear();
  line.status = Invalid(
      "line", fmt::format("longer than {} bytes; split the document in several", line_bytes_max_));
}

StatusOr<bool> LineReader::Next(Line& line) {
  line.text.clear();
  line.status = OkStatus();
  bool any = false;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) break;
    any = true;
    const std::string_view unread(buffer_.data() + begin_, end_ - begin_);
    const size_t size = std::min(unread.find('\n'), unread.size());
    Append(line, unread.substr(0, size));
    begin_ += size;
    if (begin_ < end_) {  // at the line feed
      ++begin_;
      break;
    }
  }
  if (!any) return false;
  line.number = ++number_;
  if (line.number == 1 && line.text.starts_with("\xef\xbb\xbf")) line.text.erase(0, 3);
  return true;
}

double LineReader::Fraction() const {
  if (bytes_total_ == 0) return 0;
  const uint64_t taken = bytes_read_ - (end_ - begin_);
  // A file may grow while it is read.
  return std::min(1.0, static_cast<double>(taken) / static_cast<double>(bytes_total_));
}

}  // namespace cordon
