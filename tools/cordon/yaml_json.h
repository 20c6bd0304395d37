// YAML 1.2 (core schema) → the JSON text that says the same, so that one set of strict readers
// serves both. JSON itself is YAML too.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Converts the one document in `text`. Plain scalars are null, truth values, integers or floats
// where the core schema says so (`no` and `2026-01-01T00:00:00Z` are strings), quoted ones are
// strings; keys become strings. Refuses bad syntax (with its line), several documents, tags, merge
// keys, keys that are no scalars or are given twice (with their path), infinities, and more than
// 1,000,000 nodes.
StatusOr<std::string> YamlToJson(std::string_view text);

}  // namespace cordon
