// Fears about upkeep beside the writer: that lists never come, that a geometry is another after a
// restart, that a stranger reads it or that it outlives its collection, that stopping waits for a
// training, or that one which fails is repeated without end.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/crypto/digest.h"
#include "engine/index/geometry_file.h"
#include "engine/index/training.h"
#include "engine/ingest/upkeep_worker.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using Stop = std::function<bool()>;

constexpr size_t kDimension = 16;

std::vector<float> OnCurve(size_t i) {
  std::vector<float> vector(kDimension);
  for (size_t j = 0; j < kDimension; ++j) {
    vector[j] = static_cast<float>(std::sin(0.37 * static_cast<double>(i * (j + 1) % 9973)));
  }
  return vector;
}

// Rows along a curve, all of one class.
VectorIndex Curve(size_t rows) {
  VectorIndexBuilder builder(VectorIndex(kDimension, Metric::kCosine));
  for (size_t i = 0; i < rows; ++i) {
    const std::vector<float> vector = OnCurve(i);
    const std::string id = std::to_string(i);
    DocumentChange change;
    change.document = id;
    change.rows = {{0, 0, vector.data()}};
    builder.Add(change);
  }
  return builder.Finish();
}

VectorIndex WithNew(const VectorIndex& index, size_t document) {
  const std::vector<float> vector = OnCurve(document + 1);
  const std::string id = std::to_string(document);
  DocumentChange change;
  change.document = id;
  change.rows = {{0, 0, vector.data()}};
  return index.Apply({&change, 1});
}

MadeLists Fails(const VectorIndex&, Upkeep, const Stop&) { return {}; }

class UpkeepTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(scratch_ / "keys");
    const KeyStore::Options options{.dir = scratch_ / "keys",
                                    .master = SecretKey(Sha256("master"))};
    ASSERT_TRUE(KeyStore::Create(options).ok());
    auto keys = KeyStore::Open(options);
    ASSERT_TRUE(keys.ok());
    keys_ = *std::move(keys);
    vault_ = std::make_unique<Vault>(keys_.get());
  }

  UpkeepOptions Options() const { return {.dir = dir_, .vault = vault_.get()}; }
  // Of work that trains nothing itself: what there is can only come from the disk.
  UpkeepOptions Untrained() const {
    UpkeepOptions options = Options();
    options.make = Fails;
    return options;
  }

  template <typename Reached>
  static bool Reaches(Reached reached) {
    for (int i = 0; i < 6000; ++i) {
      if (reached()) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  static MadeLists Wait(UpkeepWorker* worker) {
    std::vector<FinishedUpkeep> finished;
    Reaches([&] {
      finished = worker->TakeFinished();
      return !finished.empty();
    });
    return finished.empty() ? MadeLists() : std::move(finished.front().made);
  }
  MadeLists Do(UpkeepWorker* worker, const VectorIndex& frozen, Upkeep upkeep) const {
    worker->Start(name_, frozen, upkeep);
    return Wait(worker);
  }

  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void Touch(const std::string& name, const std::string& content = "something") const {
    fs::create_directories(dir_);
    std::ofstream(dir_ + "/" + name) << content;
  }
  // The names of the files that are left when these collections are all that there are.
  std::set<std::string> LeftBeside(const std::set<uint32_t>& collections) const {
    {
      UpkeepWorker worker(Options(), [] {});
      worker.ForgetOthers("default", collections);
    }  // which does what it was told
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(dir_)) left.insert(entry.path().filename());
    return left;
  }

  ScratchDirectory scratch_;
  std::unique_ptr<KeyStore> keys_;
  std::unique_ptr<Vault> vault_;
  const std::string dir_ = scratch_ / "index";
  const std::string path_ = dir_ + "/default.7.geometry";
  const IndexName name_{"default", 7};
};

TEST_F(UpkeepTest, KeepsTheGeometryOverARestart) {
  const VectorIndex index = Curve(kListedRowsMin).Frozen();
  ASSERT_EQ(NeededUpkeep(index, false), Upkeep::kTrain);
  std::string first;
  {
    UpkeepWorker worker(Options(), [] {});
    const MadeLists made = Do(&worker, index, Upkeep::kTrain);
    ASSERT_NE(made.lists, nullptr);
    first = EncodeGeometry(made.lists->geometry());
  }
  for (int start = 0; start < 2; ++start) {
    UpkeepWorker worker(Untrained(), [] {});
    const MadeLists made = Do(&worker, index, Upkeep::kTrain);
    ASSERT_NE(made.lists, nullptr) << "not from the disk";
    EXPECT_EQ(EncodeGeometry(made.lists->geometry()), first);
    EXPECT_EQ(NeededUpkeep(index.With(made), false), Upkeep::kNone);
  }
  fs::resize_file(path_, 100);  // damage: made anew
  UpkeepWorker worker(Options(), [] {});
  EXPECT_NE(Do(&worker, index, Upkeep::kTrain).lists, nullptr);
  const auto bytes = vault_->OpenFor("geometry default.7", Content());
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, first);
}

