// Assertions that stay on in release: an engine that is wrong about itself must stop, not guess.
#pragma once

namespace cordon {
// Prints the place and aborts.
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);
}  // namespace cordon

#define CORDON_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::cordon::CheckFailed(#condition, __FILE__, __LINE__))
