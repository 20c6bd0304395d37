#include "tests/security/mirrored_tenant.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/ingest/source_sync.h"

namespace cordon {
namespace {

// What a document is once it is stored: without a list or label of its own it has the defaults, and
// the server's vectors if it makes them.
reference::Document Completed(reference::Document document,
                              const reference::Collection& collection) {
  if (!document.acl) document.acl = collection.default_acl;
  if (!document.label) document.label = collection.default_label;
  for (auto& [ordinal, chunk] : document.chunks) {
    if (collection.embeds) chunk.embedding = BuiltIn(collection.dimension, chunk.text);
  }
  return document;
}

void Give(const MirroredTenant::Access& access, reference::Document* document) {
  if (access.first) document->acl = access.first;
  if (access.second) document->label = access.second;
}

// The values of those fields, or none where `from` has none.
void Give(const reference::Document& from, const std::set<std::string>& fields,
          reference::Document* to) {
  for (const std::string& field : fields) {
    if (field == "title") to->title = from.title;
    if (field == "uri") to->uri = from.uri;
    if (field == "provenance.source") to->source = from.source;
    if (field == "provenance.trust") to->trust = from.trust;
    if (field == "valid_from") to->valid_from = from.valid_from;
    if (field == "valid_until") to->valid_until = from.valid_until;
    if (!field.starts_with("attributes.")) continue;
    const std::string name = field.substr(field.find('.') + 1);
    to->attributes.erase(name);
    if (from.attributes.contains(name)) to->attributes[name] = from.attributes.at(name);
  }
}

// A snapshot and what it counts in: the writer may let go of both after the tenant's end.
struct Held {
  const std::shared_ptr<OpenSyncs> open;
  DirectorySync sync{open.get()};
};

}  // namespace

MirroredTenant::MirroredTenant(RunningEngine* engine, std::string name)
    : engine_(engine), name_(std::move(name)), root_(Root(name_)) {
  engine_->MakeTenant(name_);
  model_.world.levels = {"public", "internal", "confidential", "restricted"};
}

void MirroredTenant::Settle() {
  for (const auto& wait : waiting_) wait();
  waiting_.clear();
  switching_ = false;
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
        backup_.collections[name] = collection;
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
                                       runs_.erase(name);
                                       backup_.collections.erase(name);
                                       runs_of_backup_.erase(name);
                                     });
}

void MirroredTenant::Ingest(const std::string& collection, const Documents& documents) {
  v1::IngestRequest request;
  request.set_collection(collection);
  SendBatch(request, documents);
}

void MirroredTenant::IngestInRun(const std::string& collection, const Documents& documents) {
  Settle();
  v1::IngestRequest request;
  request.set_collection(collection);
  request.set_run("run");
  request.set_batch(runs_[collection].response.batch() + 1);
  SendBatch(request, documents);
  Settle();
}

void MirroredTenant::SendAgain(const std::string& collection) {
  Settle();
  const LastBatch& last = runs_[collection];
  if (last.response.batch() == 0) return;
  const auto again = Later<IngestedBatch>([&](auto done) {
                       IngestDocuments(engine_->Write(root_), last.request, done);
                     }).get();
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->response.revision(), last.response.revision());
  EXPECT_EQ(again->response.accepted(), last.response.accepted());
  EXPECT_EQ(again->response.refused_size(), last.response.refused_size());
}

v1::Document MirroredTenant::ToSend(const std::string& collection, const std::string& id,
                                    const reference::Document& document) const {
  v1::Document sent = ToWire(id, document);
  if (!model_.collections.at(collection).embeds) return sent;
  for (auto& chunk : *sent.mutable_chunks()) chunk.clear_embedding();
  return sent;
}

