#include "tools/cordon/npy.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>

namespace cordon {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";

// IEEE 754 binary16 → binary32; exact.
float FromHalf(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) {
    const float value = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -value : value;
  }
  const uint32_t bits =
      exponent == 0x1F ? 0x7F800000u | fraction << 13 : (exponent + 112) << 23 | fraction << 13;
  return std::bit_cast<float>(sign | bits);
}

template <typename Number>
Number At(std::string_view data, size_t index) {
  Number number;
  std::memcpy(&number, data.data() + index * sizeof number, sizeof number);
  return number;
}

// What follows `'key':` in the header's Python dictionary.
std::optional<std::string_view> ValueOf(std::string_view dictionary, std::string_view key) {
  const size_t place = dictionary.find(fmt::format("'{}':", key));
  if (place == std::string_view::npos) return std::nullopt;
  std::string_view rest = dictionary.substr(place + key.size() + 3);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

// The numbers of a Python tuple; nothing if it is malformed.
std::optional<std::vector<size_t>> Tuple(std::string_view text) {
  if (!text.starts_with('(')) return std::nullopt;
  const size_t end = text.find(')');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view inside = text.substr(1, end - 1);
  std::vector<size_t> numbers;
  while (!inside.empty()) {
    size_t number = 0;
    const auto [stop, error] =
        std::from_chars(inside.data(), inside.data() + inside.size(), number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    inside.remove_prefix(static_cast<size_t>(stop - inside.data()));
    inside.remove_prefix(std::min(inside.find_first_not_of(", "), inside.size()));
  }
  return numbers;
}

}  // namespace

bool IsNpy(std::string_view first) {
  return first.starts_with(kMagic) && first.size() >= kNpyFirstBytes;
}

StatusOr<size_t> NpyHeaderBytes(std::string_view first) {
  if (!IsNpy(first)) return Invalid("", "not a .npy file");
  if (first[6] < 1 || first[6] > 3) return Invalid("", "an unknown version of the .npy format");
  // Version 1.0 has a 16-bit length.
  return first[6] == 1 ? 10 + size_t{At<uint16_t>(first.substr(8), 0)}
                       : 12 + size_t{At<uint32_t>(first.substr(8), 0)};
}

StatusOr<NpyHeader> ParseNpyHeader(std::string_view header) {
  const auto descr = ValueOf(header, "descr");
  const auto fortran = ValueOf(header, "fortran_order");
  const auto shape_text = ValueOf(header, "shape");
  const auto shape = shape_text ? Tuple(*shape_text) : std::nullopt;
  if (!descr || !fortran || !shape) return Invalid("", "not a .npy file: its header is malformed");
  if (!fortran->starts_with("False")) return Invalid("", "must be in C order");
  const size_t width = descr->starts_with("'<f2'")   ? 2
                       : descr->starts_with("'<f4'") ? 4
                       : descr->starts_with("'<f8'") ? 8
                                                     : 0;
  if (width == 0) return Invalid("", "must hold little-endian f2, f4 or f8 numbers");
  return NpyHeader{width, *shape};
}

float NpyNumber(std::string_view data, size_t width, size_t index) {
  if (width == 2) return FromHalf(At<uint16_t>(data, index));
  return width == 4 ? At<float>(data, index) : static_cast<float>(At<double>(data, index));
}

StatusOr<std::vector<float>> ParseNpy(std::string_view bytes) {
  ASSIGN_OR_RETURN(const size_t size, NpyHeaderBytes(bytes.substr(0, kNpyFirstBytes)));
  if (size > bytes.size()) return Invalid("", "cut short");
  ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(bytes.substr(0, size)));
  const std::string_view data = bytes.substr(size);
  const bool row = header.shape.size() == 2 && header.shape[0] == 1;
  if (header.shape.size() != 1 && !row) {
    return Invalid("", "must be one vector, of shape (d,) or (1, d)");
  }
  const size_t count = header.shape.back();
  if (count == 0 || data.size() % header.width != 0 || data.size() / header.width != count) {
    return Invalid("", "its length is not what its header says, or it is empty");
  }
  std::vector<float> vector(count);
  for (size_t i = 0; i < count; ++i) {
    vector[i] = NpyNumber(data, header.width, i);
    if (!std::isfinite(vector[i])) {
      return Invalid(fmt::format("[{}]", i), "not a finite 32-bit float");
    }
  }
  return vector;
}

}  // namespace cordon
