// Fears about upkeep beside the writer: that lists never come, that a write meanwhile is lost, that
// a geometry is another after a restart, or that stopping waits for a training.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>

#include "engine/index/geometry_file.h"
#include "engine/index/training.h"
#include "engine/ingest/upkeep_worker.h"

namespace cordon {
namespace {

using std::chrono::seconds;

// Rows along a curve, all of one class.
VectorIndex Curve(size_t rows, size_t dimension) {
  VectorIndexBuilder builder(VectorIndex(dimension, Metric::kCosine));
  for (size_t i = 0; i < rows; ++i) {
    std::vector<float> vector(dimension);
    for (size_t j = 0; j < dimension; ++j) {
      vector[j] = static_cast<float>(std::sin(0.37 * static_cast<double>(i * (j + 1) % 9973)));
    }
    DocumentChange change;
    const std::string id = std::to_string(i);
    change.document = id;
    change.rows = {{0, 0, vector.data()}};
    builder.Add(change);
  }
  return builder.Finish();
}

class UpkeepTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(dir_); }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  static MadeLists Wait(UpkeepWorker* worker) {
    for (int i = 0; i < 6000; ++i) {
      auto finished = worker->TakeFinished();
      if (!finished.empty()) return std::move(finished.front().made);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return {};
  }

  const std::string dir_ = testing::TempDir() + "/cordon_upkeep_test";
  const IndexName name_{"default", 7};
};

TEST_F(UpkeepTest, KeepsTheGeometryOverARestart) {
  const VectorIndex index = Curve(kListedRowsMin, 16).Frozen();
  ASSERT_EQ(NeededUpkeep(index, false), Upkeep::kTrain);
  std::string first;
  for (int start = 0; start < 3; ++start) {
    UpkeepWorker worker(dir_, [] {});
    worker.Start(name_, index, Upkeep::kTrain);
    const MadeLists made = Wait(&worker);
    ASSERT_NE(made.lists, nullptr);
    const std::string bytes = EncodeGeometry(made.lists->geometry());
    if (start == 0) first = bytes;
    EXPECT_EQ(bytes, first);
    EXPECT_EQ(NeededUpkeep(index.With(made), false), Upkeep::kNone);
  }
  ASSERT_TRUE(std::filesystem::exists(dir_ + "/default.7.geometry"));
  std::filesystem::resize_file(dir_ + "/default.7.geometry", 100);  // damage: made anew
  UpkeepWorker worker(dir_, [] {});
  worker.Start(name_, index, Upkeep::kTrain);
  EXPECT_NE(Wait(&worker).lists, nullptr);
  EXPECT_TRUE(ReadGeometry(dir_ + "/default.7.geometry").ok());
}

TEST_F(UpkeepTest, StopsInTheMiddleOfATraining) {
  const VectorIndex index = Curve(60'000, 64).Frozen();
  const auto began = std::chrono::steady_clock::now();
  {
    UpkeepWorker worker("", [] {});
    worker.Start(name_, index, Upkeep::kTrain);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(worker.Busy(name_));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(30));
}

}  // namespace
}  // namespace cordon
