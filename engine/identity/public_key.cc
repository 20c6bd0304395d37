#include "engine/identity/public_key.h"

#include <fmt/format.h>
#include <rhonabwy.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "engine/base/limits.h"
#include "engine/crypto/encoding.h"
#include "engine/identity/strict_json.h"

namespace cordon {
namespace {

constexpr size_t kCoordinateBytes = 32;  // of P-256 and Ed25519

void StartRhonabwyOnce() {
  static std::once_flag once;
  std::call_once(once, [] { r_global_init(); });
}

struct FreeJwk {
  void operator()(jwk_t* jwk) const { r_jwk_free(jwk); }
};
using Jwk = std::unique_ptr<jwk_t, FreeJwk>;

struct FreeJwt {
  void operator()(jwt_t* jwt) const { r_jwt_free(jwt); }
};
using Jwt = std::unique_ptr<jwt_t, FreeJwt>;

// What the members of each kind of key are called.
struct Kind {
  TokenAlgorithm algorithm;
  std::string_view kty;
  std::string_view crv;  // empty: it has none
  std::vector<const char*> numbers;
  jwa_alg library_name;
  int library_type;
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {TokenAlgorithm::kRs256, "RSA", "", {"n", "e"}, R_JWA_ALG_RS256, R_KEY_TYPE_RSA},
      {TokenAlgorithm::kEs256, "EC", "P-256", {"x", "y"}, R_JWA_ALG_ES256, R_KEY_TYPE_EC},
      {TokenAlgorithm::kEdDsa, "OKP", "Ed25519", {"x"}, R_JWA_ALG_EDDSA, R_KEY_TYPE_EDDSA},
  };
  return kinds;
}

const Kind* KindOf(const json_t* key) {
  for (const auto& kind : Kinds()) {
    if (Member(key, "kty") == kind.kty && Member(key, "crv").value_or("") == kind.crv) return &kind;
  }
  return nullptr;
}

// Absent, or as `wanted`.
bool AbsentOr(const json_t* object, const char* name, std::string_view wanted) {
  return json_object_get(object, name) == nullptr || Member(object, name) == wanted;
}

bool MayVerify(const json_t* key) {
  const json_t* operations = json_object_get(key, "key_ops");
  if (operations == nullptr) return true;
  for (size_t i = 0; i < json_array_size(operations); ++i) {
    if (TextOf(json_array_get(operations, i)) == "verify") return true;
  }
  return false;
}

Jwk Import(const std::string& text) {
  jwk_t* raw = nullptr;
  if (r_jwk_init(&raw) != RHN_OK) return nullptr;
  Jwk jwk(raw);
  if (r_jwk_import_from_json_str(jwk.get(), text.c_str()) != RHN_OK) return nullptr;
  return jwk;
}

// Whether the library takes the key for a public one of its kind, with as many bits as are safe.
bool IsSound(const Kind& kind, const std::string& text) {
  const Jwk jwk = Import(text);
  if (!jwk) return false;
  unsigned bits = 0;
  const int type = r_jwk_key_type(jwk.get(), &bits, R_FLAG_IGNORE_REMOTE);
  if ((type & R_KEY_TYPE_PUBLIC) == 0 || (type & kind.library_type) == 0) return false;
  return kind.algorithm != TokenAlgorithm::kRs256 ||
         (bits >= limits::kRsaBitsMin && bits <= limits::kRsaBitsMax);
}

std::optional<PublicKey> KeyOf(const json_t* json) {
  const auto kid = Member(json, "kid");
  const Kind* kind = KindOf(json);
  if (kind == nullptr || !kid || kid->empty() || kid->size() > limits::kNameBytes) {
    return std::nullopt;
  }
  if (!AbsentOr(json, "use", "sig") || !MayVerify(json)) return std::nullopt;
  if (!AbsentOr(json, "alg", AlgorithmName(kind->algorithm))) return std::nullopt;
  // A private key that is published is nobody's proof.
  if (json_object_get(json, "d") != nullptr) return std::nullopt;
  // Only the members that make the key: no certificates, no addresses to fetch some from.
  const Json bare(json_object());
  const auto copy = [&](const char* name) {
    json_object_set(bare.get(), name, json_object_get(json, name));
  };
  copy("kty");
  if (!kind->crv.empty()) copy("crv");
  for (const char* number : kind->numbers) {
    const auto bytes = Base64UrlDecode(Member(json, number).value_or("="));
    if (!bytes.ok() || (!kind->crv.empty() && bytes->size() != kCoordinateBytes)) {
      return std::nullopt;
    }
    copy(number);
  }
  const std::unique_ptr<char, decltype(&free)> text(json_dumps(bare.get(), JSON_COMPACT), &free);
  if (!text || !IsSound(*kind, text.get())) return std::nullopt;
  return PublicKey{std::string(*kid), kind->algorithm, text.get()};
}

}  // namespace

StatusOr<std::vector<PublicKey>> ParseKeySet(std::string_view text) {
  StartRhonabwyOnce();
  const Json json = ParseObject(text);
  const json_t* list = json ? json_object_get(json.get(), "keys") : nullptr;
  if (!json_is_array(list)) return Invalid("jwks", "no JSON object with an array `keys`");
  if (json_array_size(list) > limits::kKeysPerSet) {
    return Invalid("jwks", fmt::format("more than {} keys", limits::kKeysPerSet));
  }
  std::vector<PublicKey> all, keys;
  for (size_t i = 0; i < json_array_size(list); ++i) {
    if (auto key = KeyOf(json_array_get(list, i))) all.push_back(*std::move(key));
  }
  for (const auto& key : all) {
    const auto same = [&](const PublicKey& other) {
      return other.kid == key.kid && other.algorithm == key.algorithm;
    };
    // Which of two would be meant?
    if (std::count_if(all.begin(), all.end(), same) == 1) keys.push_back(key);
  }
  return keys;
}

bool IsSignedBy(const PublicKey& key, const std::string& token) {
  StartRhonabwyOnce();
  const auto kind = std::find_if(Kinds().begin(), Kinds().end(), [&](const Kind& candidate) {
    return candidate.algorithm == key.algorithm;
  });
  const Jwk jwk = Import(key.jwk);
  jwt_t* raw = nullptr;
  if (!jwk || r_jwt_init(&raw) != RHN_OK) return false;
  const Jwt jwt(raw);
  // Plain r_jwt_parse would take keys from the token's own header, or fetch them.
  return r_jwt_advanced_parse(jwt.get(), token.c_str(), R_PARSE_NONE, R_FLAG_IGNORE_REMOTE) ==
             RHN_OK &&
         r_jwt_get_type(jwt.get()) == R_JWT_TYPE_SIGN &&
         r_jwt_get_sign_alg(jwt.get()) == kind->library_name &&
         r_jwt_verify_signature(jwt.get(), jwk.get(), R_FLAG_IGNORE_REMOTE) == RHN_OK;
}

}  // namespace cordon
