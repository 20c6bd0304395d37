// Any sealed bytes in place of any stored record: the store opens to something consistent, or is
// refused; what only changes and calls read, they take or refuse. The input is a family, one byte,
// which of its records in a small store, one byte, and what replaces it.
#include <google/protobuf/empty.pb.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/inspect/inspect.h"
#include "engine/store/codec.h"
#include "tests/fuzz/world.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

struct Stored {
  Family family;
  std::string key;
  google::protobuf::Empty record;  // keeps all fields, as unknown ones
};

// A change, and a family of which it reads what no start does.
struct Reader {
  Family family;
  store::v1::Mutation change;
};

std::vector<Reader> Readers() {
  const auto change = [](const char* text) { return FromText<store::v1::Mutation>(text); };
  const auto told = change("erase { collection: 'docs' document: 'told' limit: 9 }");
  return {
      {Family::kHeads, change("ingest { collection: 'docs' run { run: 'load' batch: 2 } }")},
      {Family::kPolicy, change("exported { collection: 'docs' destination: 'tuned' "
                               "documents: 'open' labels { level: 'public' } }")},
      {Family::kNumbers, told},
      {Family::kMarks, change("erase { collection: 'docs' subject: 'mia' limit: 9 }")},
      {Family::kMarks, change("erase { collection: 'docs' source: 'hris' limit: 9 }")},
      {Family::kDue, change("erase { collection: 'docs' due: true limit: 9 }")},
      {Family::kHolds, told},
      {Family::kHolds, change("hold { collection: 'docs' document: 'held' name: 'case 7' "
                              "release: true }")},
      {Family::kStaged, FuzzWorld::SyncOf(FromText<v1::SyncBegin>("source: 'ldap'"), 1)},
  };
}

class RecordWorld {
 public:
  RecordWorld() {
    for (size_t i = 0; i < kFamilies; ++i) {
      const auto family = static_cast<Family>(i);
      const bool sealed = family == Family::kDocuments || family == Family::kChunks;
      CORDON_CHECK(database()
                       .ScanFrom(family, "", "\x7f",
                                 [&](auto key, auto payload) {
                                   Stored stored{family, std::string(key), {}};
                                   std::string record(payload);
                                   if (sealed) {
                                     CORDON_CHECK(OpenSealed(KeyOf(key), PlaceOf(family, key),
                                                             payload, &record));
                                   }
                                   CORDON_CHECK(stored.record.ParseFromString(record));
                                   records_[i].push_back(std::move(stored));
                                   return OkStatus();
                                 })
                       .ok());
      CORDON_CHECK(!records_[i].empty());
    }
  }

  void Try(uint8_t family, uint8_t number, std::string_view payload) {
    const auto& records = records_[family % kFamilies];
    const Stored& original = records[number % records.size()];
    google::protobuf::Empty damaged;
    if (!damaged.ParseFromString(std::string(payload))) return;  // ParseRecord refuses it
    Put(original, damaged);
    Read(original.family);
    Put(original, original.record);
  }

 private:
  Database& database() { return world_.tenant().store.database(); }

  SecretKey KeyOf(std::string_view key) {
    return *world_.tenant().store.vault().KeyOf(1, DocumentNumber(key));
  }
  static std::string PlaceOf(Family family, std::string_view key) {
    return std::string(1, static_cast<char>(family)) + std::string(key);
  }

  // As one who has the keys would: what is damaged is inside of the seal.
  void Put(const Stored& place, const google::protobuf::Empty& record) {
    Batch batch;
    if (place.family == Family::kDocuments || place.family == Family::kChunks) {
      Vault::Put(place.family, place.key, KeyOf(place.key), *RandomSealNonce(), record, &batch);
    } else {
      batch.Put(place.family, place.key, record);
    }
    CORDON_CHECK(database().Write(batch).ok());
  }

  // As whoever needs the family does.
  void Read(Family family) {
    for (const Reader& reader : readers_) {
      if (reader.family == family) world_.WouldApply(reader.change);
    }
    if (family == Family::kErasures) ReadErasures();
    if (family <= Family::kRevisions) Load();  // a start reads none of the others
  }

  void ReadErasures() {
    v1::EraseStatusRequest request;
    request.set_collection("docs");
    request.set_revision(UINT64_MAX);
    (void)Asked<v1::EraseStatusResponse>(
        [&](auto done) { EraseStatus(world_.Read(), request, done); });
  }

  // As an engine does at start, and a caller afterwards.
  void Load() {
    const auto tenants = LoadTenants(database());
    if (!tenants.ok()) return;
    for (const auto& tenant : *tenants) {
      Interner interner;
      const auto loaded = LoadTenant(database(), tenant, &interner);
      if (!loaded.ok()) continue;
      (void)RevisionsAfter(database(), loaded->state.id, 0);
      for (const auto& [name, collection] : *loaded->state.collections) {
        (void)Documents(&database(), &world_.tenant().store.vault(), loaded->state.id)
            .ScanWhole(collection->id, [](const auto& record, const auto&) {
              return ValidityOf(record.document()).status();
            });
      }
      Judge(loaded->state);
    }
  }

  void Judge(const TenantState& state) {
    const auto view = View::Build(state, {}, database().TakeSnapshot(), &database(),
                                  &world_.tenant().store.vault(), 1, nullptr);
    const auto subject = ResolveUserAlone(view->world(), "user:eve", "", false);
    if (subject.ok()) (void)Entitle(view->world(), *subject);
  }

  FuzzWorld world_;
  std::array<std::vector<Stored>, kFamilies> records_;
  const std::vector<Reader> readers_ = Readers();
};

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cordon::RecordWorld world;  // ends before what its journal needs
  if (size < 2) return 0;
  world.Try(data[0], data[1], {reinterpret_cast<const char*>(data) + 2, size - 2});
  return 0;
}
