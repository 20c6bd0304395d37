// Documents as they are stored: under numbers and pseudonyms instead of names, and encrypted.
//
// The records of kDocuments and kChunks are sealed (AES-256-GCM) with the key that their document
// alone has, for the one place (family and key, hence tenant, collection, number and ordinal) where
// they are. docs/storage-format.md says what else is stored, and why that is not encrypted.
#pragma once

#include <string>
#include <string_view>

#include "engine/crypto/aead.h"
#include "engine/crypto/digest.h"
#include "engine/crypto/key_store.h"
#include "engine/store/database.h"

namespace cordon {

// Thread-safe.
class Vault {
 public:
  // `keys` outlives the vault.
  explicit Vault(KeyStore* keys);

  // What a value is called in keys of the store: 16 bytes, the same for equal values of one kind,
  // tenant and collection, and nothing without the key store.
  std::string Pseudonym(uint32_t tenant, uint32_t collection, std::string_view kind,
                        std::string_view value) const;

  // The key of a document that is about to be written for the first time, once it is on the disk.
  StatusOr<SecretKey> NewKey(uint32_t tenant, uint64_t number) const;

  // The key of a stored document; NOT_FOUND if it was destroyed, DATA_LOSS if it is missing.
  StatusOr<SecretKey> KeyOf(uint32_t tenant, uint64_t number) const;

  // Puts `record`, sealed with its document's key, into `batch`.
  static void Put(Family family, std::string_view key, const SecretKey& document_key,
                  const SealNonce& nonce, const google::protobuf::MessageLite& record,
                  Batch* batch);

  // Reads a payload that Put made for this place. False if its document's key was destroyed: to
  // whoever still finds the record, the document is not there. DATA_LOSS if it does not open.
  StatusOr<bool> Open(Family family, std::string_view key, std::string_view payload,
                      google::protobuf::MessageLite* record) const;
  // The same with what the key store says of the document's key.
  static StatusOr<bool> Open(const KeyStore::Found& document_key, Family family,
                             std::string_view key, std::string_view payload,
                             google::protobuf::MessageLite* record);

  // For what is not a document's: sealed with a key of the whole store, for `purpose`.
  StatusOr<std::string> SealFor(std::string_view purpose, std::string_view text) const;
  StatusOr<std::string> OpenFor(std::string_view purpose, std::string_view sealed) const;

  // The same with a key that the caller has, such as a document's, and a nonce that it has not
  // used. OpenWith and OpenFor: DATA_LOSS if it does not open.
  static std::string SealWith(const SecretKey& key, const SealNonce& nonce,
                              std::string_view purpose, std::string_view text);
  static StatusOr<std::string> OpenWith(const SecretKey& key, std::string_view purpose,
                                        std::string_view sealed);

  KeyStore& keys() const { return *keys_; }
  // A digest of what is not to be guessed from its digest.
  Digest KeyedDigest(std::string_view bytes) const { return digests_.Of(bytes); }

 private:
  KeyStore* const keys_;
  const HmacKey names_;
  const HmacKey digests_;
};

}  // namespace cordon
