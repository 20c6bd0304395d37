// A tenant at work on a real store and a real journal, with a wall clock that the test moves.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/crypto/digest.h"
#include "engine/view/journaled.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_store.h"
#include "tests/view/faulty_disk.h"

namespace cordon {

class ScratchTenant {
 public:
  // `base` are mutations to begin with.
  explicit ScratchTenant(const std::vector<std::string>& base = {}) {
    const SecretKey key{Sha256("the journal's key")};
    Journal::Options options{.dir = directory_ / "journal",
                             .tenant = "default",
                             .key = key,
                             .clock = &clock,
                             .files = std::make_shared<FaultyDisk>(&disk)};
    auto journal = Journal::Open(std::move(options), std::nullopt);
    CORDON_CHECK(journal.ok());
    tenant = std::make_shared<Tenant>("default", *std::move(journal), key);
    Publish();
    for (const auto& mutation : base) Do(mutation);
  }

  // Applies a mutation that must succeed and publishes what it makes.
  void Do(const std::string& text) {
    const auto mutation = FromText<store::v1::Mutation>(text);
    const auto applied = store.Try(mutation);
    EXPECT_TRUE(applied.ok()) << text << ": " << applied.status().ToString();
    CORDON_CHECK(applied.ok());
    // The rows borrow the embeddings, which the store's copy of the mutation no longer has.
    indexes = Rebuild();
    Publish();
  }

  // The indexes that the store's documents make.
  Indexes Rebuild() {
    Indexes built;
    for (const auto& [name, collection] : *store.state().collections) {
      CollectionIndexBuilder builder(collection->config);
      CORDON_CHECK(store.documents()
                       .ScanWhole(collection->id,
                                  [&](const auto& record, const auto& chunks) {
                                    AddRows(record, chunks, &builder);
                                    return OkStatus();
                                  })
                       .ok());
      built.emplace(collection->id, builder.Finish());
    }
    return built;
  }

  // Makes the newest state current, with `indexes` as they are.
  void Publish() {
    tenant->publisher.Publish(View::Build(store.state(), indexes, store.database().TakeSnapshot(),
                                          &store.database(), &store.vault(), clock.Now(), nullptr));
  }

  static Authenticated Caller(Grant grant) { return Authenticator::Prove(std::move(grant)); }

  ReadContext Read(Grant grant) {
    return {tenant, &clock, Durability::kRequired, Caller(std::move(grant)), {}};
  }

  // The journal's records of one call, oldest first.
  std::vector<journal::v1::Record> Records(const std::string& call) const {
    std::vector<journal::v1::Record> found;
    const auto records = tenant->journal->Tail(1000);
    EXPECT_TRUE(records.ok());
    for (const auto& record : *records) {
      if (record.call() == call) found.push_back(record);
    }
    return found;
  }

  std::atomic<Micros> wall{1'000'000};
  Clock clock{[this] { return wall.load(); }};
  DiskFault disk;
  ScratchStore store;
  Indexes indexes;

 private:
  static void AddRows(const store::v1::DocumentRecord& record,
                      const std::vector<store::v1::ChunkRecord>& chunks,
                      CollectionIndexBuilder* builder) {
    const auto micros = [](const auto& time) { return *MicrosOf(time.seconds(), time.nanos()); };
    const auto& document = record.document();
    RowChange change{document.id(), RowChange::kReplace, false, kAlways, kNever, {}};
    change.attributes = &document.attributes();
    if (document.has_valid_from()) change.valid_from = micros(document.valid_from());
    if (document.has_valid_until()) change.valid_until = micros(document.valid_until());
    for (size_t i = 0; i < chunks.size(); ++i) {
      const auto& entry = record.chunks(static_cast<int>(i));
      change.rows.push_back({entry.ordinal(), entry.class_id(),
                             reinterpret_cast<const float*>(chunks[i].embedding().data()),
                             chunks[i].text()});
    }
    builder->Add(change);
  }

  ScratchDirectory directory_;

 public:
  std::shared_ptr<Tenant> tenant;  // last: its journal uses the clock and the disk
};

// Everything, for everybody, on everything; a test takes away what it is about.
inline Grant AllOf(const std::string& principal = "service:app") {
  Grant grant;
  grant.principal = principal;
  grant.rights = Rights::All();
  grant.as_patterns = {"*"};
  grant.clearance = Clearance::All();
  grant.collections = {"*"};
  grant.destinations = {"chat", "*"};
  return grant;
}

}  // namespace cordon
