#include "engine/verify_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/crypto/encoding.h"
#include "engine/index/geometry_file.h"
#include "engine/ingest/upkeep_worker.h"
#include "engine/store/documents.h"
#include "engine/store/embedding_spaces.h"
#include "engine/store/raw_files.h"
#include "engine/upgrade.h"
#include "engine/verify_journals.h"

namespace cordon {
namespace {

class Verifier {
 public:
  Verifier(const Database& database, const Vault& vault, StoreVerdict* verdict)
      : database_(database), vault_(vault), verdict_(*verdict) {}

  Status Run() {
    ASSIGN_OR_RETURN(const auto files, database_.Files());
    for (const auto& file : files) {
      if (!file.log) {
        Note(file.path, ReadTableFile(file.path, [](const RawEntry&) { return OkStatus(); }));
      }
    }
    ASSIGN_OR_RETURN(const auto tenants, LoadTenants(database_));
    for (const auto& tenant : tenants) {
      for (size_t i = 1; i < kFamilies; ++i) EachRecord(tenant.id(), static_cast<Family>(i));
      Interner interner;
      auto loaded = LoadTenant(database_, tenant, &interner);
      Note("tenant " + tenant.name(), loaded.status());
      if (loaded.ok()) EachCollection(loaded->state);
    }
    return OkStatus();
  }

 private:
  void Note(const std::string& where, const Status& status) {
    if (status.ok() || verdict_.damage.size() == StoreVerdict::kDamageMax) return;
    verdict_.damage.push_back({where, std::string(status.message())});
  }

  void EachRecord(uint32_t tenant, Family family) {
    const auto cursor = database_.Walk(family, TenantPrefix(tenant));
    for (; cursor->Valid(); cursor->Next()) {
      ++verdict_.records;
      const std::string key(cursor->key());
      const auto payload = cursor->Payload();
      Status status = payload.status();
      if (status.ok() && family == Family::kDocuments)
        status = Opens<store::v1::DocumentRecord>(family, key, *payload, &verdict_.documents);
      if (status.ok() && family == Family::kChunks)
        status = Opens<store::v1::ChunkRecord>(family, key, *payload, &verdict_.chunks);
      if (!status.ok()) Note(fmt::format("{} {}", FamilyName(family), HexEncode(key)), status);
    }
    Note(std::string(FamilyName(family)), cursor->status());
  }

  template <typename Record>
  Status Opens(Family family, const std::string& key, std::string_view payload, uint64_t* count) {
    Record record;
    ASSIGN_OR_RETURN(const bool there, vault_.Open(family, key, payload, &record));
    if (!there) return Corrupt("its key was destroyed, and the record is left");
    ++*count;
    return OkStatus();
  }

  void EachCollection(const TenantState& state) {
    for (const auto& [name, collection] : *state.collections) {
      const Documents documents(&database_, &vault_, state.id);
      const auto check = [&, &collection = collection](const store::v1::DocumentRecord& record,
                                                       const auto& chunks) -> Status {
        RETURN_IF_ERROR(CheckVectors(record, chunks, *collection));
        ASSIGN_OR_RETURN(const auto number, documents.Find(collection->id, record.document().id()));
        if (number == record.number()) return OkStatus();
        return Corrupt(fmt::format("document {} is not found by its id", record.number()));
      };
      Note(fmt::format("tenant {}, collection {}", state.name, name),
           documents.ScanWhole(collection->id, check));
    }
  }

  // Each chunk has a vector in each space in which its document is said to be.
  static Status CheckVectors(const store::v1::DocumentRecord& record,
                             const std::vector<store::v1::ChunkRecord>& chunks,
                             const Collection& collection) {
    const auto in = [&](uint32_t space, size_t dimension) {
      return std::all_of(chunks.begin(), chunks.end(), [&](const auto& chunk) {
        return VectorIn(chunk, collection, space).size() == dimension * sizeof(float);
      });
    };
    bool good = HasSpace(record, collection, collection.space) &&
                in(collection.space, collection.config.dimension());
    if (const auto& other = collection.other;
        other && HasSpace(record, collection, other->number)) {
      good = good && in(other->number, other->space.dimension());
    }
    if (good) return OkStatus();
    return Corrupt(fmt::format("document {} lacks vectors", record.number()));
  }

  const Database& database_;
  const Vault& vault_;
  StoreVerdict& verdict_;
};

// What a start makes anew where it does not open, or says nothing that can be used.
class DerivedVerifier {
 public:
  DerivedVerifier(const DataPaths& paths, const Vault& vault, StoreVerdict* verdict)
      : paths_(paths), vault_(vault), verdict_(*verdict) {}

  void Run() {
    const FileKeys& keys = vault_.keys().file_keys();
    if (keys.damaged()) {
      Note(fmt::format("{}/{}", paths_.Keys(), kFileKeys),
           Corrupt("is damaged: the files of the index do not open"));
    }
    for (const IndexFileName& name : ListIndexFiles(paths_.Index())) {
      Note(paths_.Index() + "/" + name.text(), ReadIndexFile(paths_.Index(), name, keys).status());
    }
    for (const auto& path : ListGeometries(paths_.Index())) {
      const auto opened = OpenGeometry(vault_, path);
      Note(path.string(), opened.ok() ? DecodeGeometry(*opened).status() : opened.status());
    }
  }

 private:
  // One whose key is gone is as good as gone.
  void Note(const std::string& where, const Status& read) {
    if (read.ok() || read.code() == StatusCode::kNotFound) return;
    verdict_.derived.push_back({where, std::string(read.message())});
  }

  const DataPaths& paths_;
  const Vault& vault_;
  StoreVerdict& verdict_;
};

}  // namespace

StatusOr<StoreVerdict> VerifyStore(const DataPaths& paths) {
  RETURN_IF_ERROR(CheckFormat(paths));
  ASSIGN_OR_RETURN(const auto keys, OpenKeys(paths));
  RETURN_IF_ERROR(CheckFormat(paths));  // an upgrade may have begun; from now on none does
  ASSIGN_OR_RETURN(const auto database,
                   Database::Open(paths.Store(), /*create=*/false, Database::Access::kReadOnly));
  RETURN_IF_ERROR(CheckKeysBelong(*database, *keys));
  const Vault vault(keys.get());
  StoreVerdict verdict;
  verdict.keys = keys->CountKeys().there;
  DerivedVerifier(paths, vault, &verdict).Run();
  RETURN_IF_ERROR(Verifier(*database, vault, &verdict).Run());
  ASSIGN_OR_RETURN(const Verification journals, VerifyJournals(paths, /*stopped=*/true));
  verdict.journal_records = journals.records;
  if (!journals.ok) verdict.damage.push_back({"journal", journals.problem});
  return verdict;
}

}  // namespace cordon
