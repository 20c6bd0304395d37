// An engine of which lists, groups and containers are changed, and users who retrieve from it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/dev_engine.h"
#include "engine/ingest/ingest.h"

namespace cordon::bench {

// Thread-safe. Of one collection.
class AccessEngine : public DevEngine {
 public:
  static constexpr char kDocs[] = "docs";

  // `folder` is not there yet, and stays.
  AccessEngine(const std::string& folder, size_t dimension) : DevEngine(folder) {
    MakeCollection(kDocs, dimension, "none");
  }

  static v1::Acl AclOf(const std::vector<std::string>& allow,
                       const std::vector<std::string>& inherit = {}) {
    v1::Acl acl;
    for (const auto& name : allow) acl.add_allow()->set_principal(name);
    for (const auto& name : inherit) acl.add_inherit(name);
    return acl;
  }

  // The documents nearest to `vector` of all that `user` may see.
  std::vector<std::string> Ids(const std::string& user, const std::vector<float>& vector) {
    v1::RetrieveRequest request;
    request.set_collection(kDocs);
    request.mutable_scope()->set_as(user);
    request.mutable_scope()->set_destination("dev");
    request.set_omit_text(true);
    request.mutable_vector()->Assign(vector.begin(), vector.end());
    const v1::RetrieveResponse response = Ask(request);
    std::vector<std::string> ids;
    for (const auto& passage : response.passages()) ids.push_back(passage.document());
    return ids;
  }

  void SetAccess(const std::string& document, v1::Acl acl) {
    v1::SetAccessRequest request;
    request.set_collection(kDocs);
    request.set_document(document);
    *request.mutable_acl() = std::move(acl);
    Done<v1::SetAccessResponse>([&](auto done) { cordon::SetAccess(Writing(), request, done); });
  }

  void SetMembers(const std::string& group, const std::vector<std::string>& members) {
    v1::ApplyDirectoryRequest request;
    AddGroup(group, members, &request);
    Apply(request);
  }
  static void AddGroup(const std::string& group, const std::vector<std::string>& members,
                       v1::ApplyDirectoryRequest* request) {
    v1::Principal* const record = request->add_principals();
    record->set_name(group);
    record->set_sets_members(true);
    for (const auto& member : members) record->add_members()->set_principal(member);
  }
  void Apply(const v1::ApplyDirectoryRequest& request) {
    Done<v1::ApplyDirectoryResponse>([&](auto done) { ApplyDirectory(Writing(), request, done); });
  }

  void SetContainer(const std::string& name, const std::vector<std::string>& allow) {
    v1::ApplyPolicyRequest request;
    AddContainer(name, allow, &request);
    Apply(request);
  }
  static void AddContainer(const std::string& name, const std::vector<std::string>& allow,
                           v1::ApplyPolicyRequest* request) {
    v1::Container* const container = request->add_containers()->mutable_container();
    container->set_name(name);
    *container->mutable_acl() = AclOf(allow);
  }
  void Apply(const v1::ApplyPolicyRequest& request) {
    Done<v1::ApplyPolicyResponse>([&](auto done) { ApplyPolicy(Writing(), request, done); });
  }
};

}  // namespace cordon::bench
