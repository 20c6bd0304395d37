// A world of permissions: who is in which group, and the lists of its documents. Read from the text
// that permissions.py makes of real data, or of none.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/policy/decide.h"

namespace cordon::bench {

// One object a line:
//   world NAME
//   member GROUP MEMBER
//   container NAME PRINCIPAL…
//   class PRINCIPAL… [deny PRINCIPAL…] [inherit CONTAINER…]
//   user NAME
struct PermissionLists {
  using Names = std::vector<std::string>;
  struct List {
    Names allow, deny, inherit;
  };

  std::string name;
  Names users;
  std::vector<std::pair<std::string, std::string>> memberships;  // group, member
  std::vector<std::pair<std::string, Names>> containers;         // and whom they allow
  std::vector<List> lists;                                       // one a line of `class`
};

PermissionLists ReadPermissions(const std::string& path);

// The same as the engine judges by it.
struct PermissionWorld {
  std::string name;
  PolicyState policy;
  std::vector<std::string> users;
  std::vector<std::string> containers;
  size_t groups = 0;
  size_t memberships = 0;
  size_t lines = 0;  // of `class`; equal ones are one class
  size_t entries = 0;
};

PermissionWorld WorldOf(const PermissionLists& lists);

// Random lists of 8 of `groups` groups for so many classes, and users of 10, 100 and 1,000 groups.
PermissionWorld MakeWorld(size_t classes, size_t groups);

}  // namespace cordon::bench
