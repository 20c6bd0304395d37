#include "tools/cordon/progress.h"

#include <fmt/format.h>

#include "tools/cordon/human.h"

namespace cordon {
namespace {

constexpr std::chrono::milliseconds kTerminalEvery{200};
constexpr std::chrono::milliseconds kFileEvery{10'000};

}  // namespace

std::string ProgressText(const ProgressCounts& counts, std::chrono::duration<double> elapsed) {
  const double seconds = elapsed.count() > 0 ? elapsed.count() : 1e-9;
  std::string text = fmt::format("{} documents, {}/s", Grouped(counts.documents),
                                 Grouped(static_cast<uint64_t>(counts.documents / seconds)));
  if (counts.refused > 0) text += fmt::format(", {} refused", Grouped(counts.refused));
  if (counts.fraction > 0) {
    const auto left = static_cast<uint64_t>(seconds / counts.fraction - seconds + 0.5);
    text += fmt::format(", {:.0f} %, {}:{:02} left", counts.fraction * 100, left / 60, left % 60);
  }
  return text;
}

Progress::Progress(Output& output)
    : output_(output),
      begin_(std::chrono::steady_clock::now()),
      next_(begin_ + (output.interactive() ? kTerminalEvery : kFileEvery)) {}

void Progress::Update(const ProgressCounts& counts) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + (output_.interactive() ? kTerminalEvery : kFileEvery);
  output_.Progress(ProgressText(counts, now - begin_));
}

}  // namespace cordon
