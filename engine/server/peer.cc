#include "engine/server/peer.h"

#include <grpc/grpc_security_constants.h>

namespace cordon {
namespace {

std::vector<std::string> Values(const grpc::AuthContext& context, const char* property,
                                const std::string& prefix) {
  std::vector<std::string> values;
  for (const auto& value : context.FindPropertyValues(property)) {
    values.push_back(prefix + std::string(value.data(), value.size()));
  }
  return values;
}

// Host names have no case (RFC 4343).
std::string Lowered(std::string name) {
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return name;
}

std::vector<std::string> IdentitiesOf(const grpc::AuthContext& context) {
  auto names = Values(context, GRPC_PEER_SPIFFE_ID_PROPERTY_NAME, "");
  if (!names.empty()) return names;
  names = Values(context, GRPC_PEER_URI_PROPERTY_NAME, "uri:");
  if (!names.empty()) return names;
  names = Values(context, GRPC_PEER_DNS_PROPERTY_NAME, "dns:");
  for (auto& name : names) name = Lowered(std::move(name));
  return names;
}

}  // namespace

CertificateFacts Peers::FactsOf(std::string_view pem) {
  constexpr size_t kRemembered = 4096;  // 8 MiB of connections that are open at one time
  {
    std::lock_guard lock(mutex_);
    const auto known = read_.find(pem);
    if (known != read_.end()) return known->second;
  }
  const auto facts = ReadCertificate(pem);
  if (!facts.ok()) return {"", "", kNever, 0};
  std::lock_guard lock(mutex_);
  if (read_.size() >= kRemembered) read_.clear();
  read_.emplace(pem, *facts);
  return *facts;
}

Peer Peers::Of(const grpc::AuthContext& context) {
  Peer peer;
  const auto pem = context.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.empty()) return peer;
  peer.certificate = FactsOf({pem[0].data(), pem[0].size()});
  peer.identities = IdentitiesOf(context);
  return peer;
}

bool MayConnect(Engine* engine, const Peer& peer, const std::string& tenant_name) {
  if (!peer.certificate) return true;
  const auto tenant = engine->FindTenant(tenant_name);
  if (!tenant) return false;
  const PinnedView view = tenant->publisher.Pin(engine->clock());
  return peer.certificate->ValidAt(view.as_of) &&
         !view->policy().rules->denied_certificates.Deny(peer.certificate->fingerprint,
                                                         peer.certificate->issuer);
}

}  // namespace cordon
