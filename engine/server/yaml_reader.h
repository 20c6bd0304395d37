// Reading lists and maps in the server's settings, strictly.
#pragma once

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// Every error names the file and the line. Borrows the path.
class YamlReader {
 public:
  // What reads the value of a key.
  using Set = std::function<Status(const YAML::Node&)>;

  explicit YamlReader(const std::string& path) : path_(path) {}

  Status Bad(const YAML::Node& node, std::string_view field, std::string_view message) const {
    return Invalid(field, fmt::format("{} line {}: {}", path_, node.Mark().line + 1, message));
  }

  // A map of known keys, each once.
  Status Map(const YAML::Node& node, std::string_view field,
             const std::map<std::string, Set>& keys) const {
    if (!node.IsMap()) return Bad(node, field, "not a map of keys to values");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const std::string place = fmt::format("{}.{}", field, name);
      const auto known = keys.find(name);
      if (known == keys.end()) return Bad(entry.first, place, "unknown key");
      if (!seen.insert(name).second) return Bad(entry.first, place, "given twice; keep one");
      RETURN_IF_ERROR(known->second(entry.second));
    }
    return OkStatus();
  }

  Status Text(const YAML::Node& node, std::string_view field, std::string* text) const {
    if (!node.IsScalar()) return Bad(node, field, "not a single value");
    *text = node.Scalar();
    return OkStatus();
  }

  Status Number(const YAML::Node& node, std::string_view field, int* number) const {
    std::string text;
    RETURN_IF_ERROR(Text(node, field, &text));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
    if (error == std::errc() && end == text.data() + text.size()) return OkStatus();
    return Bad(node, field, "not a whole number");
  }

  Status List(const YAML::Node& node, std::string_view field,
              const std::function<Status(const YAML::Node&, const std::string&)>& take) const {
    if (!node.IsSequence()) return Bad(node, field, "not a list");
    for (const auto& entry : node) {
      std::string text;
      RETURN_IF_ERROR(Text(entry, field, &text));
      RETURN_IF_ERROR(take(entry, text));
    }
    return OkStatus();
  }

  Status Texts(const YAML::Node& node, std::string_view field,
               std::vector<std::string>* texts) const {
    return List(node, field, [&](const YAML::Node&, const std::string& text) {
      texts->push_back(text);
      return OkStatus();
    });
  }

 private:
  const std::string& path_;
};

}  // namespace cordon
