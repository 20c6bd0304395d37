#include "tools/cordon/refused_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "tools/cordon/json_writer.h"

namespace cordon {
namespace {

bool WriteBytes(std::FILE* file, const void* bytes, size_t size) {
  return size == 0 || std::fwrite(bytes, 1, size, file) == size;
}

bool WriteTextLine(std::FILE* file, std::string_view line) {
  return WriteBytes(file, line.data(), line.size()) && std::fputc('\n', file) != EOF;
}

// One row of a .fvecs file (vector_file.h).
bool WriteRow(std::FILE* file, std::span<const float> row) {
  const auto dimension = static_cast<int32_t>(row.size());
  return WriteBytes(file, &dimension, sizeof dimension) &&
         WriteBytes(file, row.data(), row.size_bytes());
}

}  // namespace

std::string RefusalJson(const RefusedDocument& refused) {
  JsonWriter json;
  json.BeginObject().Key("line").Unsigned(refused.origin.line);
  if (!refused.origin.file.empty()) json.Key("file").String(refused.origin.file);
  json.Key("id").String(refused.id).Key("field").String(refused.field);
  return json.Key("message").String(refused.message).EndObject().text();
}

void TellRefused(Output& output, const RefusedDocument& refused) {
  if (output.json()) return output.Line(RefusalJson(refused));
  const std::string place = refused.origin.file.empty()
                                ? fmt::format("line {}", refused.origin.line)
                                : Printable(refused.origin.file);
  std::string text = place;
  for (const std::string& part :
       {refused.origin.file.empty() ? refused.id : std::string(), refused.field}) {
    if (!part.empty()) text += ": " + Printable(part);
  }
  output.Note(fmt::format("refused: {}: {}", text, Printable(refused.message)));
}

StatusOr<std::unique_ptr<RefusedFile>> RefusedFile::Create(const std::string& path,
                                                           bool with_vectors) {
  std::unique_ptr<RefusedFile> created(new RefusedFile(path));
  RETURN_IF_ERROR(created->Begin(path));
  RETURN_IF_ERROR(created->Begin(path + ".why"));
  if (with_vectors) RETURN_IF_ERROR(created->Begin(path + ".fvecs"));
  return created;
}

RefusedFile::~RefusedFile() { (void)Close(); }

Status RefusedFile::Begin(const std::string& path) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    parts_.push_back({path, fdopen(descriptor, "w")});
    return OkStatus();
  }
  if (errno == EEXIST) {
    return Invalid("refused",
                   fmt::format("{}: is there already; take it away or name another file", path));
  }
  return Invalid("refused",
                 fmt::format("{}: cannot be made: {}; check the path and its permissions", path,
                             strerror(errno)));
}

void RefusedFile::Add(const RefusedDocument& refused) {
  const std::lock_guard lock(mutex_);
  any_ = true;
  const bool closed = parts_.front().file == nullptr;
  complete_ = complete_ && !closed && WriteTextLine(parts_[0].file, refused.origin.text) &&
              WriteTextLine(parts_[1].file, RefusalJson(refused));
  if (parts_.size() < 3 || refused.origin.text.empty()) return;
  complete_ = complete_ && WriteRow(parts_[2].file, refused.origin.vector);
}

void RefusedFile::Flush() {
  const std::lock_guard lock(mutex_);
  for (const Part& part : parts_) {
    if (part.file != nullptr && std::fflush(part.file) != 0) complete_ = false;
  }
}

Status RefusedFile::Close() {
  const std::lock_guard lock(mutex_);
  for (Part& part : parts_) {
    if (part.file == nullptr) continue;
    if (std::fclose(part.file) != 0) complete_ = false;
    part.file = nullptr;
    if (!any_) unlink(part.path.c_str());
  }
  if (complete_) return OkStatus();
  return Status(
      StatusCode::kUnavailable, "refused",
      fmt::format("{}: not all refused lines could be written; make room and run it again", path_));
}

}  // namespace cordon
