#include "engine/server/find_keys.h"

namespace cordon {

std::optional<StoredKey> FindKey(Engine& engine, std::string_view tenant_name,
                                 std::string_view id) {
  const auto tenant = engine.FindTenant(tenant_name);
  if (!tenant) return std::nullopt;
  const PinnedView view = tenant->publisher.Pin(engine.clock());
  const auto found = view->state().keys->find(id);
  if (found == view->state().keys->end()) return std::nullopt;
  const Key& key = found->second;
  if (key.grant->expires <= view.as_of) return std::nullopt;
  return StoredKey{key.digest, key.grant,
                   view.as_of < key.previous_until ? key.previous_digest : std::string()};
}

std::vector<CertificateKey> FindCertificate(Engine& engine, std::string_view identity) {
  std::vector<CertificateKey> found;
  if (identity.empty()) return found;
  for (const auto& tenant : engine.Tenants()) {
    const PinnedView view = tenant->publisher.Pin(engine.clock());
    const auto name = view->state().certificates->find(identity);
    if (name == view->state().certificates->end()) continue;
    const auto key = view->state().keys->find(name->second);
    if (key == view->state().keys->end() || key->second.grant->expires <= view.as_of) continue;
    found.push_back({tenant->name, key->first, key->second.grant});
  }
  return found;
}

}  // namespace cordon
