// A tenant's state on a real store of its own: mutations in text, applied and written.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/store/apply.h"
#include "engine/store/load.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

class ScratchStore {
 public:
  using Mutation = store::v1::Mutation;

  ScratchStore() {
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
    const auto collection = state_.FindCollection("docs");
    const auto found =
        database_->Get(Family::kDocuments, DocumentKey(1, collection->id, id), &record);
    EXPECT_TRUE(found.ok() && *found) << id;
    return record;
  }

  // The label by which a stored chunk is judged.
  cordon::Label EffectiveLabel(const std::string& id, int chunk) const {
    const auto& table = state_.policy.classes;
    return table.labels[table.classes[Document(id).chunks(chunk).class_id()].label];
  }

  // Every record below the tenant, by family and key.
  std::map<std::string, std::string> Records() const {
    std::map<std::string, std::string> records;
    for (size_t i = 1; i < kFamilies; ++i) {
      const auto family = static_cast<Family>(i);
      EXPECT_TRUE(database_
                      ->Scan(family, TenantPrefix(1),
                             [&](auto key, auto payload) {
                               records[std::string(FamilyName(family)) + "/" + std::string(key)] =
                                   std::string(payload);
                               return OkStatus();
                             })
                      .ok());
    }
    return records;
  }

  std::string path() const { return directory_ / "store"; }
  Database& database() { return *database_; }
  const TenantState& state() const { return state_; }

 private:
  void Load() {
    interner_ = Interner();
    auto loaded = LoadTenant(*database_, FromText<store::v1::TenantRecord>("id: 1 name: 'default'"),
                             &interner_);
    CORDON_CHECK(loaded.ok());
    state_ = loaded->state;
  }

  ApplyContext Context() {
    return {*database_, interner_, [this] { return ClassesInUse(); },
            [](std::string_view kind, std::string_view value) {
              return std::string(kind) + "=" + std::string(value);
            }};
  }

  // By reading every stored document: slow, and independent of the index.
  std::vector<bool> ClassesInUse() const {
    std::vector<bool> in_use(state_.policy.classes.classes.size());
    for (const auto& [name, collection] : *state_.collections) {
      const Status scanned =
          ScanDocuments(*database_, 1, collection->id, [&](const auto& record, const auto&) {
            for (const auto& chunk : record.chunks()) in_use[chunk.class_id()] = true;
            return OkStatus();
          });
      CORDON_CHECK(scanned.ok());
    }
    return in_use;
  }

  ScratchDirectory directory_;
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
