#include "bench/numpy.h"

#include <zlib.h>

#include <cstdint>
#include <regex>
#include <string_view>

#include "tools/cordon/npy.h"

namespace cordon {
namespace {

// `type`: int8 (i) or a float (f) of `bytes`.
float ValueAt(std::string_view data, char type, size_t bytes, size_t i) {
  return type == 'i' ? static_cast<float>(static_cast<int8_t>(data[i])) : NpyNumber(data, bytes, i);
}

}  // namespace

StatusOr<std::string> ReadUnpacked(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");  // reads plain files too
  if (file == nullptr) return Status(StatusCode::kNotFound, "data", path + " is not there");
  std::string bytes;
  std::vector<char> part(1 << 20);
  int n = 0;
  while ((n = gzread(file, part.data(), static_cast<unsigned>(part.size()))) > 0) {
    bytes.append(part.data(), static_cast<size_t>(n));
  }
  // A file that ends too early is told only when it is closed.
  if (gzclose(file) != Z_OK || n < 0) {
    return Status(StatusCode::kDataLoss, "data", path + " cannot be read to its end");
  }
  return bytes;
}

StatusOr<Matrix> ReadNumpy(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadUnpacked(path));
  const Status unknown = Invalid("data", path + ": not a .npy of int8, half or single floats");
  const auto begin = NpyHeaderBytes(std::string_view(bytes).substr(0, kNpyFirstBytes));
  if (!begin.ok() || bytes.size() < *begin) return unknown;
  const std::string header = bytes.substr(0, *begin);
  static const std::regex kForm(R"('descr': '(?:[|<])(i1|f2|f4)', 'fortran_order': False, )"
                                R"('shape': \((\d{1,10}), (\d{1,6})\))");
  std::smatch found;
  if (!std::regex_search(header, found, kForm)) return unknown;
  const std::string type = found[1];
  const auto value_bytes = static_cast<size_t>(type[1] - '0');
  Matrix matrix{std::stoul(found[2]), std::stoul(found[3]), {}};
  if (bytes.size() - *begin < matrix.rows * matrix.columns * value_bytes) {
    return Invalid("data", path + ": shorter than it says");
  }
  const std::string_view data = std::string_view(bytes).substr(*begin);
  matrix.values.resize(matrix.rows * matrix.columns);
  for (size_t i = 0; i < matrix.values.size(); ++i) {
    matrix.values[i] = ValueAt(data, type[0], value_bytes, i);
  }
  return matrix;
}

}  // namespace cordon
