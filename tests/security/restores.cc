#include "tests/security/restores.h"

#include <iterator>

namespace cordon {

bool Restores::Step() {
  if (backed_up_ && draw_.Percent(30)) EraseSomething();
  if (--wait_ > 0) return true;
  Wait();
  if (!backed_up_ || (restored_ && draw_.Percent(60))) {
    tenant_.Backup();
    backed_up_ = true;
    restored_ = false;
    return true;
  }
  ++made_;
  restored_ = true;
  return tenant_.Restore();
}

void Restores::EraseSomething() {
  const auto& collections = tenant_.model().collections;
  if (collections.empty()) return;
  const auto& [name, collection] =
      *std::next(collections.begin(), static_cast<ptrdiff_t>(draw_.Below(collections.size())));
  const auto& documents = collection.documents;
  if (documents.empty()) return;
  tenant_.Erase(
      name,
      std::next(documents.begin(), static_cast<ptrdiff_t>(draw_.Below(documents.size())))->first);
  tenant_.Settle();
}

}  // namespace cordon
