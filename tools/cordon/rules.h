// Rules for a directory of files: which access-control list and label each file gets.
//
//   rules:
//     - {glob: "hr/**", inherit: ["folder:/hr"], allow: ["group:hr"], deny: [], level:
//     confidential,
//        compartments: [people], tags: [pii]}
//
// The first rule whose glob matches decides; a file without a rule is refused, so that nothing is
// ingested by accident.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cordon/v1/types.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/glob.h"

namespace cordon {

// One rule.
struct Rule {
  std::string pattern;
  Glob glob;
  // Unset if the rule names none of inherit, allow, deny: the collection's default holds.
  std::optional<v1::Acl> acl;
  // Unset if the rule names no level: the collection's default holds.
  std::optional<v1::Label> label;

  // Sets the acl and label of `document`, or clears them where the rule has none.
  void Fill(v1::Document& document) const;
};

// Rules in their order. Immutable; thread-safe.
class Rules {
 public:
  explicit Rules(std::vector<Rule> rules);

  // The first rule that matches `relative_path` ('/' between segments); null if none does. It lives
  // as long as this object.
  const Rule* Match(std::string_view relative_path) const;

  size_t size() const { return rules_.size(); }

 private:
  std::vector<Rule> rules_;
};

// Reads rules from YAML (or JSON, which is YAML). Refuses unknown, repeated and misspelt keys,
// values of the wrong kind, and a list that nobody could pass (allow and inherit both empty); the
// field is the path within the file, such as `rules[2].allow[0]`, the message has its line. Whether
// levels, containers and principals exist is for the server to say.
StatusOr<Rules> ParseRules(std::string_view text);

}  // namespace cordon
