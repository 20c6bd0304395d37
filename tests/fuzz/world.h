// A small tenant that inputs are tried on; no input changes it.
#pragma once

#include <google/protobuf/stubs/logging.h>
#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "engine/ingest/check_change.h"
#include "engine/ingest/validate.h"
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

class FuzzWorld {
 public:
  FuzzWorld()
      : tenant_(
            {kDocs, kFuzzPolicy,
             "create_collection { name: 'typed' dimension: 2 metric: METRIC_COSINE embedder: "
             "EMBEDDER_BUILTIN default_label { level: 'internal' } default_acl { allow { "
             "principal: 'everyone' } } }",
             "directory { principals { name: 'group:hr' sets_members: true members { principal: "
             "'user:ana' } } }",
             IngestOf("open", "allow { principal: 'everyone' }", "level: 'public'"),
             IngestOf("secret", "allow { principal: 'user:ana' }", "level: 'secret'")}) {
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
  ScratchTenant tenant_;
  Interner interner_;
};

}  // namespace cordon
