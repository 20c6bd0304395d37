// Fears about what was found for some parts of the rows: that a part between two of them is served
// by neither, or with less care than both.
#include <gtest/gtest.h>

#include "engine/index/geometry.h"

namespace cordon {
namespace {

constexpr size_t kTarget = 2;
static_assert(Calibration::kTargets[kTarget] == 0.95);
static_assert(Calibration::kFractions[2] == 0.1 && Calibration::kFractions[3] == 0.03);

TEST(CalibrationTest, ServesAPartBetweenTwo) {
  Calibration calibration;
  calibration.least[2][kTarget] = 0.02f;
  calibration.work[2][kTarget] = 8e5f;
  calibration.least[3][kTarget] = 0.01f;
  calibration.work[3][kTarget] = 2e6f;
  const auto at = calibration.DepthFor(0.95, 0.1);
  EXPECT_FLOAT_EQ(at.least, 0.02f);
  EXPECT_FLOAT_EQ(at.work, 8e5f);
  const auto below = calibration.DepthFor(0.95, 0.0999);  // as "10 %" of classes may come out
  EXPECT_NEAR(below.least, 0.02f, 1e-4f);
  EXPECT_NEAR(below.work, 8e5f, 1e4f);
  const auto between = calibration.DepthFor(0.95, 0.05);
  EXPECT_GT(between.least, 0.01f);
  EXPECT_LT(between.least, 0.02f);
  EXPECT_GT(between.work, 8e5f);
  EXPECT_LT(between.work, 2e6f);
}

// What lies below it may be beyond the lists, and says nothing of it.
TEST(CalibrationTest, ServesAPartThatWasCalibratedItself) {
  for (size_t f = 0; f < Calibration::kFractions.size(); ++f) {
    Calibration calibration;
    calibration.least[f][kTarget] = 0.02f;
    calibration.work[f][kTarget] = 8e5f;
    const auto depth = calibration.DepthFor(0.95, Calibration::kFractions[f]);
    EXPECT_EQ(depth.least, 0.02f) << f;
    EXPECT_EQ(depth.work, 8e5f) << f;
  }
}

TEST(CalibrationTest, SaysSoWhereListsDoNotServe) {
  Calibration calibration;
  calibration.least[2][kTarget] = 0.02f;
  calibration.work[2][kTarget] = 8e5f;
  EXPECT_EQ(calibration.DepthFor(0.95, 0.09).least, 0);  // not known of the smaller part
  EXPECT_EQ(calibration.DepthFor(0.95, 0.2).least, 0);   // nor of the larger one
  EXPECT_EQ(calibration.DepthFor(0.96, 0.1).least, 0);   // a stricter target
  EXPECT_EQ(calibration.DepthFor(0.999, 0.1).least, 0);  // stricter than any
}

// "10 %" of classes come out as a little less: if nothing is known below, with the care of the next
// stricter recall, or by a search of all.
TEST(CalibrationTest, ServesWithMoreCareWhatIsALittleLess) {
  Calibration calibration;
  calibration.least[2][kTarget] = 0.02f;
  calibration.work[2][kTarget] = 8e5f;
  EXPECT_EQ(calibration.DepthFor(0.95, 0.0999).least, 0);
  calibration.least[2][kTarget + 1] = 0.004f;
  calibration.work[2][kTarget + 1] = 9e5f;
  EXPECT_EQ(calibration.DepthFor(0.95, 0.0999).least, 0.004f);
  EXPECT_EQ(calibration.DepthFor(0.95, 0.0999).work, 9e5f);
  EXPECT_EQ(calibration.DepthFor(0.95, 0.09).least, 0);
}

}  // namespace
}  // namespace cordon
