#include "engine/policy/principal.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/text_check.h"

namespace cordon {

StatusOr<PrincipalKind> ParsePrincipal(std::string_view field, std::string_view name) {
  RETURN_IF_ERROR(CheckName(field, name, limits::kPrincipalBytes));
  if (name == kEveryone) return PrincipalKind::kEveryone;
  struct Prefix {
    std::string_view text;
    PrincipalKind kind;
  };
  static constexpr Prefix kPrefixes[] = {{"user:", PrincipalKind::kUser},
                                         {"group:", PrincipalKind::kGroup},
                                         {"role:", PrincipalKind::kRole},
                                         {"service:", PrincipalKind::kService}};
  for (const auto& prefix : kPrefixes) {
    if (name.starts_with(prefix.text) && name.size() > prefix.text.size()) return prefix.kind;
  }
  return Invalid(field, "not a principal; write user:…, group:…, role:…, service:… or everyone");
}

PrincipalTable::PrincipalTable() : base_(nullptr), first_(0) { Intern(kEveryone); }

PrincipalTable::PrincipalTable(std::shared_ptr<const PrincipalTable> base)
    : base_(std::move(base)), first_(static_cast<PrincipalId>(base_->size())) {
  CORDON_CHECK(base_->base_ == nullptr);  // or looking up would take longer with each change
}

void PrincipalTable::Adopt(const PrincipalTable& draft) {
  CORDON_CHECK(draft.base_.get() == this);
  std::shared_lock lock(draft.mutex_);
  for (size_t i = 0; i < draft.names_.size(); ++i) {
    CORDON_CHECK(Intern(draft.names_[i]) == draft.first_ + i);
  }
}

PrincipalId PrincipalTable::Intern(std::string_view name) {
  if (auto found = Find(name)) return *found;
  std::unique_lock lock(mutex_);
  const auto next = static_cast<PrincipalId>(first_ + names_.size());
  auto [it, added] = ids_.try_emplace(std::string(name), next);
  if (added) names_.emplace_back(name);
  return it->second;
}

std::optional<PrincipalId> PrincipalTable::Find(std::string_view name) const {
  if (base_ != nullptr) {
    const auto found = base_->Find(name);
    if (found && *found < first_) return found;
  }
  std::shared_lock lock(mutex_);
  const auto it = ids_.find(std::string(name));
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

std::string PrincipalTable::Name(PrincipalId id) const {
  if (id < first_) return base_->Name(id);
  std::shared_lock lock(mutex_);
  return names_.at(id - first_);
}

size_t PrincipalTable::size() const {
  std::shared_lock lock(mutex_);
  return first_ + names_.size();
}

}  // namespace cordon
