#include "tools/cordon/zstd_source.h"

#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <utility>
#include <vector>

namespace cordon {
namespace {

class ZstdSource : public FileSource {
 public:
  ZstdSource(std::string path, std::unique_ptr<FileSource> packed)
      : path_(std::move(path)),
        packed_(std::move(packed)),
        stream_(ZSTD_createDStream(), ZSTD_freeDStream),
        buffer_(ZSTD_DStreamInSize()) {}

  StatusOr<size_t> Read(char* out, size_t size) override {
    if (stream_ == nullptr) return Internal("zstd cannot start; free memory and try again");
    ZSTD_outBuffer unpacked{out, size, 0};
    while (unpacked.pos == 0) {
      if (in_.pos == in_.size && !more_inside_) {
        ASSIGN_OR_RETURN(const size_t count, packed_->Read(buffer_.data(), buffer_.size()));
        in_ = {buffer_.data(), count, 0};
        if (count == 0 && frame_done_) return size_t{0};
        if (count == 0) return Bad("cut off: its zstd stream has no end; fetch or pack it again");
      }
      const size_t result = ZSTD_decompressStream(stream_.get(), &unpacked, &in_);
      if (ZSTD_isError(result) != 0) return Damaged(result);
      frame_done_ = result == 0;
      // A full output may hide that there is more to come without any input.
      more_inside_ = !frame_done_ && unpacked.pos == unpacked.size;
      any_frame_ = any_frame_ || frame_done_;
    }
    return unpacked.pos;
  }

  void WaitWith(WaitForInput wait) override { packed_->WaitWith(std::move(wait)); }

 private:
  Status Bad(std::string_view what) const {
    return Invalid("file", fmt::format("{}: {}", path_, what));
  }
  Status Damaged(size_t result) const {
    if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge) {
      return Bad("needs more than 128 MiB to be unpacked; pack it again without --long");
    }
    return Bad(any_frame_ ? "holds something after its zstd stream, or a damaged one; fetch or "
                            "pack it again"
                          : "its zstd stream is damaged; fetch or pack it again");
  }

  const std::string path_;
  const std::unique_ptr<FileSource> packed_;
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  std::vector<char> buffer_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool more_inside_ = false;  // output that waits for room
  bool frame_done_ = false;
  bool any_frame_ = false;
};

}  // namespace

bool IsZstdMagic(std::string_view head) {
  if (head == "\x28\xb5\x2f\xfd") return true;
  // A frame to pass over, with which some packers begin.
  return head.size() == kZstdMagicBytes && (head[0] & 0xf0) == 0x50 &&
         head.substr(1) == "\x2a\x4d\x18";
}

std::unique_ptr<FileSource> UnpackZstd(std::string path, std::unique_ptr<FileSource> packed) {
  return std::make_unique<ZstdSource>(std::move(path), std::move(packed));
}

}  // namespace cordon
