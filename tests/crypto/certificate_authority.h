// A certificate authority for tests: real keys and certificates, made by OpenSSL.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "engine/base/check.h"

namespace cordon {

// A certificate and its private key, in PEM.
struct Issued {
  std::string certificate;
  std::string key;
};

// What a certificate is to say.
struct Wish {
  std::string san;  // OpenSSL's way, such as "URI:spiffe://corp/app,DNS:app.corp"; empty: none
  std::string cn = "somebody";
  int from_s = -60;  // from now
  int until_s = 3600;
  std::string usage = "clientAuth";
};

class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& cn)
      : key_(EVP_EC_gen("P-256")), certificate_(Blank({"", cn, -3600, 86400, ""}, key_.get())) {
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
    Extend(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    Extend(certificate_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    CORDON_CHECK(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
  }

  std::string pem() const { return PemOf(certificate_.get()); }

  Issued Issue(const Wish& wish) const {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = Blank(wish, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
    Finish(wish, certificate.get(), key_.get());
    return {PemOf(certificate.get()), PemOf(key.get())};
  }

  static Issued SelfSigned(const Wish& wish) {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = Blank(wish, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    Finish(wish, certificate.get(), key.get());
    return {PemOf(certificate.get()), PemOf(key.get())};
  }

  // A certificate that `leaf`, which is no authority, signs as if it were; with the chain.
  static Issued IssueBy(const Issued& leaf, const Wish& wish) {
    const Key signer = KeyOf(leaf.key);
    const Certificate issuer = CertificateOf(leaf.certificate);
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = Blank(wish, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
    Finish(wish, certificate.get(), signer.get());
    return {PemOf(certificate.get()) + leaf.certificate, PemOf(key.get())};
  }

 private:
  struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  using Bio = std::unique_ptr<BIO, Free>;
  using Certificate = std::unique_ptr<X509, Free>;
  using Key = std::unique_ptr<EVP_PKEY, Free>;

  static Certificate Blank(const Wish& wish, EVP_PKEY* key) {
    static long serial = 1;  // NOLINT: OpenSSL's type
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), wish.from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wish.until_s);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME* const name = X509_get_subject_name(certificate.get());
    AddPart(name, "O", "Corp");
    AddPart(name, "CN", wish.cn);
    return certificate;
  }
  static void AddPart(X509_NAME* name, const char* type, const std::string& value) {
    CORDON_CHECK(X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
                                            reinterpret_cast<const unsigned char*>(value.data()),
                                            static_cast<int>(value.size()), -1, 0) == 1);
  }
  static void Extend(X509* certificate, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, nullptr, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    CORDON_CHECK(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static void Finish(const Wish& wish, X509* certificate, EVP_PKEY* signer) {
    Extend(certificate, NID_basic_constraints, "critical,CA:FALSE");
    if (!wish.usage.empty()) Extend(certificate, NID_ext_key_usage, wish.usage);
    if (!wish.san.empty()) Extend(certificate, NID_subject_alt_name, wish.san);
    CORDON_CHECK(X509_sign(certificate, signer, EVP_sha256()) > 0);
  }

  static std::string Text(const Bio& bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<size_t>(size));
  }
  static std::string PemOf(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    CORDON_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
    return Text(bio);
  }
  static std::string PemOf(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    CORDON_CHECK(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) ==
                 1);
    return Text(bio);
  }
  static Key KeyOf(const std::string& pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  }
  static Certificate CertificateOf(const std::string& pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  }

  Key key_;
  Certificate certificate_;
};

}  // namespace cordon
