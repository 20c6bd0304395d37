// Files as h5py writes them for ann-benchmarks. Built where libhdf5 is installed.
#include "bench/ann_benchmark.h"

#include <gtest/gtest.h>
#include <hdf5.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

class AnnBenchmarkTest : public ::testing::Test {
 protected:
  std::string Path() const { return scratch_ / "some.hdf5"; }

  // Three rows and a query, and how near they are.
  void Write(const char* distance, bool variable, bool queries = true) const {
    const hid_t file = H5Fcreate(Path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    Rows(file, "train", {1, 2, 3, 4, 5, 6});
    if (queries) Rows(file, "test", {7, 8});
    const hid_t type = H5Tcopy(H5T_C_S1), one = H5Screate(H5S_SCALAR);
    H5Tset_size(type, variable ? H5T_VARIABLE : std::string(distance).size());
    const hid_t attribute = H5Acreate2(file, "distance", type, one, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(H5Awrite(attribute, type, variable ? static_cast<const void*>(&distance) : distance),
              0);
    H5Aclose(attribute);
    H5Sclose(one);
    H5Tclose(type);
    H5Fclose(file);
  }

 private:
  static void Rows(hid_t file, const char* name, const std::vector<double>& values) {
    const hsize_t extent[2] = {values.size() / 2, 2};
    const hid_t space = H5Screate_simple(2, extent, nullptr);
    const hid_t set =
        H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Dclose(set);
    H5Sclose(space);
  }

  ScratchDirectory scratch_;
};

TEST_F(AnnBenchmarkTest, RowsQueriesAndDistanceAreRead) {
  for (const bool variable : {true, false}) {
    Write("angular", variable);
    const auto read = ReadAnnBenchmark(Path());
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(read->metric, Metric::kCosine);
    EXPECT_EQ(read->train.rows, 3u);
    EXPECT_EQ(read->train.columns, 2u);
    EXPECT_EQ(read->train.values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(read->test.values, (std::vector<float>{7, 8}));
  }
  Write("euclidean", true);
  EXPECT_EQ(ReadAnnBenchmark(Path())->metric, Metric::kL2);
}

TEST_F(AnnBenchmarkTest, AnotherDistanceIsRefusedByName) {
  Write("jaccard", true);
  const Status status = ReadAnnBenchmark(Path()).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.field(), "distance");
  EXPECT_NE(status.message().find("jaccard"), std::string::npos);
}

TEST_F(AnnBenchmarkTest, OtherFilesAreRefused) {
  EXPECT_EQ(ReadAnnBenchmark(Path()).status().code(), StatusCode::kNotFound);
  std::ofstream(Path()) << "text";
  EXPECT_EQ(ReadAnnBenchmark(Path()).status().field(), "data");
  Write("angular", true, /*queries=*/false);
  EXPECT_EQ(ReadAnnBenchmark(Path()).status().field(), "test");
}

}  // namespace
}  // namespace cordon
