// Names that a person takes for each other.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace cordon {

// What a name looks like (Unicode Technical Standard 39, "skeleton"): equal for names that can be
// taken for each other because of letters of another script or of like shape.
class Looks {
 public:
  explicit Looks(std::string_view name);

  // True if the names look alike as they are written, or but for upper and lower case, width and
  // other compatible forms.
  bool Like(const Looks& other) const {
    return as_written_ == other.as_written_ || folded_ == other.folded_;
  }

 private:
  friend class LookAlikes;
  std::string as_written_;
  std::string folded_;
};

// Many names at once. For one thread.
class LookAlikes {
 public:
  void Add(std::string_view name);
  // Whether one of them looks like `name`, itself included.
  bool HasOneLike(std::string_view name) const;

 private:
  std::set<std::string, std::less<>> as_written_;
  std::set<std::string, std::less<>> folded_;
};

}  // namespace cordon
