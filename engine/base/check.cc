#include "engine/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace cordon {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "cordon: broken invariant %s at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace cordon
