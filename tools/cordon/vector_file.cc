#include "tools/cordon/vector_file.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "engine/base/limits.h"
#include "tools/cordon/npy.h"

namespace cordon {
namespace {

constexpr size_t kReadAtOnce = 256 << 10;        // bytes
constexpr size_t kNpyHeaderBytesMax = 64 << 10;  // NumPy writes 128

bool IsNamedFvecs(std::string_view path) {
  for (const std::string_view packing : {".gz", ".zst"}) {
    if (path.ends_with(packing)) path.remove_suffix(packing.size());
  }
  return path.ends_with(".fvecs");
}

}  // namespace

StatusOr<VectorFile> VectorFile::Open(const std::string& path) {
  auto source = FileSource::Open(path);
  if (!source.ok()) return Invalid("vectors", source.status().message());
  VectorFile file(path, *std::move(source));
  RETURN_IF_ERROR(file.Begin());
  return file;
}

Status VectorFile::Bad(std::string_view what) const {
  return Invalid("vectors", fmt::format("{}: {}", path_, what));
}

StatusOr<std::string_view> VectorFile::Look(size_t size) {
  while (buffer_.size() - begin_ < size) {
    buffer_.erase(0, begin_);
    begin_ = 0;
    const size_t had = buffer_.size();
    buffer_.resize(had + kReadAtOnce);
    const auto count = source_->Read(buffer_.data() + had, kReadAtOnce);
    if (!count.ok()) return Invalid("vectors", count.status().message());
    buffer_.resize(had + *count);
    if (*count == 0) break;
  }
  return std::string_view(buffer_).substr(begin_, size);
}

StatusOr<std::string_view> VectorFile::Take(size_t size) {
  ASSIGN_OR_RETURN(const std::string_view bytes, Look(size));
  begin_ += bytes.size();
  return bytes;
}

Status VectorFile::CheckDimension(uint64_t dimension) const {
  if (dimension >= 1 && dimension <= limits::kDimensionMax) return OkStatus();
  return Bad(fmt::format("its rows have {} numbers; give vectors of 1 to {}", dimension,
                         limits::kDimensionMax));
}

Status VectorFile::Begin() {
  ASSIGN_OR_RETURN(const std::string_view first, Look(kNpyFirstBytes));
  if (IsNpy(first)) return BeginNpy();
  if (IsNamedFvecs(path_)) return BeginFvecs();
  return Bad("neither a .npy file nor named .fvecs; give one of them");
}

Status VectorFile::BeginNpy() {
  ASSIGN_OR_RETURN(const std::string_view first, Look(kNpyFirstBytes));
  const auto size = NpyHeaderBytes(first);
  if (!size.ok() || *size > kNpyHeaderBytesMax) return Bad("its header is malformed");
  ASSIGN_OR_RETURN(const std::string_view bytes, Take(*size));
  if (bytes.size() < *size) return Bad("cut off; fetch it again");
  const auto header = ParseNpyHeader(bytes);
  if (!header.ok()) return Bad(header.status().message());
  if (header->shape.size() != 2) return Bad("must hold vectors, of shape (rows, dimension)");
  RETURN_IF_ERROR(CheckDimension(header->shape[1]));
  rows_ = header->shape[0];
  dimension_ = header->shape[1];
  width_ = header->width;
  const auto whole = source_->Size();
  const size_t row = dimension_ * width_;
  const bool fits = !whole || ((*whole - *size) / row == *rows_ && (*whole - *size) % row == 0);
  return fits ? OkStatus() : Bad("its length is not what its header says; fetch it again");
}

Status VectorFile::BeginFvecs() {
  ASSIGN_OR_RETURN(const std::string_view first, Look(sizeof(int32_t)));
  if (first.empty()) {
    rows_ = 0;
    return OkStatus();
  }
  if (first.size() < sizeof(int32_t)) return Bad("cut off; fetch it again");
  uint32_t dimension;
  std::memcpy(&dimension, first.data(), sizeof dimension);
  RETURN_IF_ERROR(CheckDimension(dimension));
  dimension_ = dimension;
  const auto whole = source_->Size();
  if (!whole) return OkStatus();
  const size_t row = sizeof(int32_t) + dimension_ * sizeof(float);
  if (*whole % row != 0) {
    return Bad("cut off, or its rows have different dimensions; fetch it again");
  }
  rows_ = *whole / row;
  return OkStatus();
}

StatusOr<bool> VectorFile::Next(std::vector<float>* row) {
  ASSIGN_OR_RETURN(const bool more, width_ != 0 ? NextOfNpy(row) : NextOfFvecs(row));
  read_ += more ? 1 : 0;
  return more;
}

StatusOr<bool> VectorFile::NextOfNpy(std::vector<float>* row) {
  if (read_ == *rows_) {
    ASSIGN_OR_RETURN(const std::string_view rest, Look(1));
    if (!rest.empty()) return Bad("longer than its header says; fetch it again");
    return false;
  }
  ASSIGN_OR_RETURN(const std::string_view bytes, Take(dimension_ * width_));
  if (bytes.size() < dimension_ * width_) return Bad("cut off; fetch it again");
  row->resize(dimension_);
  for (size_t i = 0; i < dimension_; ++i) (*row)[i] = NpyNumber(bytes, width_, i);
  return true;
}

StatusOr<bool> VectorFile::NextOfFvecs(std::vector<float>* row) {
  const size_t size = sizeof(int32_t) + dimension_ * sizeof(float);
  ASSIGN_OR_RETURN(const std::string_view bytes, Take(size));
  if (bytes.empty()) return false;
  if (bytes.size() < size) return Bad("cut off; fetch it again");
  uint32_t dimension;
  std::memcpy(&dimension, bytes.data(), sizeof dimension);
  if (dimension != dimension_) {
    return Bad(fmt::format("row {} has {} numbers, the first {}; give rows of one dimension",
                           read_ + 1, dimension, dimension_));
  }
  row->resize(dimension_);
  std::memcpy(row->data(), bytes.data() + sizeof dimension, dimension_ * sizeof(float));
  return true;
}

}  // namespace cordon
