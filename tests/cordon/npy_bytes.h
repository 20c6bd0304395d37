// The bytes of NumPy files, as NumPy writes them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace cordon {

inline std::string Npy(const std::string& descr, const std::string& shape, const std::string& data,
                       const std::string& order = "False") {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  header.resize((header.size() + 10) / 64 * 64 + 54, ' ');
  const auto length = static_cast<uint16_t>(header.size());
  std::string bytes = "\x93NUMPY";
  bytes += '\x01';
  bytes += '\0';
  bytes.append(reinterpret_cast<const char*>(&length), 2);
  return bytes + header + data;
}

template <typename Number>
std::string Bytes(std::initializer_list<Number> numbers) {
  return std::string(reinterpret_cast<const char*>(numbers.begin()),
                     numbers.size() * sizeof(Number));
}

}  // namespace cordon
