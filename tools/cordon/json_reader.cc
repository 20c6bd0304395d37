#include "tools/cordon/json_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace cordon {
namespace {

using simdjson::dom::element_type;

std::string_view TypeName(JsonValue value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "a list";
    case element_type::OBJECT:
      return "an object";
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
      return "a number";
    case element_type::STRING:
      return "a string";
    case element_type::BOOL:
      return "a truth value";
    case element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

Status Unknown(std::string_view key, std::span<const JsonField> fields) {
  std::vector<std::string_view> names;
  for (const JsonField& field : fields) names.push_back(field.name);
  return Invalid(key, fmt::format("unknown key; known are {}", fmt::join(names, ", ")));
}

std::string ParseMessage(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return "empty, not JSON";
    case simdjson::UTF8_ERROR:
      return "not valid UTF-8; write JSON in UTF-8";
    case simdjson::NUMBER_ERROR:
      return "not JSON: a number is malformed or beyond a double (NaN and Infinity are no JSON)";
    case simdjson::DEPTH_ERROR:
      return "nested too deeply";
    case simdjson::STRING_ERROR:
      return "not JSON: a string is malformed";
    case simdjson::UNCLOSED_STRING:
      return "not JSON: a string is not closed";
    case simdjson::UNESCAPED_CHARS:
      return "not JSON: a control character in a string is not escaped";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
      return "not JSON: a word is none of true, false, null (NaN is no JSON)";
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return "too long to be parsed";
    default:
      return "not JSON: the syntax is wrong or something follows the value";
  }
}

}  // namespace

StatusOr<JsonValue> JsonParser::Parse(std::string_view text) {
  JsonValue value;
  const auto error = parser_.parse(text.data(), text.size(), true).get(value);
  if (error != simdjson::SUCCESS) return Invalid("", ParseMessage(error));
  return value;
}

Status WrongType(JsonValue value, std::string_view wanted) {
  return Invalid("", fmt::format("must be {}, not {}", wanted, TypeName(value)));
}

Status ReadObject(JsonValue value, std::span<const JsonField> fields) {
  if (!value.is_object()) return WrongType(value, "an object");
  CORDON_CHECK(fields.size() <= 64);
  uint64_t seen = 0;
  for (const auto [key, member] : simdjson::dom::object(value)) {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [key = key](const auto& f) { return f.name == key; });
    if (found == fields.end()) return Unknown(key, fields);
    const uint64_t bit = uint64_t{1} << (found - fields.begin());
    if ((seen & bit) != 0) return Invalid(key, "given twice; keep one");
    seen |= bit;
    if (Status status = found->read(member); !status.ok()) return status.Within(key);
  }
  return OkStatus();
}

Status ReadObject(JsonValue value, std::initializer_list<JsonField> fields) {
  return ReadObject(value, std::span(fields.begin(), fields.size()));
}

Status ReadArray(JsonValue value, const std::function<Status(JsonValue)>& read) {
  if (!value.is_array()) return WrongType(value, "a list");
  size_t index = 0;
  for (const JsonValue element : simdjson::dom::array(value)) {
    if (Status status = read(element); !status.ok()) {
      return status.Within(fmt::format("[{}]", index));
    }
    ++index;
  }
  return OkStatus();
}

Status ReadString(JsonValue value, std::string* text) {
  std::string_view view;
  if (value.get_string().get(view) != simdjson::SUCCESS) return WrongType(value, "a string");
  *text = view;
  return OkStatus();
}

Status ReadBool(JsonValue value, bool* truth) {
  if (value.get_bool().get(*truth) != simdjson::SUCCESS) return WrongType(value, "true or false");
  return OkStatus();
}

Status ReadUint64(JsonValue value, uint64_t* number) {
  // Not is_double(), which is true of every number.
  const bool whole = value.get_uint64().get(*number) == simdjson::SUCCESS;
  if (whole && value.type() != element_type::DOUBLE) return OkStatus();
  if (value.is_number()) return Invalid("", "must be an integer that is not negative");
  return WrongType(value, "an integer");
}

Status ReadUint32(JsonValue value, uint32_t* number) {
  uint64_t wide = 0;
  RETURN_IF_ERROR(ReadUint64(value, &wide));
  if (wide > std::numeric_limits<uint32_t>::max()) {
    return Invalid("", "must be an integer up to 4294967295");
  }
  *number = static_cast<uint32_t>(wide);
  return OkStatus();
}

Status ReadTimeOrNull(JsonValue value, const std::function<google::protobuf::Timestamp*()>& time) {
  if (value.is_null()) return OkStatus();
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) {
    return WrongType(value, "an RFC 3339 time or null");
  }
  ASSIGN_OR_RETURN(const Micros micros, ParseTime(text));
  *time() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(micros);
  return OkStatus();
}

Status ReadStrings(JsonValue value, google::protobuf::RepeatedPtrField<std::string>* strings) {
  return ReadArray(value, [strings](JsonValue element) {
    std::string text;
    RETURN_IF_ERROR(ReadString(element, &text));
    *strings->Add() = std::move(text);
    return OkStatus();
  });
}

Status ReadFloats(JsonValue value, google::protobuf::RepeatedField<float>* floats) {
  if (!value.is_array()) return WrongType(value, "a list of numbers");
  const simdjson::dom::array numbers(value);
  floats->Reserve(static_cast<int>(numbers.size()));  // 2^24 - 1 at most, simdjson's own limit
  for (const JsonValue number : numbers) {
    double wide = 0;
    const bool read = number.get_double().get(wide) == simdjson::SUCCESS;
    const auto narrow = static_cast<float>(wide);
    if (!read || !std::isfinite(narrow)) {
      const Status status =
          read ? Invalid("", "beyond the range of a 32-bit float") : WrongType(number, "a number");
      return status.Within(fmt::format("[{}]", floats->size()));
    }
    floats->Add(narrow);
  }
  return OkStatus();
}

JsonField StringField(std::string_view name, std::string* text) {
  return {name, [text](JsonValue value) { return ReadString(value, text); }};
}

JsonField StatedField(std::string_view name, std::string* text) {
  return {name, [text](JsonValue value) {
            RETURN_IF_ERROR(ReadString(value, text));
            return text->empty() ? Invalid("", "empty; say which, or leave it out") : OkStatus();
          }};
}

JsonField StringsField(std::string_view name,
                       google::protobuf::RepeatedPtrField<std::string>* strings) {
  return {name, [strings](JsonValue value) { return ReadStrings(value, strings); }};
}

}  // namespace cordon
