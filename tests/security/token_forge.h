// Keys and tokens made with OpenSSL alone, so that nothing is shared with what verifies them.
#pragma once

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/crypto/encoding.h"

namespace cordon {

// A key pair of an issuer, true or false.
class ForgeKey {
 public:
  static ForgeKey Rsa(unsigned bits = 2048) { return {EVP_RSA_gen(bits), "RS256"}; }
  static ForgeKey Ec() { return {EVP_EC_gen("P-256"), "ES256"}; }
  static ForgeKey Ed() { return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), "EdDSA"}; }

  const std::string& alg() const { return alg_; }

  // The bytes of a JWS signature (RFC 7518 §3, RFC 8037 §3.1), by the key's own algorithm or an RSA
  // one with another digest.
  std::string Sign(std::string_view input, const char* digest = "SHA256") const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    const char* name = alg_ == "EdDSA" ? nullptr : digest;
    CORDON_CHECK(EVP_DigestSignInit_ex(context.get(), nullptr, name, nullptr, nullptr, key_.get(),
                                       nullptr) == 1);
    const auto* bytes = reinterpret_cast<const unsigned char*>(input.data());
    size_t size = 0;
    CORDON_CHECK(EVP_DigestSign(context.get(), nullptr, &size, bytes, input.size()) == 1);
    std::string signature(size, '\0');
    CORDON_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                                &size, bytes, input.size()) == 1);
    signature.resize(size);
    return alg_ == "ES256" ? FromDer(signature) : signature;
  }

  // The members of its public JWK, then `more`, such as `,"use":"sig"`.
  std::string Jwk(const std::string& kid, const std::string& more = "") const {
    std::string text = R"({"kid":")" + kid + R"(",)";
    if (alg_ == "RS256") {
      text += R"("kty":"RSA","n":")" + Number(OSSL_PKEY_PARAM_RSA_N, 0) + R"(","e":")" +
              Number(OSSL_PKEY_PARAM_RSA_E, 0) + '"';
    } else if (alg_ == "ES256") {
      text += R"("kty":"EC","crv":"P-256","x":")" + Number(OSSL_PKEY_PARAM_EC_PUB_X, 32) +
              R"(","y":")" + Number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + '"';
    } else {
      std::string raw(32, '\0');
      size_t size = raw.size();
      CORDON_CHECK(EVP_PKEY_get_raw_public_key(
                       key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) == 1);
      text += R"("kty":"OKP","crv":"Ed25519","x":")" + Base64UrlEncode(raw) + '"';
    }
    return text + more + "}";
  }

  // SubjectPublicKeyInfo: what somebody who confuses keys takes for a shared secret.
  std::string PublicDer() const {
    unsigned char* bytes = nullptr;
    const int size = i2d_PUBKEY(key_.get(), &bytes);
    CORDON_CHECK(size > 0);
    std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
    OPENSSL_free(bytes);
    return der;
  }

 private:
  ForgeKey(EVP_PKEY* key, std::string alg) : key_(key, &EVP_PKEY_free), alg_(std::move(alg)) {
    CORDON_CHECK(key != nullptr);
  }

  std::string Number(const char* name, int width) const {
    BIGNUM* number = nullptr;
    CORDON_CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &number) == 1);
    std::string bytes(static_cast<size_t>(width > 0 ? width : BN_num_bytes(number)), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size()));
    BN_free(number);
    return Base64UrlEncode(bytes);
  }

  static std::string FromDer(const std::string& der) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
        d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())),  // NOLINT: OpenSSL's type
        &ECDSA_SIG_free);
    std::string raw(64, '\0');
    auto* to = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), to, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), to + 32, 32);
    return raw;
  }

  std::shared_ptr<EVP_PKEY> key_;
  std::string alg_;
};

inline std::string Hs256(std::string_view secret, std::string_view input) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac, &size);
  return {reinterpret_cast<char*>(mac), size};
}

// `{"keys":[…]}` of JWKs.
inline std::string KeySetText(const std::vector<std::string>& jwks) {
  std::string text;
  for (const auto& jwk : jwks) text += (text.empty() ? "" : ",") + jwk;
  return R"({"keys":[)" + text + "]}";
}

// The members of a JSON object, each as JSON text.
using Members = std::map<std::string, std::string>;

inline std::string JsonOf(const Members& members) {
  std::string text;
  for (const auto& [name, value] : members) {
    text += (text.empty() ? "\"" : ",\"") + name + "\":" + value;
  }
  return "{" + text + "}";
}

inline std::string Quoted(const std::string& text) { return '"' + text + '"'; }

inline std::string SigningInput(const std::string& header, const std::string& claims) {
  return Base64UrlEncode(header) + "." + Base64UrlEncode(claims);
}

inline std::string SignedBy(const ForgeKey& key, const std::string& header,
                            const std::string& claims) {
  const std::string input = SigningInput(header, claims);
  return input + "." + Base64UrlEncode(key.Sign(input));
}

// A token as a good issuer makes it.
inline std::string TokenBy(const ForgeKey& key, const std::string& kid, const Members& claims) {
  const Members header = {{"alg", Quoted(key.alg())}, {"kid", Quoted(kid)}, {"typ", "\"JWT\""}};
  return SignedBy(key, JsonOf(header), JsonOf(claims));
}

}  // namespace cordon
