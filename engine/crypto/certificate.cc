#include "engine/crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <memory>
#include <vector>

#include "engine/base/limits.h"
#include "engine/crypto/encoding.h"

namespace cordon {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(ASN1_OBJECT* object) const { ASN1_OBJECT_free(object); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free>;

// Refusals here are no errors of whoever uses this thread next.
struct ClearErrors {
  ~ClearErrors() { ERR_clear_error(); }
};

// Of more than a file may have nothing is read, rather than its beginning.
Bio Over(std::string_view pem) {
  const size_t size = pem.size() > limits::kTlsFileBytes ? 0 : pem.size();
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(size)));
}

// Asked for a passphrase, this has none.
int NoPassphrase(char*, int, int, void*) { return -1; }

Certificate NextCertificate(BIO* bio) {
  return Certificate(PEM_read_bio_X509(bio, nullptr, NoPassphrase, nullptr));
}

PrivateKey KeyIn(std::string_view pem) {
  const Bio bio = Over(pem);
  return PrivateKey(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
}

StatusOr<Micros> ToMicros(const ASN1_TIME* time) {
  constexpr int64_t kMicros = 1'000'000;
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Invalid("", "a certificate without its times");
  return static_cast<Micros>(timegm(&parts)) * kMicros;
}

// The dotted identifier of "CN", "commonName" or "2.5.4.3"; empty if there is no such type.
std::string TypeOf(const std::string& name) {
  std::string upper = name;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::unique_ptr<ASN1_OBJECT, Free> object(OBJ_txt2obj(name.c_str(), /*no_name=*/0));
  if (!object) object.reset(OBJ_txt2obj(upper.c_str(), /*no_name=*/0));
  if (!object) return {};
  char dotted[128];
  const int size = OBJ_obj2txt(dotted, sizeof(dotted), object.get(), /*no_name=*/1);
  return size > 0 && size < static_cast<int>(sizeof(dotted)) ? std::string(dotted) : std::string();
}

// One part of a name: its type, and its value as it is meant.
using Part = std::pair<std::string, std::string>;

std::string Folded(std::string_view value) {
  std::string folded;
  for (const char c : value) {
    if (c == ' ' && (folded.empty() || folded.back() == ' ')) continue;
    folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  if (folded.ends_with(' ')) folded.pop_back();
  return folded;
}

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string Spelled(std::vector<Part> parts) {
  for (auto& [type, value] : parts) value = Folded(value);
  std::sort(parts.begin(), parts.end());
  std::string text;
  for (const auto& [type, value] : parts) {
    if (!text.empty()) text += ',';
    text += type + "=";
    for (const char c : value) {
      if (std::string_view(",+\"\\<>;=#").find(c) != std::string_view::npos) text += '\\';
      text += c;
    }
  }
  return text;
}

StatusOr<std::string> NameOf(const X509_NAME* name) {
  std::vector<Part> parts;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    char dotted[128];
    OBJ_obj2txt(dotted, sizeof(dotted), X509_NAME_ENTRY_get_object(entry), /*no_name=*/1);
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    if (size < 0) return Invalid("", "a certificate with a damaged name");
    parts.emplace_back(dotted,
                       std::string(reinterpret_cast<char*>(utf8), static_cast<size_t>(size)));
    OPENSSL_free(utf8);
  }
  return Spelled(std::move(parts));
}

Status NoName() {
  return Invalid("",
                 "not a distinguished name; write it as `openssl x509 -noout -issuer -nameopt "
                 "RFC2253` prints it after 'issuer=', such as CN=Old CA,O=Corp");
}

// Reads a name's text from left to right.
class NameReader {
 public:
  explicit NameReader(std::string_view text) : rest_(text) {}

  StatusOr<std::vector<Part>> Read() {
    std::vector<Part> parts;
    do {
      const size_t equals = rest_.find('=');
      if (equals == rest_.npos) return NoName();
      const std::string type = TypeOf(std::string(Trimmed(rest_.substr(0, equals))));
      rest_.remove_prefix(equals + 1);
      ASSIGN_OR_RETURN(std::string value, Value());
      if (type.empty() || Folded(value).empty()) return NoName();
      parts.emplace_back(type, std::move(value));
    } while (more_);
    return parts;
  }

 private:
  // Up to an unescaped ',' or '+', which it takes too.
  StatusOr<std::string> Value() {
    std::string value;
    more_ = false;
    while (!rest_.empty() && !more_) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == ',' || c == '+') {
        more_ = true;
      } else if (c == '\\') {
        RETURN_IF_ERROR(Escaped(&value));
      } else if (std::string_view("\"<>;").find(c) != std::string_view::npos ||
                 (c == '#' && value.find_first_not_of(' ') == value.npos)) {
        return NoName();  // quoted and hexadecimal values have another spelling
      } else {
        value += c;
      }
    }
    return value;
  }

  Status Escaped(std::string* value) {
    if (rest_.empty()) return NoName();
    const auto byte = rest_.size() >= 2 ? HexDecode(rest_.substr(0, 2)) : NoName();
    if (byte.ok()) {
      *value += *byte;
      rest_.remove_prefix(2);
      return OkStatus();
    }
    if (std::isalnum(static_cast<unsigned char>(rest_[0]))) return NoName();
    *value += rest_[0];
    rest_.remove_prefix(1);
    return OkStatus();
  }

  std::string_view rest_;
  bool more_ = false;
};

}  // namespace

