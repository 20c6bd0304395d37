// A tenant's state on a real store of its own: mutations in text, applied and written.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/store/apply.h"
#include "engine/store/documents.h"
#include "engine/store/load.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

class ScratchStore {
 public:
  using Mutation = store::v1::Mutation;

  ScratchStore() {
    CORDON_CHECK(KeyStore::Create(KeyOptions()).ok());
    OpenKeys();
    auto opened = Database::Open(path(), /*create=*/true);
    CORDON_CHECK(opened.ok());
    database_ = *std::move(opened);
    Batch batch;
    store::v1::TenantRecord tenant;
    tenant.set_id(1);
    tenant.set_name("default");
    batch.Put(Family::kMeta, MetaTenantKey("default"), tenant);
    batch.Put(Family::kHeads, HeadKey(1), FromText<store::v1::HeadRecord>("next_collection: 1"));
    CORDON_CHECK(database_->Write(batch).ok());
    Load();
  }

  // Applies one mutation and writes it, as the writer does; a refused one leaves no trace.
  StatusOr<Applied> Try(const Mutation& given) {
    Mutation mutation = given;
    mutation.set_time_us(static_cast<int64_t>(1000 * (state_.revision + 1)));
    auto applied = Apply(Context(), state_, mutation);
    if (!applied.ok()) {
      interner_.Rollback();
      return applied.status();
    }
    interner_.Commit();
    CORDON_CHECK(database_->Write(applied->batch).ok());
    CORDON_CHECK(keys_->Destroy(1, applied->erased).ok());
    AdoptNames(state_, &applied->next);
    state_ = applied->next;
    return applied;
  }
  StatusOr<Applied> Try(const std::string& mutation) { return Try(FromText<Mutation>(mutation)); }

  // The same for what must succeed.
  Applied Do(const std::string& mutation) {
    auto applied = Try(mutation);
    EXPECT_TRUE(applied.ok()) << mutation << ": " << applied.status().ToString();
    CORDON_CHECK(applied.ok());
    return *std::move(applied);
  }

  // "CODE: field" of a mutation that must be refused; "OK" if it was not.
  std::string Refusal(const std::string& mutation) {
    const auto applied = Try(mutation);
    if (applied.ok()) return "OK";
    return std::string(CodeName(applied.status().code())) + ": " +
           std::string(applied.status().field());
  }

  void Close() { database_.reset(); }

  // Reads everything back from the disk.
  void Reopen() {
    Close();
    auto opened = Database::Open(path(), /*create=*/false);
    CORDON_CHECK(opened.ok());
    database_ = *std::move(opened);
    Load();
  }

  store::v1::DocumentRecord Document(const std::string& id) const {
    store::v1::DocumentRecord record;
    const auto found = documents().Read(state_.FindCollection("docs")->id, id, &record);
    EXPECT_TRUE(found.ok() && *found) << id;
    return record;
  }

  // The label by which a stored chunk is judged.
  cordon::Label EffectiveLabel(const std::string& id, int chunk) const {
    const auto& table = state_.policy.classes;
    return table.labels[table.classes[Document(id).chunks(chunk).class_id()].label];
  }

  // Every record below the tenant, by family and key, without what no two stores have in common:
  // what is encrypted is decrypted, and pseudonyms are left out.
  std::map<std::string, std::string> Records() const {
    std::map<std::string, std::string> records;
    for (size_t i = 1; i < kFamilies; ++i) {
      const auto family = static_cast<Family>(i);
      EXPECT_TRUE(database_
                      ->Scan(family, TenantPrefix(1),
                             [&](auto key, auto payload) -> Status {
                               std::string record(payload);
                               RETURN_IF_ERROR(Decrypt(family, key, &record));
                               records[std::string(FamilyName(family)) + "/" +
                                       WithoutPseudonym(family, std::string(key), record)] = record;
                               return OkStatus();
                             })
                      .ok());
    }
    return records;
  }

  Documents documents(const Snapshot* snapshot = nullptr) const {
    return {database_.get(), vault_.get(), 1, snapshot};
  }
  // The number of a document of collection 1.
  uint64_t NumberOf(const std::string& id) const {
    const auto number = documents().Find(1, id);
    CORDON_CHECK(number.ok() && *number);
    return **number;
  }

