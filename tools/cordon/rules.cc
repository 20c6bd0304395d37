#include "tools/cordon/rules.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <set>
#include <string>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "tools/cordon/yaml_document.h"

namespace cordon {
namespace {

constexpr size_t kRulesTextBytesMax = 1 << 20;  // a file that people write
constexpr size_t kRulesMax = 10000;             // each file is tried against all of them

// `message` with the line of `node` before it.
Status NodeError(const YAML::Node& node, std::string_view field, std::string_view message) {
  const YAML::Mark mark = node.Mark();
  if (mark.is_null()) return Invalid(field, message);
  return Invalid(field, fmt::format("line {}: {}", mark.line + 1, message));
}

Status AtNode(const YAML::Node& node, const Status& status) {
  return status.ok() ? status : NodeError(node, status.field(), status.message());
}

// Refuses what is no map, and keys that are unknown or given twice.
Status CheckKeys(const YAML::Node& node, std::initializer_list<std::string_view> known) {
  if (!node.IsMap()) return NodeError(node, "", "must be a map of keys and values");
  std::set<std::string> seen;
  for (const auto& entry : node) {  // a pair that structured bindings cannot take apart
    const YAML::Node& key = entry.first;
    if (!key.IsScalar()) return NodeError(key, "", "a key must be a name");
    const std::string& name = key.Scalar();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return NodeError(key, name,
                       fmt::format("unknown key; the known ones are {}", fmt::join(known, ", ")));
    }
    if (!seen.insert(name).second) return NodeError(key, name, "given twice; keep one");
  }
  return OkStatus();
}

StatusOr<std::string> ParseName(const YAML::Node& node, size_t bytes_max) {
  if (!node.IsScalar()) return NodeError(node, "", "must be a string");
  RETURN_IF_ERROR(AtNode(node, CheckName("", node.Scalar(), bytes_max)));
  return node.Scalar();
}

// Calls take(item) for each item of the list `node`; a missing one is empty.
template <typename Take>
Status ForEachItem(const YAML::Node& node, size_t items_max, Take take) {
  if (!node.IsDefined()) return OkStatus();
  if (!node.IsSequence()) return NodeError(node, "", "must be a list, such as [a, b]");
  if (node.size() > items_max) {
    return NodeError(node, "", fmt::format("has more than {} items; shorten it", items_max));
  }
  for (size_t i = 0; i < node.size(); ++i) {
    RETURN_IF_ERROR(take(node[i]).Within(fmt::format("[{}]", i)));
  }
  return OkStatus();
}

// A time in `node` under `key`, if it is there; `target` makes the field.
Status ParseTimeAt(const YAML::Node& node, const std::string& key,
                   const std::function<google::protobuf::Timestamp*()>& target) {
  const YAML::Node value = node[key];
  if (!value.IsDefined()) return OkStatus();
  if (!value.IsScalar()) return NodeError(value, key, "must be a time; leave it out for none");
  const StatusOr<Micros> time = ParseTime(value.Scalar());
  if (!time.ok()) {
    return NodeError(value, key, "not an RFC 3339 time; write it as 2026-12-31T00:00:00Z");
  }
  *target() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(*time);
  return OkStatus();
}

// A principal, or {principal: …, from: …, until: …}.
Status ParseEntry(const YAML::Node& node, v1::Entry& entry) {
  if (node.IsScalar()) {
    ASSIGN_OR_RETURN(*entry.mutable_principal(), ParseName(node, limits::kPrincipalBytes));
    return OkStatus();
  }
  if (!node.IsMap()) return NodeError(node, "", "must be a principal, or {principal, from, until}");
  RETURN_IF_ERROR(CheckKeys(node, {"principal", "from", "until"}));
  if (!node["principal"].IsDefined()) {
    return NodeError(node, "principal", "missing; name a user, group, role or service");
  }
  auto principal = ParseName(node["principal"], limits::kPrincipalBytes);
  if (!principal.ok()) return principal.status().Within("principal");
  entry.set_principal(*principal);
  RETURN_IF_ERROR(ParseTimeAt(node, "from", [&] { return entry.mutable_from(); }));
  return ParseTimeAt(node, "until", [&] { return entry.mutable_until(); });
}

Status ParseAcl(const YAML::Node& node, v1::Acl& acl) {
  RETURN_IF_ERROR(ForEachItem(node["inherit"], limits::kInheritPerAcl, [&](const auto& item) {
                    auto name = ParseName(item, limits::kNameBytes);
                    if (name.ok()) acl.add_inherit(*name);
                    return name.status();
                  }).Within("inherit"));
  RETURN_IF_ERROR(ForEachItem(node["allow"], limits::kEntriesPerAcl, [&](const auto& item) {
                    return ParseEntry(item, *acl.add_allow());
                  }).Within("allow"));
  RETURN_IF_ERROR(ForEachItem(node["deny"], limits::kEntriesPerAcl, [&](const auto& item) {
                    return ParseEntry(item, *acl.add_deny());
                  }).Within("deny"));
  if (acl.allow().empty() && acl.inherit().empty()) {
    return NodeError(
        node, "allow",
        "allow and inherit are both empty, so nobody could see the file; name someone, "
        "or leave out inherit, allow and deny to take the collection's default");
  }
  return OkStatus();
}

Status ParseLabel(const YAML::Node& node, std::optional<v1::Label>& label) {
  v1::Label parsed;
  RETURN_IF_ERROR(ForEachItem(node["compartments"], limits::kCompartments, [&](const auto& item) {
                    auto name = ParseName(item, limits::kNameBytes);
                    if (name.ok()) parsed.add_compartments(*name);
                    return name.status();
                  }).Within("compartments"));
  RETURN_IF_ERROR(ForEachItem(node["tags"], limits::kTags, [&](const auto& item) {
                    auto name = ParseName(item, limits::kNameBytes);
                    if (name.ok()) parsed.add_tags(*name);
                    return name.status();
                  }).Within("tags"));
  if (node["level"].IsDefined()) {
    auto level = ParseName(node["level"], limits::kNameBytes);
    if (!level.ok()) return level.status().Within("level");
    parsed.set_level(*level);
    label = std::move(parsed);
  } else if (!parsed.compartments().empty() || !parsed.tags().empty()) {
    return NodeError(node, "level", "missing beside compartments or tags; give one");
  }
  return OkStatus();
}

StatusOr<Rule> ParseRule(const YAML::Node& node) {
  RETURN_IF_ERROR(
      CheckKeys(node, {"glob", "inherit", "allow", "deny", "level", "compartments", "tags"}));
  const YAML::Node pattern = node["glob"];
  if (!pattern.IsDefined()) return NodeError(node, "glob", "missing; give a pattern such as hr/**");
  if (!pattern.IsScalar()) return NodeError(pattern, "glob", "must be a string");
  StatusOr<Glob> glob = Glob::Parse(pattern.Scalar());
  if (!glob.ok()) return AtNode(pattern, glob.status());
  Rule rule{pattern.Scalar(), *std::move(glob), std::nullopt, std::nullopt};
  if (node["inherit"].IsDefined() || node["allow"].IsDefined() || node["deny"].IsDefined()) {
    RETURN_IF_ERROR(ParseAcl(node, rule.acl.emplace()));
  }
  RETURN_IF_ERROR(ParseLabel(node, rule.label));
  return rule;
}

StatusOr<Rules> ParseDocument(const YAML::Node& root) {
  RETURN_IF_ERROR(CheckKeys(root, {"rules"}));
  std::vector<Rule> rules;
  RETURN_IF_ERROR(ForEachItem(root["rules"], kRulesMax, [&](const auto& item) {
                    StatusOr<Rule> rule = ParseRule(item);
                    if (rule.ok()) rules.push_back(*std::move(rule));
                    return rule.status();
                  }).Within("rules"));
  if (rules.empty()) {
    return Invalid("rules", "has no rule, so every file would be refused; write one");
  }
  return Rules(std::move(rules));
}

}  // namespace

void Rule::Fill(v1::Document& document) const {
  document.clear_acl();
  document.clear_label();
  if (acl.has_value()) *document.mutable_acl() = *acl;
  if (label.has_value()) *document.mutable_label() = *label;
}

Rules::Rules(std::vector<Rule> rules) : rules_(std::move(rules)) {}

const Rule* Rules::Match(std::string_view relative_path) const {
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return rule.glob.Matches(relative_path);
  });
  return found == rules_.end() ? nullptr : &*found;
}

StatusOr<Rules> ParseRules(std::string_view text) {
  RETURN_IF_ERROR(CheckText("rules", text, kRulesTextBytesMax));
  const auto root = ReadYaml(text);
  if (!root.ok()) return root.status().Within("rules");
  try {
    return ParseDocument(*root);
  } catch (const YAML::Exception& error) {
    return Invalid(
        "rules", fmt::format("line {}: not YAML: {}; correct it", error.mark.line + 1, error.msg));
  }
}

}  // namespace cordon
