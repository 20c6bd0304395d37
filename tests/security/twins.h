// Two tenants that differ only in what some callers, the watchers, cannot see: documents and chunks
// that are hidden from them, in the end or all the time, and in which order all of it came.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/security/draw.h"
#include "tests/security/mirrored_tenant.h"
#include "tests/security/token_users.h"

namespace cordon {

// A caller, for whom, and for which consumer.
struct Watcher {
  Credential credential;
  std::string as;
  std::string to;
  std::string glass = {};  // the break-glass access that it may read under; empty: none
  std::optional<BroughtToken> token = {};

  bool alone() const { return token && !token->says.forwarded; }
  // For whom it asks.
  std::string User() const {
    if (!as.empty()) return as;
    return token ? token->says.user : credential.key.principal;
  }
  // As who a call of its comes in now; refused if its token does not count.
  StatusOr<Authenticated> Enter(const TokenUsers& users, const MirroredTenant& tenant) const {
    auto key = ToCaller(credential, tenant.name(), tenant.model().world.dev);
    if (!token) return key;
    return users.Enter(key, *token);
  }
};

// Borrows all. The tenants have the same name, policy and directory, and their clocks stand alike.
class Twins {
 public:
  static constexpr int kTicks = 3;  // how far the clocks may be moved on while questions are asked

  Twins(Draw* draw, TokenUsers* users, MirroredTenant* left, MirroredTenant* right,
        std::string collection);

  // Draws the watchers and fills the collection of both tenants.
  void Fill();

  // Begins another embedding space in both tenants, and fills it in each to a part of its own.
  void BeginSpace();
  // Switches both to it, once it is whole, and goes on in each with what is hidden.
  void SwitchSpace();

  const std::vector<Watcher>& watchers() const { return watchers_; }
  const std::string& collection() const { return collection_; }
  // Every id that some tenant has or had, and some that neither had.
  const Strings& ids() const { return ids_; }
  // Whether the watchers may ask for counts: then what is hidden is so from the users alone, too.
  bool counts() const { return counts_; }
  size_t dimension() const { return dimension_; }
  // Whether questions are texts instead of vectors.
  bool embeds() const { return embeds_; }
  uint64_t hidden() const { return hidden_; }

  // Whether the model finds the same in both for every watcher now; else the test is wrong.
  bool Even() const;

 private:
  // One write, as a function of the tenant.
  using Step = std::function<void(MirroredTenant*)>;
  using Steps = std::vector<Step>;

  const reference::Tenant& model() const { return left_.model(); }
  void DrawWatchers();
  // Makes it a user who comes with a token, alone or through an application that forwards it.
  void GiveToken(Watcher* watcher);
  // A break-glass access of some watchers in both tenants, which may end while questions are asked.
  void OpenAccesses();
  bool Hidden(const reference::Document& document, const reference::StoredChunk& chunk) const;
  bool Hidden(const reference::Document& document) const;
  // Denies the watchers for good.
  void Deny(reference::List* list) const;

  reference::Document Valid();
  reference::Document HiddenDocument();
  // The document with chunks that only this tenant has.
  reference::Document WithHiddenChunks(reference::Document document);

  Step Ingest(const std::string& id, const reference::Document& document) const;
  // What one tenant does with a document until it is as it should be.
  Steps StepsToward(const std::string& id, const reference::Document& document);
  Steps HiddenSteps(const std::string& id);
  void Send(MirroredTenant* tenant, std::vector<Steps> documents);

  Draw& draw_;
  TokenUsers& users_;
  MirroredTenant& left_;
  MirroredTenant& right_;
  const std::string collection_;
  std::vector<Watcher> watchers_;
  // The watchers at every time that can come.
  std::vector<std::pair<reference::Asker, reference::Time>> askers_;
  Strings ids_;
  bool counts_ = false;
  size_t dimension_ = 1;
  bool embeds_ = false;
  reference::Space space_;  // the second one
  uint64_t hidden_ = 0;
};

}  // namespace cordon
