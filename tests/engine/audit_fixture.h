// An auditor at work on a scratch tenant with its one writer: questions and changes in text.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/inspect/inspect.h"
#include "tests/engine/audit_world.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {

class Audit : public ScratchWriter {
 protected:
  ReadContext Read(Grant grant = AllOf()) { return scratch_.Read(std::move(grant)); }

  StatusOr<v1::WhoCanSeeResponse> Who(const std::string& request, Grant grant = AllOf()) {
    return Asked<v1::WhoCanSeeResponse>([&](auto done) {
      WhoCanSee(Read(std::move(grant)), FromText<v1::WhoCanSeeRequest>(request), done);
    });
  }
  StatusOr<v1::AccessReportResponse> Report(const std::string& request, Grant grant = AllOf()) {
    return Asked<v1::AccessReportResponse>([&](auto done) {
      AccessReport(Read(std::move(grant)), FromText<v1::AccessReportRequest>(request), done);
    });
  }
  StatusOr<v1::SimulateResponse> Sim(const std::string& request, Grant grant = AllOf(),
                                     std::function<bool()> stop = {}) {
    return Asked<v1::SimulateResponse>([&](auto done) {
      ReadContext read = Read(grant);
      read.stop = std::move(stop);
      const auto try_change = [&](const v1::SimulateRequest& change) {
        return TryChange(Context(grant), change, read.stop);
      };
      Simulate(read, FromText<v1::SimulateRequest>(request), try_change, done);
    });
  }
  StatusOr<v1::ExplainResponse> Why(const std::string& request) {
    return Asked<v1::ExplainResponse>(
        [&](auto done) { Explain(Read(), FromText<v1::ExplainRequest>(request), done); });
  }
  // The real change; its outcome.
  std::string Change(const std::string& kind, const std::string& request) {
    refused_.Clear();
    if (kind == "directory") {
      return Told(Send<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
          [](auto context, auto in, auto done) { ApplyDirectory(context, in, done); }, request));
    }
    if (kind == "policy") {
      return Told(Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
          [](auto context, auto in, auto done) { ApplyPolicy(context, in, done); }, request));
    }
    if (kind == "ingest") return Write(request);
    if (kind == "create_key") return MakeNextKey(request);
    if (kind == "revoke_key") {
      return Told(Send<v1::RevokeKeyResponse, v1::RevokeKeyRequest>(RevokeKey, request));
    }
    return ChangeDocuments(kind, request);
  }
  std::string ChangeDocuments(const std::string& kind, const std::string& request) {
    if (kind == "set_access") {
      return Told(Send<v1::SetAccessResponse, v1::SetAccessRequest>(SetAccess, request));
    }
    if (kind == "set_access_many") {
      return Told(
          Send<v1::SetAccessManyResponse, v1::SetAccessManyRequest>(SetAccessMany, request));
    }
    if (kind == "set_access_selected") {
      return Told(Send<v1::SetAccessSelectedResponse, v1::SetAccessSelectedRequest>(
          [](auto context, auto in, auto done) { SetAccessSelected(context, in, {}, done); },
          request));
    }
    if (kind == "erase") {
      return Told(Send<v1::EraseResponse, v1::EraseRequest>(Erase, request));
    }
    return Told(Send<v1::DeleteResponse, v1::DeleteRequest>(Delete, request));
  }
  std::string Write(const std::string& request) {
    const auto made = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(Context(), FromText<v1::IngestRequest>(request), done); });
    if (made.ok()) *refused_.mutable_refused() = made->response.refused();
    return Told(made);
  }
  // What the last change has refused of its documents.
  std::string Refused() const { return refused_.ShortDebugString(); }
  static std::string RefusedBy(const v1::SimulateResponse& simulated) {
    v1::IngestResponse refused;
    *refused.mutable_refused() = simulated.refused();
    return refused.ShortDebugString();
  }
  // A simulation needs none.
  static std::string WithoutEmbeddings(std::string request) {
    constexpr std::string_view kField = "embedding: ";
    for (size_t at = request.find(kField); at != request.npos; at = request.find(kField, at)) {
      request.erase(at, request.find(' ', at + kField.size()) + 1 - at);
    }
    return request;
  }
  // Keys by the ids "default.x0" and so on.
  std::string MakeNextKey(const std::string& request) {
    const std::string id = "default.x" + std::to_string(keys_++);
    return Told(Asked<v1::CreateKeyResponse>([&](auto done) {
      CreateKey(Context(), FromText<v1::CreateKeyRequest>(request),
                {id, id + ".s", std::string(32, 'd')}, done);
    }));
  }
  template <typename Response>
  static std::string Told(const StatusOr<Response>& answer) {
    return answer.status().ToString();
  }
  void MakeKey(const std::string& id, const std::string& grant) {
    const auto made = Asked<v1::CreateKeyResponse>([&](auto done) {
      CreateKey(Context(), FromText<v1::CreateKeyRequest>("grant { " + grant + " }"),
                {id, id + ".s", std::string(32, 'd')}, done);
    });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
  }
  void Prepare() {
    // Known is whom something names, and here that is everybody but user:u9.
    std::string all = "principals { name: 'group:all' sets_members: true ";
    for (const auto& name : AuditDraw::Askers()) {
      if (name != "user:u9") all += "members { principal: '" + name + "' } ";
    }
    ASSERT_EQ(Change("directory", all + "}"), "OK");
    ASSERT_EQ(Change("policy",
                     "compartments { names: 'people' } destinations { destination { name: "
                     "'chat' scope: 3 ceiling { level: 'internal' } } }"),
              "OK");
    const auto more = Asked<v1::CreateCollectionResponse>([&](auto done) {
      CreateCollection(Context(),
                       FromText<v1::CreateCollectionRequest>(
                           "config { name: 'more' dimension: 2 metric: METRIC_L2 "
                           "embedder: EMBEDDER_NONE }"),
                       done);
    });
    ASSERT_TRUE(more.ok());
  }
  std::vector<store::v1::DocumentRecord> Documents(const std::string& collection) {
    std::vector<store::v1::DocumentRecord> found;
    const PinnedView view = Pin();
    const uint32_t id = view->state().FindCollection(collection)->id;
    EXPECT_TRUE(view->documents()
                    .Scan(id,
                          [&](const auto& record) {
                            found.push_back(record);
                            return OkStatus();
                          })
                    .ok());
    return found;
  }

 private:
  int keys_ = 0;
  v1::IngestResponse refused_;
};

}  // namespace cordon
