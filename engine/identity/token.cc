#include "engine/identity/token.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/crypto/digest.h"
#include "engine/crypto/encoding.h"
#include "engine/identity/strict_json.h"
#include "engine/policy/principal.h"

namespace cordon {
namespace {

constexpr Micros kSecond = 1'000'000;
constexpr size_t kSignatureBytesMin = 64;  // of ES256 and EdDSA; RS256 has 256 and more

Status Refused(std::string_view field, std::string_view why) {
  return Status(StatusCode::kUnauthenticated, field, why);
}

// A JWS in compact form (RFC 7515 §7.1), taken apart but not verified.
struct Parts {
  Json header;
  Json claims;
};

StatusOr<Json> DecodeObject(std::string_view field, std::string_view part) {
  const auto text = Base64UrlDecode(part);
  Json json = text.ok() ? ParseObject(*text) : nullptr;
  if (!json) return Refused(field, "not base64url of one JSON object without repeated members");
  return json;
}

StatusOr<Parts> TakeApart(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) {
    return Refused("token", "not three parts");
  }
  Parts parts;
  ASSIGN_OR_RETURN(parts.header, DecodeObject("header", token.substr(0, first)));
  ASSIGN_OR_RETURN(parts.claims,
                   DecodeObject("claims", token.substr(first + 1, second - first - 1)));
  const auto signature = Base64UrlDecode(token.substr(second + 1));
  if (!signature.ok() || signature->size() < kSignatureBytesMin) {
    return Refused("signature", "none, or not one of an algorithm that could be configured");
  }
  return parts;
}

// RFC 9068 §2.1 and RFC 7519 §5.1; tokens made for other purposes name others.
bool IsTokenType(std::string_view type) {
  std::string lower(type);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower == "jwt" || lower == "at+jwt" || lower == "application/at+jwt";
}

// What a header must not hold: keys of its own and where to fetch some, extensions that must be
// understood, encodings and contents other than claims (RFC 7515 §4.1, RFC 7516, RFC 7797).
Status CheckHeader(const json_t* header) {
  for (const char* name :
       {"jwk", "jku", "x5c", "x5u", "crit", "b64", "enc", "zip", "cty", "epk", "nonce"}) {
    if (json_object_get(header, name) != nullptr) {
      return Refused("header", fmt::format("holds {}", name));
    }
  }
  const json_t* type = json_object_get(header, "typ");
  if (type != nullptr && !IsTokenType(TextOf(type).value_or(""))) {
    return Refused("header.typ", "not JWT or at+jwt");
  }
  return OkStatus();
}

// A NumericDate (RFC 7519 §2).
StatusOr<Micros> MomentOf(const json_t* claims, const char* name) {
  constexpr double kLatest_s = 253402300799;  // the year 9999
  const json_t* value = json_object_get(claims, name);
  if (!json_is_number(value)) return Refused(name, "missing, or not a number");
  const double seconds = json_number_value(value);
  if (!(seconds >= 0 && seconds <= kLatest_s)) return Refused(name, "not a time");
  return static_cast<Micros>(std::floor(seconds * kSecond));
}

// When the token counts.
struct Span {
  Micros begins;
  Micros ends;
};

StatusOr<Span> CheckTimes(const Issuer& issuer, const json_t* claims, Micros now) {
  const Micros skew = issuer.clock_skew_s * kSecond;
  const Micros age = issuer.max_age_s * kSecond;
  ASSIGN_OR_RETURN(const Micros expires, MomentOf(claims, "exp"));
  ASSIGN_OR_RETURN(const Micros issued, MomentOf(claims, "iat"));
  if (expires <= issued) return Refused("exp", "not after iat");
  if (expires - issued > age) return Refused("exp", "more than max_age_s after iat");
  Span span = {issued - skew, expires + skew};
  if (now < span.begins) return Refused("iat", "in the future");
  if (now >= span.ends) return Refused("exp", "expired");
  if (json_object_get(claims, "nbf") != nullptr) {
    ASSIGN_OR_RETURN(const Micros begins, MomentOf(claims, "nbf"));
    span.begins = std::max(span.begins, begins - skew);
    if (now < span.begins) return Refused("nbf", "not yet valid");
  }
  return span;
}

Status CheckAudience(const Issuer& issuer, const json_t* claims) {
  const json_t* audience = json_object_get(claims, "aud");
  std::vector<std::string_view> named;
  if (const auto one = TextOf(audience)) named.push_back(*one);
  for (size_t i = 0; i < json_array_size(audience); ++i) {
    const auto text = TextOf(json_array_get(audience, i));
    if (!text) return Refused("aud", "not a list of strings");
    named.push_back(*text);
  }
  const auto& pinned = issuer.audiences;
  const bool ours = std::any_of(named.begin(), named.end(), [&](std::string_view name) {
    return std::find(pinned.begin(), pinned.end(), name) != pinned.end();
  });
  return ours ? OkStatus() : Refused("aud", "missing, or for others");
}

StatusOr<std::string> PrincipalOf(const Issuer& issuer, const json_t* claims) {
  const auto value = Member(claims, issuer.principal_claim.c_str());
  if (!value || value->empty()) return Refused("principal", "the claim is missing or no string");
  std::string principal = issuer.principal_prefix + std::string(*value);
  const auto kind = ParsePrincipal("principal", principal);
  if (!kind.ok() || *kind != PrincipalKind::kUser) return Refused("principal", "not a user's name");
  return principal;
}

// All groups, or a refusal: one that is left out may be the one that is denied.
StatusOr<std::vector<std::string>> GroupsOf(const Issuer::Groups& rule, const json_t* claims) {
  // How Microsoft Entra ID says that the groups did not fit into the token.
  for (const char* marker : {"_claim_names", "_claim_sources", "hasgroups"}) {
    if (json_object_get(claims, marker) != nullptr) {
      return Refused("groups", "not all of them are in the token (overage)");
    }
  }
  const json_t* list = json_object_get(claims, rule.claim.c_str());
  if (!json_is_array(list)) return Refused("groups", "the claim is missing or no list");
  if (json_array_size(list) > limits::kTokenGroups) {
    return Refused("groups", fmt::format("more than {}", limits::kTokenGroups));
  }
  std::vector<std::string> groups;
  for (size_t i = 0; i < json_array_size(list); ++i) {
    const auto value = TextOf(json_array_get(list, i));
    if (!value || value->empty()) return Refused("groups", "not a list of names");
    groups.push_back(rule.prefix + std::string(*value));
    if (!ParsePrincipal("groups", groups.back()).ok()) return Refused("groups", "not a name");
  }
  Canonicalise(&groups);
  return groups;
}

StatusOr<Clearance> ClearanceOf(const Issuer::ClearanceClaim& rule, const json_t* claims) {
  const auto value = Member(claims, rule.claim.c_str());
  if (!value) return Refused("clearance", "the claim is missing or no string");
  const auto it = rule.values.find(std::string(*value));
  if (it == rule.values.end()) return Refused("clearance", "a value that is not configured");
  return it->second;
}

}  // namespace

