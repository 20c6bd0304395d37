// JSON from strangers (RFC 8259): one object, nothing after it, no member given twice.
#pragma once

#include <jansson.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cordon {

struct FreeJson {
  void operator()(json_t* json) const { json_decref(json); }
};
using Json = std::unique_ptr<json_t, FreeJson>;

// Null if `text` is no such object, or not valid UTF-8, or holds U+0000. Two members of one name
// would let two readers see different claims.
inline Json ParseObject(std::string_view text) {
  Json json(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, nullptr));
  return json_is_object(json.get()) ? std::move(json) : nullptr;
}

// The text of a JSON string; nothing for anything else, absent members included. Borrows.
inline std::optional<std::string_view> TextOf(const json_t* value) {
  if (!json_is_string(value)) return std::nullopt;
  return std::string_view(json_string_value(value), json_string_length(value));
}

inline std::optional<std::string_view> Member(const json_t* object, const char* name) {
  return TextOf(json_object_get(object, name));
}

}  // namespace cordon
