#include "tools/cordon/yaml_json.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <optional>
#include <set>

#include "tools/cordon/json_writer.h"
#include "tools/cordon/yaml_document.h"

namespace cordon {
namespace {

constexpr int kNodesMax = 1'000'000;  // aliases can make a small file endless
constexpr int kYamlDepthMax = 64;     // a policy is four deep

template <typename Number>
std::optional<Number> Whole(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Whether `text` has the shape of the core schema's floats: digits with a point or an exponent.
bool LooksLikeFloat(std::string_view text) {
  bool digit = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      digit = true;
    } else if (std::string_view("+-.eE").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return digit;
}

std::optional<double> Float(std::string_view text) {
  if (!LooksLikeFloat(text)) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Converter {
 public:
  Status Convert(const YAML::Node& node, int depth) {
    if (++nodes_ > kNodesMax) return Invalid("", "too large; at most 1000000 values");
    if (depth > kYamlDepthMax) return Invalid("", "nested too deeply");
    // "?" is a plain node's tag, "!" a quoted one's.
    if (!node.Tag().empty() && node.Tag() != "?" && node.Tag() != "!") {
      return Invalid("", fmt::format("the tag {} is not supported; leave it out", node.Tag()));
    }
    switch (node.Type()) {
      case YAML::NodeType::Map:
        return Map(node, depth);
      case YAML::NodeType::Sequence:
        return Sequence(node, depth);
      case YAML::NodeType::Scalar:
        Scalar(node);
        return OkStatus();
      default:
        json_.Null();
        return OkStatus();
    }
  }

  const std::string& text() const { return json_.text(); }

 private:
  Status Map(const YAML::Node& node, int depth) {
    json_.BeginObject();
    std::set<std::string> seen;
    for (const auto& member : node) {
      if (!member.first.IsScalar()) return Invalid("", "a key must be a plain word or a string");
      const std::string& key = member.first.Scalar();
      if (!seen.insert(key).second) return Invalid(key, "given twice; keep one");
      json_.Key(key);
      if (Status status = Convert(member.second, depth + 1); !status.ok()) {
        return status.Within(key);
      }
    }
    json_.EndObject();
    return OkStatus();
  }

  Status Sequence(const YAML::Node& node, int depth) {
    json_.BeginArray();
    size_t index = 0;
    for (const auto& element : node) {
      if (Status status = Convert(element, depth + 1); !status.ok()) {
        return status.Within(fmt::format("[{}]", index));
      }
      ++index;
    }
    json_.EndArray();
    return OkStatus();
  }

  void Scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") {
      json_.String(text);
    } else {
      Plain(text);
    }
  }

  void Plain(const std::string& text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
      json_.Null();
    } else if (text == "true" || text == "True" || text == "TRUE") {
      json_.Bool(true);
    } else if (text == "false" || text == "False" || text == "FALSE") {
      json_.Bool(false);
    } else if (const auto whole = Whole<int64_t>(text)) {
      json_.Signed(*whole);
    } else if (const auto hex = text.starts_with("0x")
                                    ? Whole<uint32_t>(std::string_view(text).substr(2), 16)
                                    : std::nullopt) {
      json_.Unsigned(*hex);
    } else if (const auto number = Float(text)) {
      json_.Double(*number);
    } else {
      json_.String(text);
    }
  }

  JsonWriter json_;
  int nodes_ = 0;
};

}  // namespace

StatusOr<std::string> YamlToJson(std::string_view text) {
  ASSIGN_OR_RETURN(const YAML::Node root, ReadYaml(text));
  try {
    Converter converter;
    RETURN_IF_ERROR(converter.Convert(root, 0));
    return converter.text();
  } catch (const YAML::Exception& error) {
    return Invalid("", fmt::format("line {}: {}", error.mark.line + 1, error.msg));
  }
}

}  // namespace cordon