StatusOr<CertificateFacts> ReadCertificate(std::string_view pem) {
  const ClearErrors clear;
  const Bio bio = Over(pem);
  const Certificate certificate = NextCertificate(bio.get());
  if (!certificate) return Invalid("", "no certificate in PEM");
  CertificateFacts facts;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest, &size) != 1) {
    return Invalid("", "a certificate that cannot be digested");
  }
  facts.fingerprint = HexEncode({reinterpret_cast<const char*>(digest), size});
  ASSIGN_OR_RETURN(facts.issuer, NameOf(X509_get_issuer_name(certificate.get())));
  ASSIGN_OR_RETURN(facts.not_before, ToMicros(X509_get0_notBefore(certificate.get())));
  ASSIGN_OR_RETURN(facts.not_after, ToMicros(X509_get0_notAfter(certificate.get())));
  return facts;
}

StatusOr<std::string> CanonicalName(std::string_view text) {
  const ClearErrors clear;
  if (text.size() > limits::kDistinguishedNameBytes || text.find('\0') != text.npos) {
    return NoName();
  }
  ASSIGN_OR_RETURN(std::vector<Part> parts, NameReader(text).Read());
  return Spelled(std::move(parts));
}

StatusOr<std::string> CanonicalFingerprint(std::string_view text) {
  constexpr std::string_view kKind = "sha256:";
  constexpr size_t kBytes = 32;
  const Status refused =
      Invalid("",
              "not 'sha256:' and 64 hexadecimal digits; `openssl x509 -noout -fingerprint "
              "-sha256` prints them");
  if (!text.starts_with(kKind)) return refused;
  std::string digits(text.substr(kKind.size()));
  std::erase(digits, ':');
  const auto bytes = HexDecode(digits);
  if (!bytes.ok() || bytes->size() != kBytes) return refused;
  return HexEncode(*bytes);
}

Status CheckCertificates(std::string_view pem) {
  const ClearErrors clear;
  constexpr std::string_view kBegin = "-----BEGIN ";
  size_t blocks = 0;
  for (size_t at = pem.find(kBegin); at != pem.npos; at = pem.find(kBegin, at + 1)) ++blocks;
  if (blocks == 0) return Invalid("", "holds no certificate in PEM");
  const Bio bio = Over(pem);
  for (size_t i = 0; i < blocks; ++i) {
    if (!NextCertificate(bio.get())) {
      return Invalid("", "holds something that is no certificate, or a damaged one");
    }
  }
  return OkStatus();
}

Status CheckPrivateKey(std::string_view pem) {
  const ClearErrors clear;
  if (KeyIn(pem)) return OkStatus();
  return Invalid("", "holds no private key in PEM, or one with a passphrase; write it without one");
}

Status CheckKeyMatches(std::string_view certificates, std::string_view private_key) {
  const ClearErrors clear;
  const Bio bio = Over(certificates);
  const Certificate first = NextCertificate(bio.get());
  const PrivateKey key = KeyIn(private_key);
  if (first && key && X509_check_private_key(first.get(), key.get()) == 1) return OkStatus();
  return Invalid("", "is not the key of the first certificate");
}

}  // namespace cordon
