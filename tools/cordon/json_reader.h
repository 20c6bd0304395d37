// Strict reading of JSON: unknown keys, keys given twice, and values of another type are refused
// with the path of the place, such as `chunks[0].embedding[3]`. Nothing is converted or dropped.
//
// Readers return INVALID_ARGUMENT whose field is the path below the value they were given.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/timestamp.pb.h>
#include <simdjson.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/status.h"

namespace cordon {

using JsonValue = simdjson::dom::element;

// Parses one JSON text at a time. Not thread-safe; a value lives until the next Parse().
class JsonParser {
 public:
  // Refuses what is not exactly one JSON value of valid UTF-8; the field is then empty.
  StatusOr<JsonValue> Parse(std::string_view text);

 private:
  simdjson::dom::parser parser_;
};

// One key that an object may have, and what reads its value.
struct JsonField {
  std::string_view name;
  std::function<Status(JsonValue)> read;
};

// Reads an object with no other keys than `fields`, each at most once; at most 64 of them.
Status ReadObject(JsonValue value, std::span<const JsonField> fields);
Status ReadObject(JsonValue value, std::initializer_list<JsonField> fields);

// Reads an array, one element after the other.
Status ReadArray(JsonValue value, const std::function<Status(JsonValue)>& read);

// Single values.
Status ReadString(JsonValue value, std::string* text);
Status ReadBool(JsonValue value, bool* truth);
Status ReadUint32(JsonValue value, uint32_t* number);
Status ReadUint64(JsonValue value, uint64_t* number);
// An RFC 3339 time, or null, which leaves `time` alone.
Status ReadTimeOrNull(JsonValue value, const std::function<google::protobuf::Timestamp*()>& time);
// Appends strings.
Status ReadStrings(JsonValue value, google::protobuf::RepeatedPtrField<std::string>* strings);
// Appends finite fp32 numbers; a number beyond fp32 is refused.
Status ReadFloats(JsonValue value, google::protobuf::RepeatedField<float>* floats);

// The readers as members of an object.
JsonField StringField(std::string_view name, std::string* text);
// One that is not empty where it is given: the server would take it for none.
JsonField StatedField(std::string_view name, std::string* text);
JsonField StringsField(std::string_view name,
                       google::protobuf::RepeatedPtrField<std::string>* strings);

// The same for values that a message takes by `set(value)`.
template <typename Value, typename Set>
JsonField SetField(std::string_view name, Status (*read)(JsonValue, Value*), Set set) {
  return {name, [read, set](JsonValue value) {
            Value got{};
            RETURN_IF_ERROR(read(value, &got));
            set(got);
            return OkStatus();
          }};
}
template <typename Set>
JsonField NumberField(std::string_view name, Set set) {
  return SetField(name, &ReadUint32, set);
}
template <typename Set>
JsonField LongNumberField(std::string_view name, Set set) {
  return SetField(name, &ReadUint64, set);
}
template <typename Set>
JsonField FlagField(std::string_view name, Set set) {
  return SetField(name, &ReadBool, set);
}

// A message from the text of the command line's option `option`, with which the field of a refusal
// begins.
template <typename Message>
StatusOr<Message> ParseOption(std::string_view option, std::string_view text,
                              Status (*read)(JsonValue, Message*)) {
  JsonParser parser;
  const auto value = parser.Parse(text);
  if (!value.ok()) return value.status().Within(option);
  Message message;
  if (Status status = read(*value, &message); !status.ok()) return status.Within(option);
  return message;
}

// INVALID_ARGUMENT "must be WANTED, not a …", naming the type that was found.
Status WrongType(JsonValue value, std::string_view wanted);

}  // namespace cordon
