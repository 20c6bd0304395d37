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

struct Header {
  std::string_view descr;
  std::vector<size_t> shape;
};

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

StatusOr<Header> ParseHeader(std::string_view dictionary) {
  const auto descr = ValueOf(dictionary, "descr");
  const auto fortran = ValueOf(dictionary, "fortran_order");
  const auto shape_text = ValueOf(dictionary, "shape");
  const auto shape = shape_text ? Tuple(*shape_text) : std::nullopt;
  if (!descr || !fortran || !shape || descr->size() < 5) {
    return Invalid("", "not a .npy file: its header is malformed");
  }
  if (!fortran->starts_with("False")) return Invalid("", "must be in C order");
  return Header{descr->substr(0, 5), *shape};
}

// Splits off the header's text; `rest` becomes the data.
StatusOr<std::string_view> TakeHeader(std::string_view bytes, std::string_view* rest) {
  if (!bytes.starts_with(kMagic) || bytes.size() < 12) return Invalid("", "not a .npy file");
  const bool wide = bytes[6] != 1;  // version 1.0 has a 16-bit length
  if (bytes[6] < 1 || bytes[6] > 3) return Invalid("", "an unknown version of the .npy format");
  const size_t length = wide ? At<uint32_t>(bytes.substr(8), 0) : At<uint16_t>(bytes.substr(8), 0);
  bytes.remove_prefix(wide ? 12 : 10);
  if (length > bytes.size()) return Invalid("", "cut short");
  *rest = bytes.substr(length);
  return bytes.substr(0, length);
}

}  // namespace

StatusOr<std::vector<float>> ParseNpy(std::string_view bytes) {
  std::string_view data;
  ASSIGN_OR_RETURN(const std::string_view text, TakeHeader(bytes, &data));
  ASSIGN_OR_RETURN(const Header header, ParseHeader(text));
  const size_t width = header.descr == "'<f2'"   ? 2
                       : header.descr == "'<f4'" ? 4
                       : header.descr == "'<f8'" ? 8
                                                 : 0;
  if (width == 0) return Invalid("", "must hold little-endian f2, f4 or f8 numbers");
  const bool row = header.shape.size() == 2 && header.shape[0] == 1;
  if (header.shape.size() != 1 && !row) {
    return Invalid("", "must be one vector, of shape (d,) or (1, d)");
  }
  const size_t count = header.shape.back();
  if (count == 0 || data.size() % width != 0 || data.size() / width != count) {
    return Invalid("", "its length is not what its header says, or it is empty");
  }
  std::vector<float> vector(count);
  for (size_t i = 0; i < count; ++i) {
    vector[i] = width == 2   ? FromHalf(At<uint16_t>(data, i))
                : width == 4 ? At<float>(data, i)
                             : static_cast<float>(At<double>(data, i));
    if (!std::isfinite(vector[i])) {
      return Invalid(fmt::format("[{}]", i), "not a finite 32-bit float");
    }
  }
  return vector;
}

}  // namespace cordon
