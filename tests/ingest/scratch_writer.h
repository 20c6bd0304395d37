// The one writer at work on a scratch tenant.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/ingest/ingest.h"
#include "tests/view/asked.h"
#include "tests/view/scratch_tenant.h"

namespace cordon {

class ScratchWriter : public testing::Test {
 protected:
  void SetUp() override {
    Interner interner;
    auto loaded = LoadTenant(scratch_.store.database(),
                             FromText<store::v1::TenantRecord>("id: 1 name: 'default'"), &interner);
    CORDON_CHECK(loaded.ok());
    scratch_.tenant->publisher.Publish(View::Build(
        loaded->state, scratch_.indexes, scratch_.store.database().TakeSnapshot(),
        &scratch_.store.database(), &scratch_.store.vault(), scratch_.clock.Now(), nullptr));
    writer_ = std::make_unique<Writer>(&scratch_.store.database(), &scratch_.store.vault(),
                                       &scratch_.clock,
                                       [this](const auto&) -> StatusOr<std::shared_ptr<Tenant>> {
                                         opened_at_nice_ = getpriority(PRIO_PROCESS, 0);
                                         return Internal("no tenants here");
                                       });
    writer_->Adopt(scratch_.tenant, std::move(interner));
  }

  WriteContext Context(Grant grant = AllOf()) {
    return {scratch_.tenant, &scratch_.clock, writer_.get(),
            ScratchTenant::Caller(std::move(grant)), background_.get()};
  }
  PinnedView Pin() { return scratch_.tenant->publisher.Pin(&scratch_.clock); }

  StatusOr<IngestedBatch> Ingest(const std::string& documents, Grant grant = AllOf(),
                                 const std::string& collection = "docs") {
    auto request = FromText<v1::IngestRequest>(documents);
    request.set_collection(collection);
    return Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(Context(std::move(grant)), request, done); });
  }
  // One good document.
  static std::string Good(const std::string& id) {
    return "documents { id: '" + id +
           "' acl { allow { principal: 'everyone' } } label { level: 'public' } "
           "chunks { text: 't' embedding: 1 embedding: 0 } } ";
  }
  template <typename Response, typename Request, typename Call>
  StatusOr<Response> Send(Call call, const std::string& request, Grant grant = AllOf()) {
    return Asked<Response>(
        [&](auto done) { call(Context(std::move(grant)), FromText<Request>(request), done); });
  }

  ScratchTenant scratch_{
      {kDocs,
       "create_collection { name: 'typed' dimension: 2 metric: METRIC_COSINE embedder: "
       "EMBEDDER_BUILTIN default_label { level: 'internal' } default_acl { allow { principal: "
       "'everyone' } } attributes { name: 'n' type: ATTRIBUTE_TYPE_INT } attributes { name: 'f' "
       "type: ATTRIBUTE_TYPE_FLOAT } attributes { name: 'b' type: ATTRIBUTE_TYPE_BOOL } attributes "
       "{ name: 's' type: ATTRIBUTE_TYPE_STRING } attributes { name: 't' type: "
       "ATTRIBUTE_TYPE_TIME } }"}};
  int opened_at_nice_ = -100;  // of the thread that was to open a tenant
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Executor> background_ = std::make_unique<Executor>(1, 1);
};

}  // namespace cordon
