// Principals: who can be named by an access-control list (DESIGN §1).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

enum class PrincipalKind { kUser, kGroup, kRole, kService, kEveryone };

// Every user of the tenant, but no service; it must be spelled out to count.
inline constexpr std::string_view kEveryone = "everyone";

// The kind of `name`, or a refusal of `field` if it is no principal.
StatusOr<PrincipalKind> ParsePrincipal(std::string_view field, std::string_view name);

// Numbers a principal within one run of the server; never stored.
using PrincipalId = uint32_t;

// Gives each name one number, for good. Thread-safe; shared by all Views of a tenant.
//
// A draft numbers on from where its base stood when it was made, and leaves the base alone: names
// that only a refused or tried change gives go with it, or refused calls could fill the memory.
// What the base is given since, a draft does not see.
class PrincipalTable {
 public:
  PrincipalTable();
  // A draft of `base`, which is none itself.
  explicit PrincipalTable(std::shared_ptr<const PrincipalTable> base);

  // Gives the names of a draft of this table the numbers that they have there. Nothing may have
  // been numbered here since the draft was made: numbers are given by the one writer alone.
  void Adopt(const PrincipalTable& draft);

  // The number of `name`, which must have passed ParsePrincipal; a new one if it has none.
  PrincipalId Intern(std::string_view name);

  // The number of `name`, if any list, group or key has ever named it.
  std::optional<PrincipalId> Find(std::string_view name) const;

  // The name behind a number that this table has given.
  std::string Name(PrincipalId id) const;

  size_t size() const;

  // The number of `everyone`.
  static constexpr PrincipalId kEveryoneId = 0;

 private:
  const std::shared_ptr<const PrincipalTable> base_;  // null: this is no draft
  const PrincipalId first_;                           // number that this table itself gives
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, PrincipalId> ids_;  // guarded by mutex_
  std::vector<std::string> names_;                    // guarded by mutex_
};

}  // namespace cordon
