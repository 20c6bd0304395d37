#include "engine/open_attempts.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>

namespace cordon {

Status OpenAttempts::Begin() {
  std::error_code error;
  const auto attempts = std::filesystem::file_size(file_, error);
  if (!error && attempts >= kMax) {
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  fmt::format("the last {} starts ended abruptly while they opened the store: it "
                              "may be damaged. See the log; restore the store from a copy, or "
                              "delete {} to try again",
                              attempts, file_));
  }
  std::ofstream file(file_, std::ios::app);
  file << '.' << std::flush;
  if (!file) spdlog::warn("cannot write {}: a start that ends abruptly is not counted", file_);
  return OkStatus();
}

void OpenAttempts::End() {
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

}  // namespace cordon
