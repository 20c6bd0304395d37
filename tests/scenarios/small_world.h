// The small world of one story: an engine of its own with a real store and journal, keys that are
// authenticated by their bearers as the server does it, and a clock that the story moves.
//
// Every world begins at 2100-01-01T00:00:00Z, and its time stands until a step moves it on.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/identity/api_key.h"
#include "tests/scenarios/issuers.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {

// A chunk by document and ordinal.
using ChunkName = std::pair<std::string, uint32_t>;

class SmallWorld {
 public:
  // An empty tenant whose key `admin` is service:admin's.
  Status Begin();
  // Closes the engine and opens it again over the same files, on a machine whose clock is decades
  // behind.
  Status Restart();
  // Time passes until it is `time`, which is to come.
  void MoveTo(Micros time);

  Engine* engine() { return engine_.get(); }
  Micros now() { return engine_->clock()->Now(); }
  uint64_t revision(const std::string& tenant) const;

  // Keys by the story's names.
  void KeepKey(const std::string& name, const std::string& id, const std::string& bearer);
  StatusOr<std::string> KeyId(const std::string& name) const;
  // Whose key it is; the server's own way of finding out, so a revoked one is UNAUTHENTICATED.
  StatusOr<Authenticated> Authenticate(const std::string& name) const;
  StatusOr<Authenticated> AuthenticateHeader(const std::string& header) const;
  // Keeps a token under the name of a key, so that it calls as one.
  void KeepToken(const std::string& name, const std::string& issuer, const Members& claims) {
    KeepKey(name, "", issuers_.Token(issuer, claims, now()));
  }

  // A call through a key: `call(context, done)`.
  template <typename Response, typename Call>
  StatusOr<Response> Read(const std::string& key, Call call) {
    ASSIGN_OR_RETURN(const Authenticated caller, Authenticate(key));
    return Asked<Response>([&](auto done) { call(engine_->ReadAs(caller, {}), done); });
  }
  template <typename Response, typename Call>
  StatusOr<Response> Write(const std::string& key, Call call) {
    ASSIGN_OR_RETURN(const Authenticated caller, Authenticate(key));
    return Asked<Response>([&](auto done) { call(engine_->WriteAs(caller), done); });
  }

  // The documents ever written into a place (a tenant's collection), with the ordinals of their
  // chunks; none for a deleted one.
  using Documents = std::map<std::string, std::set<uint32_t>>;
  Documents& documents(const std::string& tenant, const std::string& collection) {
    return documents_[{tenant, collection}];
  }

 private:
  struct Key {
    std::string id;
    std::string bearer;
  };

  Status Open();

  ScratchDirectory scratch_;
  std::atomic<Micros> wall_{0}, steady_{0};
  const Issuers issuers_;
  std::unique_ptr<TokenVerifier> tokens_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Authenticator> authenticator_;
  std::map<std::string, Key> keys_;
  std::map<std::pair<std::string, std::string>, Documents> documents_;
};

// "a" for all chunks of a document, "a#1" for one; sorted.
std::vector<std::string> Render(const std::set<ChunkName>& chunks,
                                const SmallWorld::Documents& all);

// The same read: refuses a document that was never written, so that a typo cannot pass.
StatusOr<std::set<ChunkName>> Expand(const std::vector<std::string>& names,
                                     const SmallWorld::Documents& all);

}  // namespace cordon
