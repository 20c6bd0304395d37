// What an authenticated caller carries.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/planted.h"
#include "engine/base/status.h"
#include "engine/policy/label.h"
#include "engine/policy/verified_user.h"

namespace cordon {

// The operation rights of DESIGN §2.
enum class Right : uint32_t {
  kQuery = 1,
  kIngest = 2,
  kLabel = 3,
  kGrant = 4,
  kAudit = 5,
  kErase = 6,
  kExport = 7,
  kActAs = 8,
  kBreakGlass = 9,
  kAdmin = 10,
};
inline constexpr Right kAllRights[] = {
    Right::kQuery, Right::kIngest, Right::kLabel, Right::kGrant,      Right::kAudit,
    Right::kErase, Right::kExport, Right::kActAs, Right::kBreakGlass, Right::kAdmin};

// "query", "act-as", …: the names that the command line and error messages use.
std::string_view RightName(Right right);

// A set of rights.
class Rights {
 public:
  void Add(Right right) { bits_ |= Bit(right); }
  bool Has(Right right) const { return (bits_ & Bit(right)) != 0; }
  bool Within(Rights other) const { return (bits_ & ~other.bits_) == 0; }
  static Rights All();

 private:
  static uint32_t Bit(Right right) { return uint32_t{1} << static_cast<uint32_t>(right); }
  uint32_t bits_ = 0;
};

// In a list of names, all of them.
inline constexpr std::string_view kAnyName = "*";

// Bounds on what a key may use; nothing: no bound.
struct Quota {
  std::optional<uint64_t> passages_per_day = std::nullopt;
  std::optional<uint64_t> tokens_per_day = std::nullopt;  // approximate ones
  std::optional<uint64_t> requests_per_minute = std::nullopt;

  // Whether everything that `other` permits is permitted by this one too.
  bool Covers(const Quota& other) const;
};

// What one key carries (DESIGN §2 and §6).
struct Grant {
  std::string principal;  // service:… or user:…
  Rights rights;
  std::vector<std::string> as_patterns;  // exact names, or a prefix followed by one '*'
  Clearance clearance;
  std::vector<std::string> collections;   // names, or "*"
  std::string id_prefix;                  // of document ids that it may write
  std::vector<std::string> destinations;  // names, or "*"; the first is the default
  Micros expires = kNever;                // refused from then on
  std::string certificate;                // the name that authenticates; empty: a secret does
  Quota quota;

  bool MayUseCollection(std::string_view name) const;
  bool MayNameDestination(std::string_view name) const;
  bool MayActAs(std::string_view principal) const;
  bool MayWriteId(std::string_view id) const {
    return id.starts_with(id_prefix) || Planted(Bug::kIdPrefixIgnored);
  }

  // Whether everything that `other` permits is permitted by this one too; the principals must be
  // the same. Used to refuse keys by which a caller would raise itself.
  bool Covers(const Scheme& scheme, const Grant& other) const;
};

// Proof that a caller has been authenticated. Only identity/ can make one; every call that reads
// or writes asks for it.
class Authenticated {
 public:
  const std::string& tenant() const { return tenant_; }
  const std::string& key_id() const { return key_id_; }
  const Grant& grant() const { return *grant_; }
  const std::shared_ptr<const Grant>& shared_grant() const { return grant_; }
  // The server runs with --dev.
  bool dev() const { return dev_; }
  // The user whose own token came with the call: the caller itself, or for whom an application
  // forwards it; null if there was none.
  const VerifiedUser* user() const { return user_.get(); }
  // An application forwards the token of user(); the grant stays the application's.
  bool forwards() const { return forwards_; }

  // PERMISSION_DENIED unless the right is held.
  Status Require(Right right) const;
  // NOT_FOUND, as for an absent collection, unless the key may use it.
  Status RequireCollection(std::string_view name) const;

 private:
  friend class Authenticator;
  friend class CertificateAuthenticator;
  Authenticated(std::string tenant, std::string key_id, std::shared_ptr<const Grant> grant,
                bool dev)
      : tenant_(std::move(tenant)),
        key_id_(std::move(key_id)),
        grant_(std::move(grant)),
        dev_(dev) {}

  std::string tenant_;
  std::string key_id_;
  std::shared_ptr<const Grant> grant_;
  bool dev_;
  std::shared_ptr<const VerifiedUser> user_;
  bool forwards_ = false;
};

// The one NOT_FOUND for collections: hidden and absent alike.
Status CollectionNotFound();
// The one NOT_FOUND for documents: hidden and absent alike.
Status DocumentNotFound();

}  // namespace cordon
