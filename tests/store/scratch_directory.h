// A directory of one test, gone with it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/base/check.h"

namespace cordon {

// kQuick is for tests that sync often and do not lose power: in memory, where there is room.
enum class Place { kDisk, kQuick };

class ScratchDirectory {
 public:
  explicit ScratchDirectory(Place place = Place::kDisk) {
    std::string name = (Root(place) / "cordon-test-XXXXXX").string();
    CORDON_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  static std::filesystem::path Root(Place place) {
    constexpr uintmax_t kRoomBytes = uintmax_t{1} << 30;
    const std::filesystem::path memory = "/dev/shm";
    std::error_code none;
    const bool quick = place == Place::kQuick && std::getenv("TMPDIR") == nullptr &&
                       std::filesystem::is_directory(memory, none) &&
                       std::filesystem::space(memory, none).available > kRoomBytes && !none;
    return quick ? memory : std::filesystem::temp_directory_path();
  }

  std::filesystem::path path_;
};

}  // namespace cordon