void MirroredTenant::SendBatch(const v1::IngestRequest& batch_of, const Documents& documents) {
  v1::IngestRequest request = batch_of;
  const std::string collection = request.collection();
  for (const auto& [id, document] : documents) {
    *request.add_documents() = ToSend(collection, id, document);
  }
  Sent<IngestedBatch>(Later<IngestedBatch>([&](auto done) {
                        IngestDocuments(engine_->Write(root_), request, done);
                      }),
                      [this, request, collection, documents](const auto& batch, auto* model) {
                        const v1::IngestResponse& response = batch.response;
                        if (!request.run().empty()) runs_[collection] = {request, response};
                        if (response.revision() > 0) revision_ = response.revision();
                        std::set<size_t> refused;
                        for (const auto& each : response.refused()) refused.insert(each.index());
                        EXPECT_EQ(response.accepted() + refused.size(), documents.size());
                        refused_ += refused.size();
                        reference::Collection& into = model->collections.at(collection);
                        std::vector<uint32_t> stale;
                        std::set<std::string> replaced;  // once, if given twice
                        for (size_t i = 0; i < documents.size(); ++i) {
                          const auto& [id, document] = documents[i];
                          if (refused.contains(i)) continue;
                          if (reference::Write(&into, id, Completed(document, into))) {
                            into.whole = false;
                            replaced.insert(id);
                          } else {
                            stale.push_back(static_cast<uint32_t>(i));
                          }
                        }
                        for (const auto& id : replaced) backup_.Replaced(*model, collection, id);
                        EXPECT_TRUE(std::ranges::equal(response.stale(), stale));
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
        backup_.Changed(*model, collection, document);
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
                                      backup_.Changed(*model, collection, id);
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
          if (!id.starts_with(id_prefix)) continue;
          const reference::Document before = document;
          Give(access, &document);
          NoteListed(collection, id, before);  // what has it already is left alone, too
        }
      });
  Settle();
}

void MirroredTenant::UpdateMetadata(const std::string& collection, const std::string& document,
                                    const reference::Document& values,
                                    const std::set<std::string>& fields) {
  reference::Document named;
  Give(values, fields, &named);
  v1::UpdateMetadataRequest request;
  request.set_collection(collection);
  request.set_document(document);
  for (const auto& field : fields) request.mutable_update_mask()->add_paths(field);
  *request.mutable_metadata() = ToWire("", named);
  Sent<v1::UpdateMetadataResponse>(
      Later<v1::UpdateMetadataResponse>(
          [&](auto done) { cordon::UpdateMetadata(engine_->Write(root_), request, done); }),
      [this, collection, document, values, fields](const auto& response, auto* model) {
        revision_ = response.revision();
        auto& documents = model->collections.at(collection).documents;
        EXPECT_EQ(response.existed(), documents.contains(document));
        if (!documents.contains(document)) return;
        const std::string source = documents[document].source;
        Give(values, fields, &documents[document]);
        // An erasure by source must find both versions.
        const bool another = documents[document].source != source;
        another ? backup_.Replaced(*model, collection, document)
                : backup_.Changed(*model, collection, document);
      });
}

void MirroredTenant::SyncSource(const std::string& collection, const std::string& source,
                                const Documents& listed) {
  Settle();
  v1::SyncSourceRequest first, last;
  first.mutable_begin()->set_collection(collection);
  first.mutable_begin()->set_source(source);
  first.mutable_begin()->set_allow_removals(true);
  for (size_t i = 0; i < listed.size(); ++i) {
    *(i < listed.size() / 2 ? first : last).add_documents() =
        ToSend(collection, listed[i].first, listed[i].second);
  }
  last.mutable_commit()->set_documents(listed.size());
  OpenListings open;
  cordon::SourceSync sync(&open);
  const WriteContext context = engine_->Write(root_);
  Status taken = sync.Take(context, first);
  if (taken.ok()) {
    taken = Later<int>([&](auto done) {
              sync.Send(context, [done](const Status& status) {
                done(status.ok() ? StatusOr<int>(0) : StatusOr<int>(status));
              });
            })
                .get()
                .status();
  }
  if (taken.ok()) taken = sync.Take(context, last);
  ASSERT_TRUE(taken.ok()) << taken.ToString();
  const auto response = Later<v1::SyncSourceResponse>([&](auto done) {
                          sync.Commit(context, /*stop=*/{}, done);
                        }).get();
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  ++acknowledged_;
  revision_ = response->revision();
  refused_ += response->refused_documents();
  std::set<size_t> refused;
  for (const auto& each : response->refused()) refused.insert(each.index());
  std::set<std::string> stay;
  reference::Collection& into = model_.collections.at(collection);
  into.whole = into.whole && listed.empty();
  for (size_t i = 0; i < listed.size(); ++i) {
    const auto& [id, document] = listed[i];
    stay.insert(id);
    if (refused.contains(i)) continue;
    const auto found = into.documents.find(id);
    const std::optional<reference::Document> before =
        found == into.documents.end() ? std::nullopt : std::optional(found->second);
    const bool written = reference::Write(&into, id, Completed(document, into));
    if (before && written) NoteListed(collection, id, *before);
  }
  const size_t removed = std::erase_if(into.documents, [&](const auto& each) {
    const bool goes = each.second.source == source && !stay.contains(each.first);
    if (goes) backup_.Gone(collection, each.first);
    return goes;
  });
  EXPECT_EQ(response->difference().removed(), removed);
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
                             backup_.Gone(collection, document);
                           });
}