TEST_F(UpkeepTest, ARestartDoesNotForgetHowMuchHasChanged) {
  const VectorIndex index = Curve(kListedRowsMin).Frozen();
  {
    UpkeepWorker worker(Options(), [] {});
    VectorIndex grown = index.With(Do(&worker, index, Upkeep::kTrain));
    for (size_t i = 0; i < 5; ++i) grown = WithNew(grown, i);
    ASSERT_EQ(grown.changed(), 5u);
    ASSERT_NE(Do(&worker, grown.Frozen(), Upkeep::kMerge).lists, nullptr);
  }
  UpkeepWorker worker(Untrained(), [] {});
  const MadeLists made = Do(&worker, index, Upkeep::kTrain);
  ASSERT_NE(made.lists, nullptr);
  EXPECT_EQ(index.With(made).changed(), 5u);
}

// It is sealed with another nonce each time, so that a file written again is another.
TEST_F(UpkeepTest, WhatIsOnTheDiskIsWrittenAgainByEachMerge) {
  const VectorIndex index = Curve(kListedRowsMin).Frozen();
  UpkeepWorker worker(Options(), [] {});
  VectorIndex now = index.With(Do(&worker, index, Upkeep::kTrain));
  const std::string trained = Content();
  ASSERT_NE(trained, "");
  now = now.With(Do(&worker, now, Upkeep::kMerge));
  EXPECT_EQ(Content(), trained);
  now = WithNew(now, 1).Frozen();
  now = now.With(Do(&worker, now, Upkeep::kMerge));
  const std::string changed = Content();
  EXPECT_NE(changed, trained);
  now = now.With(Do(&worker, now, Upkeep::kMerge));
  EXPECT_EQ(Content(), changed);
  now = now.With(Do(&worker, now, Upkeep::kTrain));
  EXPECT_NE(Content(), changed);
}

// Centroids are averages of vectors.
TEST_F(UpkeepTest, AGeometryIsReadByNobodyWithoutTheKey) {
  const VectorIndex index = Curve(kListedRowsMin).Frozen();
  UpkeepWorker worker(Options(), [] {});
  const MadeLists made = Do(&worker, index, Upkeep::kTrain);
  ASSERT_NE(made.lists, nullptr);
  const std::string sealed = Content();
  ASSERT_GT(sealed.size(), 1000u);
  for (size_t list = 0; list < made.lists->geometry().lists(); ++list) {
    const std::string centroid(reinterpret_cast<const char*>(made.lists->geometry().centroid(list)),
                               kDimension * sizeof(float));
    ASSERT_EQ(sealed.find(centroid), std::string::npos) << list;
  }
  EXPECT_FALSE(vault_->OpenFor("geometry default.8", sealed).ok()) << "another's opens";
  EXPECT_EQ(fs::status(path_).permissions() & (fs::perms::group_all | fs::perms::others_all),
            fs::perms::none);
}

TEST_F(UpkeepTest, AGeometryGoesWithItsCollection) {
  Touch("default.7.geometry");
  Touch("default.8.geometry");
  UpkeepWorker worker(Options(), [] {});
  worker.Forget(name_);
  EXPECT_TRUE(Reaches([&] { return !fs::exists(path_); }));
  EXPECT_TRUE(fs::exists(dir_ + "/default.8.geometry"));
}

TEST_F(UpkeepTest, AStartRemovesWhatACrashHasLeft) {
  for (const char* name : {"default.7.geometry", "default.8.geometry", "default.7.geometry.tmp",
                           "default.x.8.geometry", "other.8.geometry", "default.8.notes"}) {
    Touch(name);
  }
  EXPECT_EQ(LeftBeside({7}), (std::set<std::string>{"default.7.geometry", "default.x.8.geometry",
                                                    "other.8.geometry", "default.8.notes"}));
}

// Although its collection is there, which is never trained any more if it has become small.
TEST_F(UpkeepTest, AGeometryThatWasNeverSealedStays) {
  Touch("default.7.geometry");
  Touch("default.8.geometry", "CDNGEO01 and centroids");
  Touch("default.9.geometry", "CDNGEO02 and centroids");
  Touch("default.7.geometry.new", "CDNGEO01 and centroids");
  Touch("default.10.geometry", "short");
  EXPECT_EQ(LeftBeside({7, 8, 9, 10}),
            (std::set<std::string>{"default.7.geometry", "default.10.geometry"}));
}

