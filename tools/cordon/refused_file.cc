#include "tools/cordon/refused_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/cordon/json_writer.h"

namespace cordon {
namespace {

std::string WhyPath(const std::string& path) { return path + ".why"; }

StatusOr<std::FILE*> CreateNew(const std::string& path) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) return fdopen(descriptor, "w");
  if (errno == EEXIST) {
    return Invalid("refused",
                   fmt::format("{}: is there already; take it away or name another", path));
  }
  return Invalid("refused",
                 fmt::format("{}: cannot be made: {}; check the path and its permissions", path,
                             strerror(errno)));
}

bool WriteLine(std::FILE* file, std::string_view line) {
  return std::fwrite(line.data(), 1, line.size(), file) == line.size() &&
         std::fputc('\n', file) != EOF;
}

}  // namespace

std::string RefusalJson(const RefusedDocument& refused) {
  JsonWriter json;
  json.BeginObject().Key("line").Unsigned(refused.origin.line);
  if (!refused.origin.file.empty()) json.Key("file").String(refused.origin.file);
  json.Key("id").String(refused.id).Key("field").String(refused.field);
  return json.Key("message").String(refused.message).EndObject().text();
}

StatusOr<std::unique_ptr<RefusedFile>> RefusedFile::Create(const std::string& path) {
  ASSIGN_OR_RETURN(std::FILE * lines, CreateNew(path));
  const auto why = CreateNew(WhyPath(path));
  if (!why.ok()) {
    std::fclose(lines);
    unlink(path.c_str());
    return why.status();
  }
  return std::unique_ptr<RefusedFile>(new RefusedFile(path, lines, *why));
}

RefusedFile::RefusedFile(std::string path, std::FILE* lines, std::FILE* why)
    : path_(std::move(path)), lines_(lines), why_(why) {}

RefusedFile::~RefusedFile() { (void)Close(); }

void RefusedFile::Add(const RefusedDocument& refused) {
  const std::lock_guard lock(mutex_);
  if (lines_ == nullptr) return;
  ++count_;
  complete_ =
      complete_ && WriteLine(lines_, refused.origin.text) && WriteLine(why_, RefusalJson(refused));
}

Status RefusedFile::Close() {
  const std::lock_guard lock(mutex_);
  for (std::FILE** file : {&lines_, &why_}) {
    if (*file != nullptr && std::fclose(*file) != 0) complete_ = false;
    *file = nullptr;
  }
  if (count_ == 0) {
    unlink(path_.c_str());
    unlink(WhyPath(path_).c_str());
    return OkStatus();
  }
  if (complete_) return OkStatus();
  return Status(
      StatusCode::kUnavailable, "refused",
      fmt::format("{}: not all refused lines could be written; make room and run it again", path_));
}

}  // namespace cordon
