// Any sealed bytes in place of any stored record: the store opens to something consistent, or is
// refused. The input is the number of a record of a small store, one byte, and what replaces it.
#include <google/protobuf/empty.pb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store/codec.h"
#include "tests/fuzz/world.h"

namespace cordon {
namespace {

struct Stored {
  Family family;
  std::string key;
  google::protobuf::Empty record;  // keeps all fields, as unknown ones
};

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
                                   records_.push_back(std::move(stored));
                                   return OkStatus();
                                 })
                       .ok());
    }
  }

  void Try(uint8_t number, std::string_view payload) {
    const Stored& original = records_[number % records_.size()];
    google::protobuf::Empty damaged;
    if (!damaged.ParseFromString(std::string(payload))) return;  // ParseRecord refuses it
    Put(original, damaged);
    Load();
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
  std::vector<Stored> records_;
};

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cordon::RecordWorld world;  // ends before what its journal needs
  if (size == 0) return 0;
  world.Try(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