// Its geometry must not come after it.
TEST_F(UpkeepTest, ACollectionThatGoesIsWorkedOnNoMore) {
  const VectorIndex index = Curve(kListedRowsMin).Frozen();
  UpkeepOptions options = Options();
  std::atomic<bool> begun = false;
  options.make = [&](const VectorIndex& frozen, Upkeep upkeep, const Stop& stop) {
    MadeLists made = MakeLists(frozen, upkeep, [] { return false; });  // does not listen
    begun = true;
    while (!stop()) std::this_thread::sleep_for(milliseconds(1));
    return made;
  };
  UpkeepWorker worker(options, [] {});
  worker.Start(name_, index, Upkeep::kTrain);
  ASSERT_TRUE(Reaches([&] { return begun.load(); }));
  worker.Forget(name_);
  Wait(&worker);
  EXPECT_TRUE(Reaches([&] { return !fs::exists(path_); }));
  EXPECT_FALSE(worker.Busy(name_, Upkeep::kTrain));
}

TEST_F(UpkeepTest, CatchesUpWithWhatIsWrittenMeanwhile) {
  const VectorIndex index = Curve(kListedRowsMin).Frozen();
  UpkeepWorker worker({}, [] {});
  worker.Start(name_, index, Upkeep::kTrain);
  std::vector<FinishedUpkeep> finished;
  const auto done = [&] { return !(finished = worker.TakeFinished()).empty(); };
  ASSERT_TRUE(Reaches(done));
  VectorIndex grown = index;
  for (size_t i = 0; i < 20; ++i) grown = WithNew(grown, i);
  ASSERT_EQ(grown.RowsToList(finished.front().made), 20u);
  grown = grown.Frozen();
  worker.CatchUp(std::move(finished.front()), grown);
  ASSERT_TRUE(Reaches(done));
  EXPECT_EQ(finished.front().catch_ups, 1);
  ASSERT_EQ(grown.RowsToList(finished.front().made), 0u);
  grown = grown.With(finished.front().made);
  EXPECT_EQ(grown.rows(), kListedRowsMin);
  EXPECT_EQ(grown.changed(), 20u);
}

TEST_F(UpkeepTest, StopsInTheMiddleOfATraining) {
  UpkeepOptions options;
  std::atomic<bool> begun = false;
  options.make = [&](const VectorIndex&, Upkeep, const Stop& stop) {
    begun = true;
    while (!stop()) std::this_thread::sleep_for(milliseconds(1));
    return MadeLists();
  };
  UpkeepWorker worker(options, [] {});
  worker.Start(name_, Curve(100).Frozen(), Upkeep::kTrain);
  ASSERT_TRUE(Reaches([&] { return begun.load(); }));
  EXPECT_TRUE(worker.Busy(name_, Upkeep::kTrain));
  EXPECT_TRUE(worker.Busy(name_, Upkeep::kMerge));
}  // would not end

TEST_F(UpkeepTest, WhatFailsIsLeftAloneForAWhile) {
  const VectorIndex index = Curve(100).Frozen();
  for (const bool throws : {false, true}) {
    UpkeepOptions options;
    options.retry_after = std::chrono::hours(1);
    options.make = [throws](const VectorIndex&, Upkeep, const Stop&) -> MadeLists {
      if (throws) throw std::runtime_error("no memory");
      return {};
    };
    UpkeepWorker worker(options, [] {});
    EXPECT_EQ(Do(&worker, index, Upkeep::kTrain).lists, nullptr);
    EXPECT_TRUE(worker.Busy(name_, Upkeep::kTrain));
    EXPECT_FALSE(worker.Busy(name_, Upkeep::kMerge)) << "other work waits for it";
    EXPECT_FALSE(worker.Busy({"default", 8}, Upkeep::kTrain)) << "another index waits for it";
  }
}

TEST_F(UpkeepTest, WhatFailedIsTriedAgainAfterAWhileThatDoubles) {
  const VectorIndex index = Curve(kListedRowsMin).Frozen();
  UpkeepOptions options;
  options.retry_after = milliseconds(200);
  bool fails = true;
  options.make = [&](const VectorIndex& frozen, Upkeep upkeep, const Stop& stop) {
    return fails ? MadeLists() : MakeLists(frozen, upkeep, stop);
  };
  UpkeepWorker worker(options, [] {});
  for (const int wait_ms : {200, 400}) {
    const auto began = std::chrono::steady_clock::now();
    Do(&worker, index, Upkeep::kTrain);
    ASSERT_TRUE(Reaches([&] { return !worker.Busy(name_, Upkeep::kTrain); }));
    EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(wait_ms));
  }
  fails = false;
  EXPECT_NE(Do(&worker, index, Upkeep::kTrain).lists, nullptr);
  EXPECT_FALSE(worker.Busy(name_, Upkeep::kTrain));
}

}  // namespace
}  // namespace cordon
