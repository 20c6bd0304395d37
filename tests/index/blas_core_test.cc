// Which kernels OpenBLAS uses, whether the user said so or not, and that they are in order after
// the choice.
#include "engine/index/blas_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
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
// OpenBLAS reads the variable when it is loaded, so the choice is that of another process, which is
// begun without the user's variable, or with one of its own.
class BlasCoreDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // the binary from its beginning
    if (const char* const users = std::getenv(kVariable)) users_ = users;
  }
  void TearDown() override {
    unsetenv(kVariable);
    if (users_) setenv(kVariable, users_->c_str(), /*overwrite=*/1);
  }
  [[noreturn]] static void ChooseAndTell() {
    ChooseBlasCore();
    std::fprintf(stderr, "uses %s\n", BlasCore().c_str());
    std::_Exit(0);
  }

  static constexpr char kVariable[] = "OPENBLAS_CORETYPE";

 private:
  std::optional<std::string> users_;
};

TEST_F(BlasCoreDeathTest, IsNoneOf2004WhereTheProcessorHasMore) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    GTEST_SKIP() << "no AVX2 here";
  }
  unsetenv(kVariable);
  EXPECT_EXIT(ChooseAndTell(), testing::ExitedWithCode(0),
              testing::Not(testing::HasSubstr("uses Prescott")));
}

TEST_F(BlasCoreDeathTest, IsWhatTheUserSays) {
  setenv(kVariable, "PRESCOTT", /*overwrite=*/1);
  EXPECT_EXIT(ChooseAndTell(), testing::ExitedWithCode(0), "uses Prescott");
}
#endif

}  // namespace
}  // namespace cordon
