// A small tenant that inputs are tried on; no input changes it.
#pragma once

#include <google/protobuf/stubs/logging.h>
#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/ingest/check_change.h"
#include "engine/ingest/validate.h"
#include "engine/store/schema.h"
#include "tests/view/scratch_tenant.h"

namespace cordon {

inline constexpr char kFuzzPolicy[] =
    "policy { levels { names: 'public' names: 'internal' names: 'secret' } compartments { names: "
    "'people' } tags { names: 'pii' names: 'region:eu' } default_clearance { level: 'internal' } "
    "containers { container { name: 'folder:/a' acl { allow { principal: 'everyone' } } } } "
    "destinations { destination { name: 'chat' scope: 3 ceiling { symbol: SYMBOL_ALL } region: "
    "'eu' } } destinations { destination { name: 'tuned' scope: 4 ceiling { symbol: SYMBOL_ALL } } "
    "} "
    "}";

// Leaves rows of each family that mutations write: an old version, what is due, held, exported or
// about to be forgotten, an emergency, a run, a key, a source. None of it shows 'secret' to others.
inline std::vector<std::string> FuzzHistory() {
  const std::string told =
      "documents { id: 'told' acl { allow { principal: 'user:ana' } } label { level: 'internal' } "
      "subjects: 'mia' provenance { source: 'hris' } erase_after { seconds: 1 } "
      "chunks { text: 't' embedding: 1 embedding: 0 } } ";
  return {
      kDocs,
      kFuzzPolicy,
      "create_collection { name: 'typed' dimension: 2 metric: METRIC_COSINE embedder: "
      "EMBEDDER_BUILTIN default_label { level: 'internal' } default_acl { allow { "
      "principal: 'everyone' } } }",
      "directory { principals { name: 'group:hr' sets_members: true members { principal: "
      "'user:ana' } } }",
      IngestOf("open", "allow { principal: 'everyone' }", "level: 'public'"),
      IngestOf("secret", "allow { principal: 'user:ana' }", "level: 'secret'"),
      "ingest { collection: 'docs' run { run: 'load' batch: 1 digest: 'd' } " + told + "}",
      "ingest { collection: 'docs' " + told + "}",
      IngestOf("gone", "allow { principal: 'everyone' }", "level: 'public'"),
      "erase { collection: 'docs' document: 'gone' limit: 9 }",
      "hold { collection: 'docs' document: 'held' name: 'case 7' }",
      "hold { collection: 'docs' subject: 'sam' name: 'case 8' }",
      "exported { collection: 'docs' destination: 'tuned' documents: 'open' labels { level: "
      "'public' } }",
      "break_glass { id: 'glass' open { id: 'glass' key_id: 'default.key' as: 'user:eve' reason: "
      "'a fire' until { seconds: 3600 } } }",
      "key { id: 'reader' record { digest: 'd' grant { principal: 'service:reader' rights: "
      "RIGHT_QUERY clearance { level: 'public' } } } }",
      "directory { principals { name: 'group:it' sets_members: true members { principal: "
      "'user:bob' } source: 'ldap' sequence: 3 } }",
  };
}

class FuzzWorld {
 public:
  FuzzWorld() : tenant_(FuzzHistory()) {
    PutRows();
    auto loaded =
        LoadTenant(tenant_.store.database(),
                   FromText<store::v1::TenantRecord>("id: 1 name: 'default'"), &interner_);
    CORDON_CHECK(loaded.ok());
    // Bad input is what this is about.
    spdlog::set_level(spdlog::level::off);
    google::protobuf::SetLogHandler(nullptr);
  }

  ScratchTenant& tenant() { return tenant_; }
  ReadContext Read() {
    ReadContext context = tenant_.Read(AllOf());
    context.durability = Durability::kBuffered;
    return context;
  }
  // Without a writer: for what is judged before it comes to it.
  WriteContext Write() {
    return {tenant_.tenant, &tenant_.clock, nullptr, Authenticator::Prove(AllOf())};
  }
  PinnedView Pin() { return tenant_.tenant->publisher.Pin(&tenant_.clock); }

  // Makes the snapshot that is staged the directory of its source.
  static store::v1::Mutation SyncOf(const v1::SyncBegin& begin, uint64_t principals) {
    store::v1::Mutation mutation;
    *mutation.mutable_sync()->mutable_begin() = begin;
    mutation.mutable_sync()->set_generation(kGeneration);
    mutation.mutable_sync()->set_principals(principals);
    return mutation;
  }

  // What the writer would do with a mutation, but for writing it. True if it was taken.
  bool WouldApply(store::v1::Mutation mutation) {
    mutation.set_time_us(2'000'000);
    const ApplyContext context{
        tenant_.store.database(), tenant_.store.vault(), interner_,
        [this] { return std::vector<bool>(Pin()->policy().classes.classes.size(), true); },
        [](std::string_view kind, std::string_view) { return std::string(kind); }};
    const auto applied = Apply(context, tenant_.store.state(), mutation);
    interner_.Rollback();
    if (!applied.ok()) CORDON_CHECK(!applied.status().message().empty());
    return applied.ok();
  }

  // Validates and would apply documents. True if all were taken.
  bool WouldIngest(v1::IngestRequest request) {
    const PinnedView view = Pin();
    const auto collection = view->state().FindCollection(request.collection());
    if (!collection) return false;
    Validated validated =
        Validate(*view.view, *collection, Authenticator::Prove(AllOf()), &request);
    for (const auto& refusal : validated.refused) CORDON_CHECK(!refusal.message().empty());
    store::v1::Mutation mutation;
    *mutation.mutable_ingest() = std::move(validated.batch);
    mutation.mutable_ingest()->set_collection(collection->config.name());
    // What validation lets through must not fail later for want of a check.
    const bool empty = mutation.ingest().documents_size() == 0;
    return (empty || WouldApply(std::move(mutation))) && validated.refused.empty();
  }

 private:
  static constexpr uint64_t kGeneration = 7;

  // What is written beside mutations: where the journal stood, what was used, a snapshot on its way
  // in.
  void PutRows() {
    Batch batch;
    batch.Put(Family::kHeads, AnchorKey(1),
              FromText<store::v1::AnchorRecord>("sequence: 3 time_us: 9"));
    const auto used = FromText<store::v1::UsageRecord>("day: 1 passages: 2 minute: 3");
    batch.Put(Family::kHeads, KeyUsageKey(1, "reader"), used);
    batch.Put(Family::kHeads, DestinationUsageKey(1, "chat"), used);
    batch.Put(Family::kStaged, StagedPrefix(1, kGeneration) + "group:it",
              FromText<v1::Principal>("name: 'group:it' sets_members: true members { principal: "
                                      "'user:eve' }"));
    CORDON_CHECK(tenant_.store.database().Write(batch).ok());
  }

  ScratchTenant tenant_;
  Interner interner_;
};

}  // namespace cordon
