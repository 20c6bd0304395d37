// A page parsed by gumbo within bounds of memory and time: hostile pages exist that cost the square
// of their length, and gumbo frees deep trees by recursion, so the tree lives in an arena.
#pragma once

#include <gumbo.h>

#include <memory>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

class HtmlArena;

// The tree of one page, valid while this object and the page live.
class HtmlTree {
 public:
  // Parses `page`, which is UTF-8. Refuses field `text` if that takes more memory or time than
  // pages made by people do.
  static StatusOr<HtmlTree> Parse(std::string_view page);

  HtmlTree(HtmlTree&&) noexcept;
  ~HtmlTree();

  const GumboNode* root() const { return root_; }

 private:
  explicit HtmlTree(std::unique_ptr<HtmlArena> arena);

  std::unique_ptr<HtmlArena> arena_;
  const GumboNode* root_ = nullptr;
};

}  // namespace cordon
