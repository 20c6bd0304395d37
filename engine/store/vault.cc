#include "engine/store/vault.h"

#include <fmt/format.h>
#include <google/protobuf/message_lite.h>
#include <spdlog/spdlog.h>

#include "engine/base/planted.h"
#include "engine/store/schema.h"

namespace cordon {
namespace {

constexpr size_t kPseudonymBytes = 16;  // no two names of a collection meet by chance

// What a record is bound to; until this thread asks for the next one's.
std::string_view PlaceOf(Family family, std::string_view key) {
  static thread_local std::string place;  // its memory serves all records
  place.assign(1, static_cast<char>(family));
  if (!Planted(Bug::kPlaceUnbound)) place += key;
  return place;
}

Status KeyIsMissing(uint32_t tenant, uint64_t number) {
  spdlog::error("no key for document {} of tenant {}", number, tenant);
  return Corrupt(
      "a document's key is missing: the keys are an older copy, or another store's; put "
      "back the newest copy of the keys directory");
}

Status DoesNotOpen(std::string_view what) {
  spdlog::error("{} does not open with its key", what);
  return Corrupt(
      "a stored record is damaged, or the keys are another store's; restore from a "
      "backup, or put back the newest copy of the keys directory");
}

std::string PurposePlace(std::string_view purpose) { return fmt::format("cordon {} 1", purpose); }

}  // namespace

Vault::Vault(KeyStore* keys)
    : keys_(keys),
      names_(keys->ForPurpose("cordon store names 1")),
      digests_(keys->ForPurpose("cordon mutation digests 1")) {}

std::string Vault::Pseudonym(uint32_t tenant, uint32_t collection, std::string_view kind,
                             std::string_view value) const {
  const std::string prefix = CollectionPrefix(tenant, collection);
  std::string bytes;
  bytes.reserve(prefix.size() + kind.size() + 1 + value.size());
  bytes += prefix;
  bytes += kind;
  bytes += '\0';
  bytes += value;
  return std::string(AsBytes(names_.Of(bytes)).substr(0, kPseudonymBytes));
}

StatusOr<SecretKey> Vault::NewKey(uint32_t tenant, uint64_t number) const {
  RETURN_IF_ERROR(keys_->Provide(tenant, number));
  return KeyOf(tenant, number);
}

StatusOr<SecretKey> Vault::KeyOf(uint32_t tenant, uint64_t number) const {
  auto found = keys_->Find(tenant, number);
  if (found.state == KeyStore::State::kThere) return *std::move(found.key);
  if (found.state == KeyStore::State::kDestroyed) {
    return NotFound("document", "its key was destroyed");
  }
  return KeyIsMissing(tenant, number);
}

void Vault::Put(Family family, std::string_view key, const SecretKey& document_key,
                const SealNonce& nonce, const google::protobuf::MessageLite& record, Batch* batch) {
  static thread_local std::string text, sealed;  // their memory serves all records
  text.clear();
  sealed.clear();
  record.AppendToString(&text);
  SealText(document_key, nonce, PlaceOf(family, key), text, &sealed);
  batch->PutBytes(family, key, sealed);
}

StatusOr<bool> Vault::Open(Family family, std::string_view key, std::string_view payload,
                           google::protobuf::MessageLite* record) const {
  const auto found = keys_->Find(LastNumber(key.substr(0, 4)), DocumentNumber(key));
  return Open(found, family, key, payload, record);
}

StatusOr<bool> Vault::Open(const KeyStore::Found& document_key, Family family, std::string_view key,
                           std::string_view payload, google::protobuf::MessageLite* record) {
  if (document_key.state == KeyStore::State::kDestroyed) return false;
  if (document_key.state == KeyStore::State::kNone) {
    return KeyIsMissing(LastNumber(key.substr(0, 4)), DocumentNumber(key));
  }
  static thread_local std::string text;
  if (!OpenSealed(*document_key.key, PlaceOf(family, key), payload, &text)) {
    return DoesNotOpen("a stored record");
  }
  RETURN_IF_ERROR(ParseRecord(text, record));
  return true;
}

StatusOr<std::string> Vault::SealFor(std::string_view purpose, std::string_view text) const {
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  return SealWith(keys_->ForPurpose(PurposePlace(purpose)), nonce, purpose, text);
}

StatusOr<std::string> Vault::OpenFor(std::string_view purpose, std::string_view sealed) const {
  return OpenWith(keys_->ForPurpose(PurposePlace(purpose)), purpose, sealed);
}

std::string Vault::SealWith(const SecretKey& key, const SealNonce& nonce, std::string_view purpose,
                            std::string_view text) {
  std::string sealed;
  SealText(key, nonce, PurposePlace(purpose), text, &sealed);
  return sealed;
}

StatusOr<std::string> Vault::OpenWith(const SecretKey& key, std::string_view purpose,
                                      std::string_view sealed) {
  std::string text;
  if (!OpenSealed(key, PurposePlace(purpose), sealed, &text)) return DoesNotOpen(purpose);
  return text;
}

}  // namespace cordon