void MirroredTenant::OpenBreakGlass(const Authenticated& by,
                                    const v1::OpenBreakGlassRequest& request,
                                    const std::string& id) {
  Settle();
  const auto opened = Later<v1::OpenBreakGlassResponse>([&](auto done) {
                        cordon::OpenBreakGlass(engine_->Write(by), request, id, done);
                      }).get();
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  revision_ = opened->revision();
  ++acknowledged_;
}

void MirroredTenant::CloseBreakGlass(const Authenticated& by, const std::string& id) {
  Settle();
  v1::CloseBreakGlassRequest request;
  request.set_id(id);
  const auto closed = Later<v1::CloseBreakGlassResponse>([&](auto done) {
                        cordon::CloseBreakGlass(engine_->Write(by), request, done);
                      }).get();
  ASSERT_TRUE(closed.ok()) << closed.status().ToString();
  revision_ = closed->revision();
  ++acknowledged_;
}

void MirroredTenant::Say(const std::string& name, const reference::Record& record,
                         const reference::Said& by) {
  v1::ApplyDirectoryRequest request;
  v1::Principal* sent = request.add_principals();
  *sent = ToWire(name, record);
  sent->set_source(by.source);
  sent->set_sequence(by.sequence);
  Sent<v1::ApplyDirectoryResponse>(
      Later<v1::ApplyDirectoryResponse>(
          [&](auto done) { ApplyDirectory(engine_->Write(root_), request, done); }),
      [=, this](const auto& response, auto* model) {
        revision_ = response.revision();
        reference::SayBy(model, name, record, by);
      },
      [=](const auto& model) { return reference::InOrder(model, name, by); });
}

void MirroredTenant::Sync(const std::map<std::string, reference::Record>& records,
                          const reference::Said& by, bool breaks_off) {
  const std::shared_ptr<Held> held(new Held{open_syncs_});
  const std::shared_ptr<DirectorySync> sync(held, &held->sync);
  v1::SyncDirectoryRequest first, last;
  first.mutable_begin()->set_source(by.source);
  first.mutable_begin()->set_sequence(by.sequence);
  first.mutable_begin()->set_allow_removals(true);
  for (const auto& [name, record] : records) {
    *(first.principals_size() < 2 ? &first : &last)->add_principals() = ToWire(name, record);
  }
  last.mutable_commit()->set_principals(records.size());
  Status taken = sync->Add(engine_->Write(root_), first);
  if (breaks_off) return;
  if (taken.ok()) taken = sync->Add(engine_->Write(root_), last);
  ASSERT_TRUE(taken.ok()) << taken.ToString();
  Sent<v1::SyncDirectoryResponse>(
      Later<v1::SyncDirectoryResponse>([&](auto done) {
        sync->Commit(engine_->Write(root_), [sync, done](auto result) { done(std::move(result)); });
      }),
      [=, this](const auto& response, auto* model) {
        revision_ = response.revision();
        reference::Replace(model, records, by);
      },
      [=](const auto& model) { return reference::SnapshotInOrder(model, records, by); });
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
