// Which kernels OpenBLAS uses, and that they are in order after the choice.
#include "engine/index/blas_core.h"

#include <gtest/gtest.h>

#include <vector>

extern "C" void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*,
                       const float*, const int*, const float*, const int*, const float*, float*,
                       const int*);

namespace cordon {
namespace {

TEST(BlasCore, MultipliesAfterTheChoice) {
  ChooseBlasCore();
  constexpr int n = 65;
  std::vector<float> a(n * n), b(n * n), c(n * n);
  for (int i = 0; i < n * n; ++i) {
    a[i] = static_cast<float>(i % 7 - 3);
    b[i] = static_cast<float>(i % 5 - 2);
  }
  const float one = 1, zero = 0;
  sgemm_("N", "N", &n, &n, &n, &one, a.data(), &n, b.data(), &n, &zero, c.data(), &n);
  for (int column = 0; column < n; ++column) {
    for (int row = 0; row < n; ++row) {
      float sum = 0;  // of small integers: exact in any order
      for (int i = 0; i < n; ++i) sum += a[i * n + row] * b[column * n + i];
      ASSERT_EQ(c[column * n + row], sum) << BlasCore() << " " << row << " " << column;
    }
  }
}

#if defined(__x86_64__)
TEST(BlasCore, IsNoneOf2004WhereTheProcessorHasMore) {
  ChooseBlasCore();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    GTEST_SKIP() << "no AVX2 here";
  }
  EXPECT_NE(BlasCore(), "Prescott");
}
#endif

}  // namespace
}  // namespace cordon
