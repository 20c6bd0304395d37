#include "engine/identity/api_key.h"

#include "engine/base/limits.h"
#include "engine/crypto/digest.h"
#include "engine/crypto/encoding.h"
#include "engine/crypto/random_bytes.h"
#include "engine/policy/dev_grant.h"

namespace cordon {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr size_t kIdBytes = 8;
constexpr std::string_view kScheme = "bearer ";

std::string DigestOf(std::string_view secret) { return std::string(AsBytes(Sha256(secret))); }

StatusOr<NewKey> Assemble(std::string id) {
  ASSIGN_OR_RETURN(const std::string random, RandomBytes(kSecretBytes));
  const std::string secret = Base64UrlEncode(random);
  NewKey key;
  key.id = std::move(id);
  key.bearer = key.id + "." + secret;
  key.digest = DigestOf(secret);
  return key;
}

// The scheme's name is case-insensitive (RFC 9110 §11.1).
std::string_view BearerOf(std::string_view header) {
  if (header.size() <= kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char lower =
        header[i] >= 'A' && header[i] <= 'Z' ? static_cast<char>(header[i] + 32) : header[i];
    if (lower != kScheme[i]) return {};
  }
  return header.substr(kScheme.size());
}

}  // namespace

StatusOr<NewKey> MakeKey(std::string_view tenant) {
  ASSIGN_OR_RETURN(const std::string id, RandomBytes(kIdBytes));
  return Assemble(std::string(tenant) + "." + HexEncode(id));
}

StatusOr<NewKey> RemakeKey(std::string_view id) { return Assemble(std::string(id)); }

StatusOr<NewKey> MakeDevKey(std::string_view tenant) {
  return Assemble(std::string(tenant) + ".dev");
}

std::optional<KeyParts> ParseKey(std::string_view bearer) {
  if (bearer.size() > limits::kKeyBytes) return std::nullopt;
  const size_t first = bearer.find('.');
  const size_t second = first == bearer.npos ? bearer.npos : bearer.find('.', first + 1);
  if (second == bearer.npos) return std::nullopt;
  return KeyParts{bearer.substr(0, first), bearer.substr(0, second), bearer.substr(second + 1)};
}

Status NotAuthenticated() {
  return Status(StatusCode::kUnauthenticated, "authorization",
                "no valid key; send `authorization: Bearer KEY` with a key that is in force");
}

Authenticator::Authenticator(FindKey find_key, std::optional<std::string> dev_key)
    : find_key_(std::move(find_key)) {
  if (!dev_key) return;
  const auto parts = ParseKey(*dev_key);
  if (!parts) return;  // the file was damaged: then there is no development key
  dev_ = true;
  dev_id_ = std::string(parts->id);
  dev_key_ = {DigestOf(parts->secret), std::make_shared<const Grant>(DevGrant())};
}

std::optional<StoredKey> Authenticator::Find(const KeyParts& parts) const {
  if (dev_ && parts.id == dev_id_) return dev_key_;
  return find_key_(parts.tenant, parts.id);
}

std::shared_ptr<const VerifiedUser> Authenticator::UserOf(std::string_view token) const {
  if (tokens_.verifier == nullptr) return nullptr;
  auto user = tokens_.verifier->Verify(std::string(token), tokens_.now());
  return user.ok() && tokens_.has_tenant((*user)->tenant()) ? *std::move(user) : nullptr;
}

StatusOr<Authenticated> Authenticator::Forwarding(Authenticated caller,
                                                  std::string_view token) const {
  auto user = caller.user_ ? nullptr : UserOf(token);
  if (!user || user->tenant() != caller.tenant_) {
    return Status(StatusCode::kUnauthenticated, "cordon-user-token",
                  "no valid token of a user; have the user sign in again, and send it alone");
  }
  caller.user_ = std::move(user);
  caller.forwards_ = true;
  return caller;
}

StatusOr<Authenticated> Authenticator::Authenticate(std::string_view header) const {
  const std::string_view bearer = BearerOf(header);
  if (LooksLikeToken(bearer)) {
    auto user = UserOf(bearer);
    if (!user) return NotAuthenticated();
    Authenticated caller(user->tenant(), "token:" + user->issuer(),
                         tokens_.verifier->GrantOf(*user), dev_);
    caller.user_ = std::move(user);
    return caller;
  }
  const auto parts = ParseKey(bearer);
  const auto stored = parts ? Find(*parts) : std::nullopt;
  // An unknown key costs the same digest and comparison as a wrong one.
  const std::string given = DigestOf(parts ? parts->secret : std::string_view());
  const std::string expected = stored ? stored->digest : std::string(given.size(), '\0');
  const bool current = EqualConstantTime(given, expected);
  const bool previous = EqualConstantTime(given, stored ? stored->previous_digest : std::string());
  if ((!current && !previous) || !stored) return NotAuthenticated();
  return Authenticated(std::string(parts->tenant), std::string(parts->id), stored->grant, dev_);
}

}  // namespace cordon
