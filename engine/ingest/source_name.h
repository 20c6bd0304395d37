// Names of sources (Provenance.source): by them documents are quarantined, listed and erased.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/look_alike.h"
#include "engine/policy/rules.h"

namespace cordon {

// Judges the sources that documents are written under. For one View and one thread; borrows the
// rules.
class SourceCheck {
 public:
  explicit SourceCheck(const PolicyRules& rules) : rules_(rules) {}

  // Refuses `field` unless the name can be told from others by looking at it (CheckPlainName), and
  // if it looks like one in quarantine and is another: that would be the way out of it. None at all
  // passes.
  Status operator()(std::string_view field, const std::string& source);

 private:
  const PolicyRules& rules_;
  std::optional<LookAlikes> quarantined_;  // once it is needed
};

// What names the source of documents that are stored: any that ever could be one.
Status CheckStoredSource(std::string_view field, std::string_view source);

}  // namespace cordon