bool LooksLikeToken(std::string_view bearer) {
  const size_t first = bearer.find('.');
  const size_t last = bearer.rfind('.');
  constexpr size_t kSecretChars = 43;  // of 256 bits
  if (first == last || bearer.size() - last - 1 <= kSecretChars) return false;
  if (bearer.size() > limits::kTokenBytes) return true;  // whatever it is, it is no key
  const auto header = Base64UrlDecode(bearer.substr(0, first));
  return header.ok() && ParseObject(*header) != nullptr;
}

std::shared_ptr<const SeenTokens::Entry> SeenTokens::Find(const Digest& token) const {
  const size_t place = (token[0] << 8 | token[1]) % kEntries;
  std::lock_guard lock(mutex_);
  const auto& entry = entries_[place];
  return entry && entry->token == token ? entry : nullptr;
}

void SeenTokens::Add(std::shared_ptr<const Entry> entry) {
  const size_t place = (entry->token[0] << 8 | entry->token[1]) % kEntries;
  std::lock_guard lock(mutex_);
  entries_[place].swap(entry);
}

TokenVerifier::TokenVerifier(std::vector<Issuer> issuers, int waiting_max) : room_(waiting_max) {
  const std::chrono::milliseconds fetch(limits::kKeySetFetch_ms);
  for (auto& issuer : issuers) {
    auto keys =
        std::make_unique<KeySet>(issuer.name, MakeKeySource(issuer.jwks, issuer.jwks_ca, fetch),
                                 KeySet::TimesOf(issuer), &room_);
    const std::string iss = issuer.iss;
    by_iss_.emplace(iss, Trusted{std::move(issuer), std::move(keys)});
  }
}

StatusOr<std::unique_ptr<TokenVerifier>> TokenVerifier::Open(std::vector<Issuer> issuers,
                                                             int waiting_max) {
  RETURN_IF_ERROR(CheckIssuers(issuers));
  std::unique_ptr<TokenVerifier> verifier(new TokenVerifier(std::move(issuers), waiting_max));
  for (const auto& [iss, trusted] : verifier->by_iss_) {
    const Status read = trusted.keys->FirstRead(std::chrono::milliseconds(limits::kKeySetFetch_ms));
    // A service elsewhere may come later; a file that is not there is a mistake here.
    if (!read.ok() && !IsUrl(trusted.issuer.jwks)) {
      return Status(StatusCode::kFailedPrecondition,
                    fmt::format("issuers.{}.jwks", trusted.issuer.name), read.message());
    }
  }
  return verifier;
}

