#include "bench/ann_benchmark.h"

#include <filesystem>

#ifdef CORDON_HDF5
#include <hdf5.h>
#endif

namespace cordon {

#ifdef CORDON_HDF5
namespace {

// What H5Xopen() and the like have given; negative if they failed.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (ok()) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  bool ok() const { return id_ >= 0; }
  operator hid_t() const { return id_; }  // NOLINT: to be given to the library

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// Text of either kind that h5py writes: of any length, or of a fixed one, ended early by zeros.
StatusOr<std::string> ReadText(hid_t file, const char* name) {
  const Status absent = Invalid(name, "no text; a file of ann-benchmarks has it as an attribute");
  const Handle attribute(H5Aopen(file, name, H5P_DEFAULT), H5Aclose);
  if (!attribute.ok()) return absent;
  const Handle type(H5Aget_type(attribute), H5Tclose);
  const Handle space(H5Aget_space(attribute), H5Sclose);
  if (!type.ok() || H5Tget_class(type) != H5T_STRING) return absent;
  if (!space.ok() || H5Sget_simple_extent_npoints(space) != 1) return absent;
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    if (H5Aread(attribute, type, &text) < 0 || text == nullptr) return absent;
    std::string copy = text;
    H5free_memory(text);
    return copy;
  }
  std::string text(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, text.data()) < 0) return absent;
  return std::string(text.c_str());
}

StatusOr<Matrix> ReadRows(hid_t file, const char* name) {
  const Handle set(H5Dopen2(file, name, H5P_DEFAULT), H5Dclose);
  if (!set.ok()) return Invalid(name, "no such data set; a file of ann-benchmarks has it");
  const Handle type(H5Dget_type(set), H5Tclose);
  const Handle space(H5Dget_space(set), H5Sclose);
  const H5T_class_t numbers = type.ok() ? H5Tget_class(type) : H5T_NO_CLASS;
  hsize_t extent[2] = {0, 0};
  if ((numbers != H5T_FLOAT && numbers != H5T_INTEGER) || !space.ok() ||
      H5Sget_simple_extent_ndims(space) != 2 ||
      H5Sget_simple_extent_dims(space, extent, nullptr) != 2 || extent[1] == 0) {
    return Invalid(name, "not rows of numbers");
  }
  Matrix matrix{extent[0], extent[1], {}};
  matrix.values.resize(matrix.rows * matrix.columns);
  // The library turns doubles and integers into floats.
  if (H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, matrix.values.data()) < 0) {
    return Status(StatusCode::kDataLoss, name, "cannot be read to its end");
  }
  return matrix;
}

StatusOr<Metric> ToMetric(const std::string& distance) {
  if (distance == "angular") return Metric::kCosine;
  if (distance == "euclidean") return Metric::kL2;
  return Invalid("distance", distance + " is not searched here; angular and euclidean are");
}

}  // namespace

StatusOr<AnnBenchmark> ReadAnnBenchmark(const std::string& path) {
  if (!std::filesystem::exists(path)) {
    return Status(StatusCode::kNotFound, "data", path + " is not there");
  }
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // what is wrong is said by the status
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.ok()) return Invalid("data", path + ": not a file of HDF5");
  AnnBenchmark read;
  ASSIGN_OR_RETURN(const std::string distance, ReadText(file, "distance"));
  ASSIGN_OR_RETURN(read.metric, ToMetric(distance));
  ASSIGN_OR_RETURN(read.train, ReadRows(file, "train"));
  ASSIGN_OR_RETURN(read.test, ReadRows(file, "test"));
  return read;
}

#else

StatusOr<AnnBenchmark> ReadAnnBenchmark(const std::string&) {
  return Status(StatusCode::kNotFound, "data", "built without libhdf5; Debian has libhdf5-dev");
}

#endif

}  // namespace cordon
