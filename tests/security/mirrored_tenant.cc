#include "tests/security/mirrored_tenant.h"

#include <gtest/gtest.h>

#include <set>

namespace cordon {
namespace {

// What a document is once it is stored: without a list or label of its own it has the defaults.
reference::Document Completed(reference::Document document,
                              const reference::Collection& collection) {
  if (!document.acl) document.acl = collection.default_acl;
  if (!document.label) document.label = collection.default_label;
  return document;
}

void Give(const MirroredTenant::Access& access, reference::Document* document) {
  if (access.first) document->acl = access.first;
  if (access.second) document->label = access.second;
}

}  // namespace

MirroredTenant::MirroredTenant(RunningEngine* engine, std::string name)
    : engine_(engine), name_(std::move(name)), root_(Root(name_)) {
  engine_->MakeTenant(name_);
  model_.world.levels = {"public", "internal", "confidential", "restricted"};
}

template <typename Response>
void MirroredTenant::Sent(std::future<StatusOr<Response>> answer,
                          std::function<void(const Response&, reference::Tenant*)> change) {
  auto shared = std::make_shared<std::future<StatusOr<Response>>>(std::move(answer));
  waiting_.push_back([this, shared, change] {
    const StatusOr<Response> response = shared->get();
    if (!response.ok()) {
      ++refused_;
      const auto code = response.status().code();
      EXPECT_TRUE(code == StatusCode::kInvalidArgument || code == StatusCode::kFailedPrecondition)
          << response.status().ToString();
      return;
    }
    ++acknowledged_;
    change(*response, &model_);
  });
}

void MirroredTenant::Settle() {
  for (const auto& wait : waiting_) wait();
  waiting_.clear();
}

void MirroredTenant::CreateCollection(const std::string& name,
                                      const reference::Collection& collection) {
  v1::CreateCollectionRequest request;
  *request.mutable_config() = ToWire(name, collection);
  Sent<v1::CreateCollectionResponse>(
      Later<v1::CreateCollectionResponse>(
          [&](auto done) { cordon::CreateCollection(engine_->Write(root_), request, done); }),
      [this, name, collection](const auto& response, auto* model) {
        revision_ = response.revision();
        model->collections[name] = collection;
      });
}

void MirroredTenant::DropCollection(const std::string& name) {
  v1::DeleteCollectionRequest request;
  request.set_name(name);
  Sent<v1::DeleteCollectionResponse>(Later<v1::DeleteCollectionResponse>([&](auto done) {
                                       DeleteCollection(engine_->Write(root_), request, done);
                                     }),
                                     [this, name](const auto& response, auto* model) {
                                       revision_ = response.revision();
                                       model->collections.erase(name);
                                     });
}

void MirroredTenant::Ingest(const std::string& collection, const Documents& documents) {
  v1::IngestRequest request;
  request.set_collection(collection);
  for (const auto& [id, document] : documents) *request.add_documents() = ToWire(id, document);
  Sent<IngestedBatch>(Later<IngestedBatch>([&](auto done) {
                        IngestDocuments(engine_->Write(root_), request, done);
                      }),
                      [this, collection, documents](const auto& batch, auto* model) {
                        const v1::IngestResponse& response = batch.response;
                        if (response.revision() > 0) revision_ = response.revision();
                        std::set<size_t> refused;
                        for (const auto& each : response.refused()) refused.insert(each.index());
                        EXPECT_EQ(response.accepted() + refused.size(), documents.size());
                        refused_ += refused.size();
                        reference::Collection& into = model->collections.at(collection);
                        for (size_t i = 0; i < documents.size(); ++i) {
                          const auto& [id, document] = documents[i];
                          if (!refused.contains(i)) into.documents[id] = Completed(document, into);
                        }
                      });
}

void MirroredTenant::SetAccess(const std::string& collection, const std::string& document,
                               const std::optional<reference::List>& acl,
                               const std::optional<reference::Label>& label) {
  v1::SetAccessRequest request;
  request.set_collection(collection);
  request.set_document(document);
  if (acl) *request.mutable_acl() = ToWire(*acl);
  if (label) *request.mutable_label() = ToWire(*label);
  Sent<v1::SetAccessResponse>(
      Later<v1::SetAccessResponse>(
          [&](auto done) { cordon::SetAccess(engine_->Write(root_), request, done); }),
      [this, collection, document, acl, label](const auto& response, auto* model) {
        revision_ = response.revision();
        auto& documents = model->collections.at(collection).documents;
        EXPECT_EQ(response.existed(), documents.contains(document));
        if (!documents.contains(document)) return;
        if (acl) documents[document].acl = acl;
        if (label) documents[document].label = label;
      });
}

void MirroredTenant::SetAccessMany(const std::string& collection,
                                   const std::map<std::string, Access>& changes) {
  v1::SetAccessManyRequest request;
  request.set_collection(collection);
  for (const auto& [id, access] : changes) {
    v1::AccessChange* change = request.add_changes();
    change->set_document(id);
    if (access.first) *change->mutable_acl() = ToWire(*access.first);
    if (access.second) *change->mutable_label() = ToWire(*access.second);
  }
  Sent<v1::SetAccessManyResponse>(Later<v1::SetAccessManyResponse>([&](auto done) {
                                    cordon::SetAccessMany(engine_->Write(root_), request, done);
                                  }),
                                  [this, collection, changes](const auto& response, auto* model) {
                                    revision_ = response.revision();
                                    auto& documents = model->collections.at(collection).documents;
                                    int i = 0;
                                    for (const auto& [id, access] : changes) {
                                      EXPECT_EQ(response.existed(i++), documents.contains(id));
                                      if (documents.contains(id)) Give(access, &documents[id]);
                                    }
                                  });
}

void MirroredTenant::SetAccessSelected(const std::string& collection, const std::string& id_prefix,
                                       const Access& access) {
  Settle();
  v1::SetAccessSelectedRequest request;
  request.set_collection(collection);
  request.set_id_prefix(id_prefix);
  if (access.first) *request.mutable_acl() = ToWire(*access.first);
  if (access.second) *request.mutable_label() = ToWire(*access.second);
  Sent<v1::SetAccessSelectedResponse>(
      Later<v1::SetAccessSelectedResponse>(
          [&](auto done) { cordon::SetAccessSelected(engine_->Write(root_), request, {}, done); }),
      [this, collection, id_prefix, access](const auto& response, auto* model) {
        revision_ = response.revision();
        for (auto& [id, document] : model->collections.at(collection).documents) {
          if (id.starts_with(id_prefix)) Give(access, &document);
        }
      });
  Settle();
}

void MirroredTenant::Delete(const std::string& collection, const std::string& document) {
  v1::DeleteRequest request;
  request.set_collection(collection);
  request.set_document(document);
  Sent<v1::DeleteResponse>(Later<v1::DeleteResponse>([&](auto done) {
                             cordon::Delete(engine_->Write(root_), request, done);
                           }),
                           [this, collection, document](const auto& response, auto* model) {
                             revision_ = response.revision();
                             const size_t erased =
                                 model->collections.at(collection).documents.erase(document);
                             EXPECT_EQ(response.existed(), erased == 1);
                           });
}

void MirroredTenant::SendDirectory(v1::Principal record, Change change) {
  v1::ApplyDirectoryRequest request;
  *request.add_principals() = std::move(record);
  Sent<v1::ApplyDirectoryResponse>(Later<v1::ApplyDirectoryResponse>([&](auto done) {
                                     ApplyDirectory(engine_->Write(root_), request, done);
                                   }),
                                   [this, change](const auto& response, auto* model) {
                                     revision_ = response.revision();
                                     change(model);
                                   });
}

void MirroredTenant::SetMembers(const std::string& group,
                                const std::vector<reference::Entry>& members) {
  SendDirectory(ToWire(group, members),
                [=](auto* model) { model->world.members[group] = members; });
}

void MirroredTenant::SetClearance(const std::string& user, const reference::Clearance& clearance) {
  SendDirectory(ToWire(user, clearance),
                [=](auto* model) { model->world.clearances[user] = clearance; });
}

void MirroredTenant::RemovePrincipal(const std::string& name) {
  v1::Principal record;
  record.set_name(name);
  record.set_remove(true);
  SendDirectory(std::move(record), [=](auto* model) {
    model->world.members.erase(name);
    model->world.clearances.erase(name);
  });
}

void MirroredTenant::ApplyPolicy(const v1::ApplyPolicyRequest& request, Change change) {
  Sent<v1::ApplyPolicyResponse>(Later<v1::ApplyPolicyResponse>([&](auto done) {
                                  cordon::ApplyPolicy(engine_->Write(root_), request, done);
                                }),
                                [this, change](const auto& response, auto* model) {
                                  revision_ = response.revision();
                                  change(model);
                                });
}

}  // namespace cordon