StatusOr<std::shared_ptr<const VerifiedUser>> TokenVerifier::Verify(const std::string& token,
                                                                    Micros now) const {
  auto user = Check(token, now);
  if (!user.ok()) Log(user.status());
  return user;
}

StatusOr<std::shared_ptr<const VerifiedUser>> TokenVerifier::Check(const std::string& token,
                                                                   Micros now) const {
  if (token.size() > limits::kTokenBytes) return Refused("token", "too long");
  const Digest digest = Sha256(token);
  const auto seen = seen_.Find(digest);
  if (seen && StillCounts(*seen, now)) return seen->user;
  ASSIGN_OR_RETURN(const Parts parts, TakeApart(token));
  RETURN_IF_ERROR(CheckHeader(parts.header.get()));
  const json_t* claims = parts.claims.get();
  const auto trusted = by_iss_.find(Member(claims, "iss").value_or(""));
  if (trusted == by_iss_.end()) return Refused("iss", "not a configured issuer");
  const Issuer& issuer = trusted->second.issuer;
  const auto algorithm = AlgorithmOf(Member(parts.header.get(), "alg").value_or(""));
  const auto& allowed = issuer.algorithms;
  if (!algorithm || std::find(allowed.begin(), allowed.end(), *algorithm) == allowed.end()) {
    return Refused("header.alg", "not one that the issuer is configured with");
  }
  // Before the key is looked for: an old token, sent again and again, must not fetch keys.
  ASSIGN_OR_RETURN(const Span span, CheckTimes(issuer, claims, now));
  RETURN_IF_ERROR(CheckAudience(issuer, claims));
  // Bound to a key of the bearer's (RFC 7800): without proof of that, it is another's.
  if (json_object_get(claims, "cnf") != nullptr) return Refused("cnf", "needs proof of a key");
  const auto kid = Member(parts.header.get(), "kid");
  if (!kid || kid->empty()) return Refused("header.kid", "missing, or not a string");
  const auto key = trusted->second.keys->Find(*kid, *algorithm);
  if (!key) return Refused("header.kid", "no such key of the issuer for this algorithm");
  if (!IsSignedBy(*key, token)) return Refused("signature", "wrong");

  UserClaims user;
  ASSIGN_OR_RETURN(user.principal, PrincipalOf(issuer, claims));
  if (issuer.groups) {
    ASSIGN_OR_RETURN(user.groups, GroupsOf(*issuer.groups, claims));
  }
  if (issuer.clearance) {
    ASSIGN_OR_RETURN(user.clearance, ClearanceOf(*issuer.clearance, claims));
  }
  user.tenant = issuer.tenant;
  user.issuer = issuer.name;
  user.ceiling = issuer.grant.clearance;
  user.expires = span.ends;
  user.digest = std::string(AsBytes(digest));
  const std::shared_ptr<const VerifiedUser> verified(new VerifiedUser(std::move(user)));
  seen_.Add(std::make_shared<const SeenTokens::Entry>(
      SeenTokens::Entry{digest, *key, span.begins, verified}));
  return verified;
}

bool TokenVerifier::StillCounts(const SeenTokens::Entry& entry, Micros now) const {
  const bool in_time = entry.begins <= now && now < entry.user->expires();
  if (!in_time && !Planted(Bug::kTokenKept)) return false;
  for (const auto& [iss, trusted] : by_iss_) {
    if (trusted.issuer.name != entry.user->issuer()) continue;
    const auto key = trusted.keys->Find(entry.key.kid, entry.key.algorithm);
    return key && key->jwk == entry.key.jwk;
  }
  return false;
}

std::shared_ptr<const Grant> TokenVerifier::GrantOf(const VerifiedUser& user) const {
  for (const auto& [iss, trusted] : by_iss_) {
    if (trusted.issuer.name != user.issuer()) continue;
    auto grant = std::make_shared<Grant>(trusted.issuer.grant);
    grant->principal = user.principal();
    return grant;
  }
  return std::make_shared<const Grant>();  // of another verifier: it permits nothing
}

// At most one line a second, whoever sends how much; without a word of the token.
void TokenVerifier::Log(const Status& refused) const {
  if (!spdlog::should_log(spdlog::level::debug)) return;
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  const int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(since).count();
  if (logged_s_.exchange(now_s) == now_s) return;
  spdlog::debug("a token was refused: {}: {}", refused.field(), refused.message());
}

}  // namespace cordon
