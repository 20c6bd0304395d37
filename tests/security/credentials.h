// The columns of S3: everything with which a call can come in.
//
// Tokens of users are in token_credentials.h, certificates in certificate_credentials.h.
#pragma once

#include <chrono>
#include <ctime>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/security/every_call_table.h"
#include "tests/security/served_store.h"

namespace cordon {

// How far a key's grant goes besides its rights.
enum class Reach {
  kAll,
  kOtherTenant,     // everything, but of another tenant
  kNoCollection,    // no collection
  kNoDestination,   // no destination
  kOtherUsers,      // may act for others than the one that is asked for
  kOtherIds,        // may write other ids only
  kForwardsInVain,  // forwards a user's token, but may act for nobody
};

struct Credential {
  std::string name;
  Metadata metadata;
  std::optional<Code> turned_away;  // before the call is looked at
  bool known = false;
  std::string key_id;
  std::set<v1::Right> rights;
  Reach reach = Reach::kAll;
  std::shared_ptr<AnyCaller> over = nullptr;  // the connection; null: the store's own
};

// What the call must end with.
inline Code ExpectedCode(const Row& row, const Credential& with) {
  using enum Touches;
  if (with.turned_away) return *with.turned_away;
  if (!with.known) return Code::UNAUTHENTICATED;
  const bool documents =
      row.touches == kDocuments || row.touches == kContext || row.touches == kAnothers;
  for (const v1::Right right : row.needs) {
    if (with.rights.contains(right)) continue;
    // The collection is looked for before anybody is acted for.
    const bool hidden = documents && with.reach == Reach::kOtherTenant;
    return right == v1::RIGHT_ACT_AS && hidden ? Code::NOT_FOUND : Code::PERMISSION_DENIED;
  }
  const bool destination = row.touches == kDestination || row.touches == kContext;
  if (row.touches == kAnothers && with.reach != Reach::kOtherTenant &&
      with.reach != Reach::kNoCollection) {
    return Code::PERMISSION_DENIED;
  }
  switch (with.reach) {
    case Reach::kAll:
      return Code::OK;
    case Reach::kOtherTenant:
      if (row.touches == kTenants) return Code::PERMISSION_DENIED;
      return documents || row.touches == kFirstTenant ? Code::NOT_FOUND : Code::OK;
    case Reach::kNoCollection:
      return documents ? Code::NOT_FOUND : Code::OK;
    case Reach::kNoDestination:
      return destination ? Code::PERMISSION_DENIED : Code::OK;
    case Reach::kOtherUsers:
      return row.what == "for a user" ? Code::PERMISSION_DENIED : Code::OK;
    case Reach::kOtherIds:
      // A change that is only tried is judged like the change.
      return row.method.starts_with("Ingest/SetAccess") || row.method == "Ingest/Delete" ||
                     row.method == "Ingest/Erase" || row.method == "Ingest/SetHold" ||
                     row.method == "Ingest/UpdateMetadata" ||
                     (row.method == "Policy/Simulate" && documents &&
                      row.what != kWholeCollection && row.what != kNewDocuments &&
                      row.what != kWholeListing)
                 ? Code::PERMISSION_DENIED
                 : Code::OK;
    case Reach::kForwardsInVain:
      return row.method.starts_with("Retrieval/") || row.method == "Policy/OpenBreakGlass" ||
                     row.what == kEmergency
                 ? Code::PERMISSION_DENIED
                 : Code::OK;
  }
  return Code::UNKNOWN;
}

// Whether a call that succeeds must refuse its document.
inline bool RefusesDocument(const Row& row, const Credential& with) {
  if (row.method == "Ingest/Ingest" && row.writes && with.reach == Reach::kOtherIds) return true;
  if (row.what == kFillingOfNone && with.rights.contains(v1::RIGHT_AUDIT)) return true;
  for (const v1::Right right : row.document_needs) {
    if (!with.rights.contains(right)) return true;
  }
  return false;
}

// Whether a call that succeeds changes something: a run goes on, whatever became of its documents.
inline bool Changes(const Row& row, const Credential& with) {
  return row.writes && (row.what == kBatchOfARun || !RefusesDocument(row, with));
}

// "query" of RIGHT_QUERY.
inline std::string NameOf(v1::Right right) { return v1::Right_Name(right).substr(6); }

inline std::set<v1::Right> EveryRight() {
  std::set<v1::Right> all;
  const auto* type = v1::Right_descriptor();
  for (int i = 0; i < type->value_count(); ++i) {
    if (type->value(i)->number() != 0) all.insert(static_cast<v1::Right>(type->value(i)->number()));
  }
  return all;
}

inline std::string GrantOf(const std::set<v1::Right>& rights, const std::string& reach) {
  std::string grant = "principal: 'service:probe' " + reach;
  for (const v1::Right right : rights) grant += " rights: " + v1::Right_Name(right);
  return grant;
}

// Keys in force: each right alone, all but each, all, and all within a narrower reach.
inline std::vector<Credential> KeysInForce(ServedStore* store, const ServedStore::Key& elsewhere) {
  std::vector<Credential> all;
  const auto add = [&](const std::string& name, const std::set<v1::Right>& rights,
                       const std::string& reach = kEveryReach, Reach kind = Reach::kAll) {
    const auto& admin = kind == Reach::kOtherTenant ? elsewhere : store->admin();
    const auto key = store->MakeKey(admin, GrantOf(rights, reach));
    all.push_back({name, BearerOf(key.bearer), std::nullopt, true, key.id, rights, kind});
  };
  const auto every = EveryRight();
  for (const v1::Right right : every) {
    add("only " + NameOf(right), {right});
    auto rest = every;
    rest.erase(right);
    add("all but " + NameOf(right), rest);
  }
  const std::string clear = "clearance { symbol: SYMBOL_ALL } ";
  const std::string anyone = "as_patterns: '*' ", anywhere = "collections: '*' ";
  const std::string anyhow = "destinations: 'chat' ";
  add("everything", every);
  for (const bool overlap : {false, true}) {
    const auto key = store->MakeKey(store->admin(), GrantOf(every, kEveryReach));
    const auto rotated = store->Do<v1::RotateKeyResponse>(
        store->admin(), "Admin/RotateKey",
        "id: '" + key.id + "' overlap_s: " + (overlap ? "3600" : "0"));
    all.push_back({overlap ? "rotated, the secret before" : "rotated",
                   BearerOf(overlap ? key.bearer : rotated.key()), std::nullopt, true, key.id,
                   every, Reach::kAll});
  }
  add("another tenant's", every, kEveryReach, Reach::kOtherTenant);
  add("no collections", every, clear + anyone + anyhow, Reach::kNoCollection);
  add("other collections", every, clear + anyone + anyhow + "collections: 'vault' ",
      Reach::kNoCollection);
  add("no destinations", every, clear + anyone + anywhere, Reach::kNoDestination);
  add("absent destination", every, clear + anyone + anywhere + "destinations: 'gone' ",
      Reach::kNoDestination);
  add("nobody to act for", every, clear + anywhere + anyhow, Reach::kOtherUsers);
  add("others to act for", every, clear + anywhere + anyhow + "as_patterns: 'user:an' ",
      Reach::kOtherUsers);
  add("other ids", every, std::string(kEveryReach) + "id_prefix: 'far/' ", Reach::kOtherIds);
  return all;
}

// What must not pass for a key, made of one that would open everything.
inline std::vector<Credential> Strangers(ServedStore* store, const ServedStore::Key& elsewhere) {
  const std::string grant = GrantOf(EveryRight(), kEveryReach);
  const auto good = store->MakeKey(store->admin(), grant);
  const auto theirs = store->MakeKey(elsewhere, grant);
  const auto revoked = store->MakeKey(store->admin(), grant);
  store->Do<v1::RevokeKeyResponse>(store->admin(), "Admin/RevokeKey", "id: '" + revoked.id + "'");
  const auto ended = store->MakeKey(
      store->admin(),
      grant + " expires { seconds: " + std::to_string(std::time(nullptr) + 2) + " }");
  const auto rotated = store->MakeKey(store->admin(), grant);
  store->Do<v1::RotateKeyResponse>(store->admin(), "Admin/RotateKey", "id: '" + rotated.id + "'");
  const std::string secret = good.bearer.substr(good.id.size() + 1);
  const std::string local = good.id.substr(good.id.find('.'));  // with the dot before it
  std::string flipped = good.bearer;
  flipped.back() = flipped.back() == 'A' ? 'E' : 'A';  // bits that count, also in base64's last

  std::vector<Credential> all;
  const auto add = [&](const std::string& name, Metadata metadata) {
    all.push_back({name, std::move(metadata), std::nullopt, false, "", {}, Reach::kAll});
  };
  add("none", {});
  add("empty", {{"authorization", ""}});
  add("garbage", {{"authorization", "open sesame"}});
  add("a scheme alone", {{"authorization", "Bearer "}});
  add("no scheme", {{"authorization", good.bearer}});
  add("another scheme", {{"authorization", "Basic " + good.bearer}});
  add("another header", {{"x-authorization", "Bearer " + good.bearer}});
  add("two spaces", {{"authorization", "Bearer  " + good.bearer}});
  add("something after it", {{"authorization", "Bearer " + good.bearer + "x"}});
  add("twice the same",
      {{"authorization", "Bearer " + good.bearer}, {"authorization", "Bearer " + good.bearer}});
  add("a good and a bad one",
      {{"authorization", "Bearer " + good.bearer}, {"authorization", "Bearer garbage"}});
  add("two in one", {{"authorization", "Bearer " + good.bearer + ", Bearer " + good.bearer}});
  add("over-long", BearerOf(good.bearer + std::string(300, 'A')));
  add("another's secret", BearerOf(good.id + "." + std::string(secret.size(), 'A')));
  add("one bit off", BearerOf(flipped));
  add("cut short", BearerOf(good.bearer.substr(0, good.bearer.size() - 1)));
  add("no secret", BearerOf(good.id + "."));
  add("no such id", BearerOf("default.0123456789abcdef." + secret));
  add("no such tenant", BearerOf("nowhere" + local + "." + secret));
  add("of another tenant", BearerOf("cobalt" + local + "." + secret));
  add("with another tenant's secret", BearerOf(good.id + theirs.bearer.substr(theirs.id.size())));
  add("the development key's id", BearerOf("default.dev." + secret));
  add("revoked", BearerOf(revoked.bearer));
  add("ended", BearerOf(ended.bearer));
  add("rotated out", BearerOf(rotated.bearer));
  Metadata large = BearerOf(good.bearer);
  large.emplace("x-trace", std::string(20 << 10, 'x'));
  all.push_back(
      {"more metadata than is taken", large, Code::RESOURCE_EXHAUSTED, false, "", {}, Reach::kAll});
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // until the key has ended
  return all;
}

}  // namespace cordon
