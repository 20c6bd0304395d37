// The keys in force, in the newest Views: what is revoked or has ended is gone at once.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/identity/api_key.h"
#include "engine/identity/certificate.h"

namespace cordon {

std::optional<StoredKey> FindKey(Engine& engine, std::string_view tenant, std::string_view id);

// Of all tenants; none for an empty identity.
std::vector<CertificateKey> FindCertificate(Engine& engine, std::string_view identity);

}  // namespace cordon
