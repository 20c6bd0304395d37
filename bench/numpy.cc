#include "bench/numpy.h"

#include <zlib.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <regex>
#include <string_view>

namespace cordon {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01", 7);
constexpr size_t kHeaderAt = 10;  // after magic, version and its length

float FromHalf(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const float mantissa = static_cast<float>(half & 1023);
  const float value =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (half >> 15) != 0 ? -value : value;
}

template <typename Value>
Value At(const char* data, size_t i) {
  Value value;
  std::memcpy(&value, data + sizeof(Value) * i, sizeof(Value));
  return value;
}

float ValueAt(const char* data, char type, size_t bytes, size_t i) {
  if (type == 'i') return static_cast<float>(At<int8_t>(data, i));
  return bytes == 2 ? FromHalf(At<uint16_t>(data, i)) : At<float>(data, i);
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
  if (bytes.size() < kHeaderAt || !bytes.starts_with(kMagic)) return unknown;
  const size_t begin = kHeaderAt + At<uint16_t>(bytes.data() + 8, 0);
  if (bytes.size() < begin) return unknown;
  const std::string header = bytes.substr(kHeaderAt, begin - kHeaderAt);
  static const std::regex kForm(R"('descr': '(?:[|<])(i1|f2|f4)', 'fortran_order': False, )"
                                R"('shape': \((\d{1,10}), (\d{1,6})\))");
  std::smatch found;
  if (!std::regex_search(header, found, kForm)) return unknown;
  const std::string type = found[1];
  const auto value_bytes = static_cast<size_t>(type[1] - '0');
  Matrix matrix{std::stoul(found[2]), std::stoul(found[3]), {}};
  if (bytes.size() - begin < matrix.rows * matrix.columns * value_bytes) {
    return Invalid("data", path + ": shorter than it says");
  }
  matrix.values.resize(matrix.rows * matrix.columns);
  for (size_t i = 0; i < matrix.values.size(); ++i) {
    matrix.values[i] = ValueAt(bytes.data() + begin, type[0], value_bytes, i);
  }
  return matrix;
}

}  // namespace cordon
