// What an X.509 certificate (RFC 5280) says of itself, and whether files in PEM (RFC 7468) are what
// a TLS server needs. Nothing here judges whether a certificate is to be trusted: TLS does.
//
// All functions are thread-safe and keep nothing of what they are given.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/status.h"

namespace cordon {

struct CertificateFacts {
  std::string fingerprint;  // SHA-256 of the DER, 64 lower-case hexadecimal digits
  std::string issuer;       // as CanonicalName() writes it
  Micros not_before;
  Micros not_after;

  bool ValidAt(Micros now) const { return not_before <= now && now <= not_after; }
};

// The facts of the first certificate in `pem`. INVALID_ARGUMENT if there is none, or it is damaged.
StatusOr<CertificateFacts> ReadCertificate(std::string_view pem);

// A distinguished name in one spelling, so that two spellings of a name are equal: types as object
// identifiers, ASCII letters in lower case, runs of spaces as one, and the parts sorted. Two names
// that differ in nothing else are taken for one. `text` is as RFC 4514 has it, such as
// `CN=Old CA,O=Corp`; spaces around its parts do not count. The result is its own spelling.
// INVALID_ARGUMENT for anything else.
StatusOr<std::string> CanonicalName(std::string_view text);

// The 64 lower-case hexadecimal digits of `sha256:HEX`; colons between digits are left out.
StatusOr<std::string> CanonicalFingerprint(std::string_view text);

// Refuses `pem` unless it holds at least one certificate, and no damaged one.
Status CheckCertificates(std::string_view pem);

// Refuses `pem` unless it begins with a private key without a passphrase.
Status CheckPrivateKey(std::string_view pem);

// Refuses a private key that is not that of the first certificate in `certificates`. Both must have
// passed the checks above.
Status CheckKeyMatches(std::string_view certificates, std::string_view private_key);

}  // namespace cordon
