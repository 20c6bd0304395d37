#include "engine/index/blas_core.h"

#include <cstdlib>
#include <string_view>

extern "C" {
const char* openblas_get_corename();
// Of builds that choose at run time; they read OPENBLAS_CORETYPE (OpenBLAS,
// driver/others/dynamic.c).
__attribute__((weak)) void gotoblas_dynamic_quit();
__attribute__((weak)) void gotoblas_dynamic_init();
}

namespace cordon {
namespace {

constexpr std::string_view kOfUnknown = "Prescott";

// As the library is built for them; null: it has no better.
const char* CoreOfProcessor() {
#if defined(__x86_64__)
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx512) return "SKYLAKEX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "HASWELL";
#endif
  return nullptr;
}

}  // namespace

std::string BlasCore() { return openblas_get_corename(); }

void ChooseBlasCore() {
  constexpr char kVariable[] = "OPENBLAS_CORETYPE";
  const char* const core = CoreOfProcessor();
  if (core == nullptr || BlasCore() != kOfUnknown || std::getenv(kVariable) != nullptr) return;
  if (gotoblas_dynamic_quit == nullptr || gotoblas_dynamic_init == nullptr) return;
  setenv(kVariable, core, /*overwrite=*/0);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
}

}  // namespace cordon
