#include "tests/crash/in_process.h"

#include "tests/store/proof.h"
#include "tests/view/asked.h"

namespace cordon {

namespace {

// A service with a key of its own that may do everything.
Authenticated Holder(const std::string& key_id) {
  Grant grant = Anyone().grant();
  grant.principal = "service:" + key_id;
  return Authenticator::Prove(std::move(grant), /*dev=*/true, std::string(kFirstTenant), key_id);
}

// Sends one change by the call that it belongs to.
struct Sender {
  WriteContext context;
  std::function<void(StatusOr<Told>)> done;

  // For answers that tell a revision only.
  auto Revision() {
    return [done = done](const auto& answer) {
      if (!answer.ok()) return done(answer.status());
      done(Told{answer->revision(), "", ""});
    };
  }
  void operator()(const v1::IngestRequest& request) {
    IngestDocuments(context, request, [done = done](const StatusOr<IngestedBatch>& answer) {
      if (!answer.ok()) return done(answer.status());
      if (answer->response.refused_size() > 0) return done(Invalid("documents", "refused"));
      done(Told{answer->response.revision(), "", ""});
    });
  }
  void operator()(const v1::SetAccessRequest& request) { SetAccess(context, request, Revision()); }
  void operator()(const v1::SetAccessManyRequest& request) {
    SetAccessMany(context, request, Revision());
  }
  void operator()(const v1::UpdateMetadataRequest& request) {
    UpdateMetadata(context, request, Revision());
  }
  void operator()(const v1::DeleteRequest& request) { Delete(context, request, Revision()); }
  void operator()(const v1::EraseRequest& request) { Erase(context, request, Revision()); }
  void operator()(const v1::ApplyDirectoryRequest& request) {
    ApplyDirectory(context, request, Revision());
  }
  void operator()(const v1::ApplyPolicyRequest& request) {
    ApplyPolicy(context, request, Revision());
  }
  void operator()(const v1::CreateCollectionRequest& request) {
    CreateCollection(context, request, Revision());
  }
  void operator()(const v1::DeleteCollectionRequest& request) {
    DeleteCollection(context, request, Revision());
  }
  void operator()(const v1::CreateKeyRequest& request) {
    const std::string id = ExpectedFile::KeyIdOf(request.grant().principal());
    CreateKey(context, request, {id, id + ".secret", "digest"},
              [done = done](const StatusOr<v1::CreateKeyResponse>& answer) {
                if (!answer.ok()) return done(answer.status());
                done(Told{answer->revision(), answer->id(), ""});
              });
  }
  void operator()(const v1::RevokeKeyRequest& request) { RevokeKey(context, request, Revision()); }
};

}  // namespace

void InProcess::Send(const Lane& lane, const Change& change,
                     std::function<void(StatusOr<Told>)> done) {
  std::visit(Sender{engine_->WriteAs(Holder(lane.key_id)), std::move(done)}, change);
}

StatusOr<v1::RetrieveResponse> InProcess::Retrieve(const Lane& lane,
                                                   const v1::RetrieveRequest& request) {
  const auto context = engine_->ReadAs(Holder(lane.key_id), [] { return false; });
  return cordon::Asked<v1::RetrieveResponse>(
      [&](auto done) { cordon::Retrieve(context, request, done); });
}

Status InProcess::CreateTenant(const std::string& name) {
  v1::CreateTenantRequest request;
  request.set_name(name);
  const std::string id = name + ".k";
  return cordon::Asked<v1::CreateTenantResponse>([&](auto done) {
           cordon::CreateTenant(engine_->WriteAs(Holder("default.tenants")), request,
                                {id, id + ".secret", "digest"}, done);
         })
      .status();
}

Questions InProcess::Asked(const Lane& lane) {
  const auto context = engine_->ReadAs(Holder(lane.key_id), [] { return false; });
  return {[this, &lane](const v1::RetrieveRequest& request) { return Retrieve(lane, request); },
          [context] {
            return cordon::Asked<v1::ListCollectionsResponse>(
                [&](auto done) { ListCollections(context, done); });
          },
          [context] {
            return cordon::Asked<v1::ListKeysResponse>([&](auto done) { ListKeys(context, done); });
          }};
}

}  // namespace cordon
