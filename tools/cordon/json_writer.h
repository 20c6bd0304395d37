// JSON out: one compact line at a time, keys in the order written, doubles in the shortest form
// that reads back as the same value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cordon {

// Appends JSON to a string. The caller balances Begin and End and writes a Key before each member's
// value; commas are the writer's. Not thread-safe.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view key);

  // Bytes that are not UTF-8 become U+FFFD, so that the line is always JSON.
  JsonWriter& String(std::string_view value);
  JsonWriter& Unsigned(uint64_t value);
  JsonWriter& Signed(int64_t value);
  // Always with a point or an exponent; not finite becomes null.
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

  // The strings of a range, as an array.
  template <typename Range>
  JsonWriter& Strings(const Range& values) {
    BeginArray();
    for (const auto& value : values) String(value);
    return EndArray();
  }

  const std::string& text() const { return text_; }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();
  void Quote(std::string_view value);

  std::string text_;
};

}  // namespace cordon
