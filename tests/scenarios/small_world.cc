#include "tests/scenarios/small_world.h"

#include <fmt/format.h>

#include <charconv>

namespace cordon {
namespace {

constexpr std::string_view kBegin = "2100-01-01T00:00:00Z";
constexpr std::string_view kBehind = "2026-01-01T00:00:00Z";

}  // namespace

Status SmallWorld::Begin() {
  ASSIGN_OR_RETURN(const NewKey admin, MakeKey("default"));
  RETURN_IF_ERROR(CreateStore({scratch_ / "data", "", ""}, {admin.id, admin.bearer, admin.digest},
                              /*dev=*/false));
  KeepKey("admin", admin.id, admin.bearer);
  ASSIGN_OR_RETURN(tokens_, issuers_.Verifier());
  ASSIGN_OR_RETURN(const Micros begin, ParseTime(kBegin));
  wall_ = steady_ = begin;
  return Open();
}

Status SmallWorld::Open() {
  Engine::Options options;
  options.paths.data_dir = scratch_ / "data";
  options.read_durability = Durability::kBuffered;  // who sees what does not depend on it
  options.wall = [this] { return wall_.load(); };
  options.steady = [this] { return steady_.load(); };
  ASSIGN_OR_RETURN(engine_, Engine::Open(std::move(options)));
  // As engine/server looks keys up: in the newest state, so that a revoked one is gone at once.
  const auto find = [this](std::string_view tenant_name,
                           std::string_view id) -> std::optional<StoredKey> {
    const auto tenant = engine_->FindTenant(tenant_name);
    if (!tenant) return std::nullopt;
    const PinnedView view = tenant->publisher.Pin(engine_->clock());
    const auto key = view->state().keys->find(std::string(id));
    if (key == view->state().keys->end()) return std::nullopt;
    return StoredKey{key->second.digest, key->second.grant};
  };
  authenticator_ = std::make_unique<Authenticator>(find, std::nullopt);
  authenticator_->AcceptTokens(
      {tokens_.get(), [this] { return now(); },
       [this](std::string_view tenant) { return engine_->FindTenant(tenant) != nullptr; }});
  return OkStatus();
}

Status SmallWorld::Restart() {
  engine_.reset();
  ASSIGN_OR_RETURN(wall_, ParseTime(kBehind));
  return Open();
}

void SmallWorld::MoveTo(Micros time) {
  const Micros passes = time - now();
  steady_ += passes;
  wall_ += passes;
}

uint64_t SmallWorld::revision(const std::string& tenant) const {
  return engine_->FindTenant(tenant)->publisher.Pin(engine_->clock())->revision();
}

void SmallWorld::KeepKey(const std::string& name, const std::string& id,
                         const std::string& bearer) {
  keys_[name] = {id, bearer};
}

StatusOr<std::string> SmallWorld::KeyId(const std::string& name) const {
  const auto it = keys_.find(name);
  if (it == keys_.end()) return Invalid("", "the story has no key named " + name);
  return it->second.id;
}

StatusOr<Authenticated> SmallWorld::Authenticate(const std::string& name) const {
  RETURN_IF_ERROR(KeyId(name).status());
  return AuthenticateHeader("Bearer " + keys_.at(name).bearer);
}

StatusOr<Authenticated> SmallWorld::AuthenticateHeader(const std::string& header) const {
  return authenticator_->Authenticate(header);
}

std::vector<std::string> Render(const std::set<ChunkName>& chunks,
                                const SmallWorld::Documents& all) {
  std::map<std::string, std::set<uint32_t>> by_document;
  for (const auto& [document, ordinal] : chunks) by_document[document].insert(ordinal);
  std::vector<std::string> names;
  for (const auto& [document, ordinals] : by_document) {
    const auto it = all.find(document);
    if (it != all.end() && it->second == ordinals) {
      names.push_back(document);
      continue;
    }
    for (const uint32_t ordinal : ordinals)
      names.push_back(fmt::format("{}#{}", document, ordinal));
  }
  return names;
}

StatusOr<std::set<ChunkName>> Expand(const std::vector<std::string>& names,
                                     const SmallWorld::Documents& all) {
  std::set<ChunkName> chunks;
  for (const auto& name : names) {
    const size_t mark = name.rfind('#');
    const std::string document = name.substr(0, mark);
    const auto it = all.find(document);
    if (it == all.end()) {
      return Invalid("", fmt::format("no document '{}' was written in this story", document));
    }
    if (mark == std::string::npos) {
      for (const uint32_t ordinal : it->second) chunks.emplace(document, ordinal);
      if (it->second.empty()) return Invalid("", fmt::format("'{}' is deleted", document));
      continue;
    }
    uint32_t ordinal = 0;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + mark + 1, end, ordinal);
    if (read.ec != std::errc() || read.ptr != end || !it->second.contains(ordinal)) {
      return Invalid("", fmt::format("'{}' names no chunk of {}", name, document));
    }
    chunks.emplace(document, ordinal);
  }
  return chunks;
}

}  // namespace cordon