  std::string path() const { return directory_ / "store"; }
  std::filesystem::path keys_path() const { return directory_ / "keys"; }
  KeyStore& keys() { return *keys_; }
  const Vault& vault() const { return *vault_; }
  // Reads the keys back from the disk.
  void OpenKeys() {
    vault_.reset();
    auto opened = KeyStore::Open(KeyOptions());
    CORDON_CHECK(opened.ok());
    keys_ = *std::move(opened);
    vault_ = std::make_unique<Vault>(keys_.get());
  }
  Database& database() { return *database_; }
  const TenantState& state() const { return state_; }

 private:
  KeyStore::Options KeyOptions() const {
    std::filesystem::create_directories(keys_path());
    return {keys_path(), SecretKey{Sha256("the master key")}, nullptr};
  }

  // Pseudonyms are 16 bytes behind T and C, behind the kind of a mark, and behind T 'x' C.
  static std::string WithoutPseudonym(Family family, std::string key, const std::string& record) {
    if (family == Family::kNumbers) return key.erase(8) + record;
    const bool exported = family == Family::kPolicy && key[4] == 'x';
    return family == Family::kMarks || exported ? key.erase(9, 16) : key;
  }

  template <typename Record>
  Status Open(Family family, std::string_view key, std::string* payload) const {
    Record record;
    ASSIGN_OR_RETURN(const bool there, vault_->Open(family, key, *payload, &record));
    *payload = there ? record.SerializeAsString() : "erased";
    return OkStatus();
  }

  Status Decrypt(Family family, std::string_view key, std::string* payload) const {
    if (family == Family::kDocuments) {
      return Open<store::v1::DocumentRecord>(family, key, payload);
    }
    if (family == Family::kChunks) return Open<store::v1::ChunkRecord>(family, key, payload);
    if (family == Family::kMarks) payload->clear();
    if (family != Family::kRevisions) return OkStatus();
    store::v1::RevisionRecord record;
    RETURN_IF_ERROR(ParseRecord(*payload, &record));
    auto* const replay = record.mutable_replay();
    if (!replay->sealed_mutation().empty()) {
      ASSIGN_OR_RETURN(*replay->mutable_sealed_mutation(),
                       vault_->OpenFor("mutation", replay->sealed_mutation()));
    }
    for (auto& access : *replay->mutable_access()) {
      if (keys_->Find(1, access.now()).state == KeyStore::State::kDestroyed) {
        access.clear_sealed();  // of an erased document: nothing opens it
        continue;
      }
      ASSIGN_OR_RETURN(const SecretKey document_key, vault_->KeyOf(1, access.now()));
      if (access.sealed().empty()) continue;
      ASSIGN_OR_RETURN(*access.mutable_sealed(),
                       Vault::OpenWith(document_key, "access", access.sealed()));
    }
    *payload = record.SerializeAsString();
    return OkStatus();
  }

  void Load() {
    interner_ = Interner();
    auto loaded = LoadTenant(*database_, FromText<store::v1::TenantRecord>("id: 1 name: 'default'"),
                             &interner_);
    CORDON_CHECK(loaded.ok());
    state_ = loaded->state;
  }

  ApplyContext Context() {
    return {*database_, *vault_, interner_, [this] { return ClassesInUse(); },
            [](std::string_view kind, std::string_view value) {
              return std::string(kind) + "=" + std::string(value);
            }};
  }

  // By reading every stored document: slow, and independent of the index.
  std::vector<bool> ClassesInUse() const {
    std::vector<bool> in_use(state_.policy.classes.classes.size());
    for (const auto& [name, collection] : *state_.collections) {
      const Status scanned =
          documents().ScanWhole(collection->id, [&](const auto& record, const auto&) {
            for (const auto& chunk : record.chunks()) in_use[chunk.class_id()] = true;
            return OkStatus();
          });
      CORDON_CHECK(scanned.ok());
    }
    return in_use;
  }

  ScratchDirectory directory_;
  std::unique_ptr<KeyStore> keys_;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Database> database_;
  Interner interner_;
  TenantState state_;
};

// A collection of two-dimensional vectors without defaults.
inline constexpr char kDocs[] =
    "create_collection { name: 'docs' dimension: 2 metric: METRIC_INNER_PRODUCT "
    "embedder: EMBEDDER_NONE }";

// An Ingest mutation of one document with one chunk.
inline std::string IngestOf(const std::string& id, const std::string& acl, const std::string& label,
                            const std::string& chunk = "") {
  return "ingest { collection: 'docs' documents { id: '" + id + "' acl { " + acl + " } label { " +
         label + " } chunks { text: 't' embedding: 1 embedding: 0 " + chunk + " } } }";
}

}  // namespace cordon
