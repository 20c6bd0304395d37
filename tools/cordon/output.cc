#include "tools/cordon/output.h"

#include <fmt/format.h>
#include <unistd.h>

namespace cordon {

void WriteError(JsonWriter& json, const Status& status) {
  json.Key("error").BeginObject();
  json.Key("code").String(CodeName(status.code()));
  json.Key("message").String(status.message());
  json.Key("field").String(status.field());
  json.EndObject();
}

std::string Printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const bool control =
        (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 127;
    if (control) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else if (static_cast<unsigned char>(c) >= 0x80 && static_cast<unsigned char>(c) < 0xA0 &&
               !shown.empty() && shown.back() == '\xC2') {
      // The C1 controls, U+0080 to U+009F, which some terminals obey.
      shown.pop_back();
      shown += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      shown += c;
    }
  }
  return shown;
}

Output::Output(bool json, std::FILE* out, std::FILE* err)
    : json_(json), out_(out), err_(err), interactive_(isatty(fileno(err)) == 1) {}

void Output::Line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  EraseProgress();
  const bool written = std::fwrite(text.data(), 1, text.size(), out_) == text.size() &&
                       std::fputc('\n', out_) != EOF && std::fflush(out_) == 0;
  failed_ = failed_ || !written;
}

void Output::Note(std::string_view text) {
  const std::lock_guard lock(mutex_);
  EraseProgress();
  fmt::print(err_, "{}\n", text);
  std::fflush(err_);
}

void Output::Progress(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (interactive_) {
    fmt::print(err_, "\r\x1b[K{}", text);
  } else {
    fmt::print(err_, "{}\n", text);
  }
  progress_shown_ = interactive_;
  std::fflush(err_);
}

void Output::ClearProgress() {
  const std::lock_guard lock(mutex_);
  EraseProgress();
}

int Output::Fail(const Status& status) {
  if (json_) {
    JsonWriter json;
    json.BeginObject();
    WriteError(json, status);
    Line(json.EndObject());
  } else {
    const std::string field = Printable(status.field());
    Note(fmt::format("error: {}{}{}", field, field.empty() ? "" : ": ",
                     Printable(status.message())));
  }
  return 1;
}

int Output::Finish(int exit_code) {
  const std::lock_guard lock(mutex_);
  EraseProgress();
  if (std::fflush(out_) != 0) failed_ = true;
  if (!failed_) return exit_code;
  fmt::print(err_, "error: an answer could not be written to standard output\n");
  return exit_code == 0 ? 1 : exit_code;
}

void Output::EraseProgress() {
  if (progress_shown_) fmt::print(err_, "\r\x1b[K");
  progress_shown_ = false;
}

}  // namespace cordon
