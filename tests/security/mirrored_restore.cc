// A tenant's backup, and what it goes on from after a restore, in the engine and in the model.
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "tests/security/mirrored_tenant.h"

namespace cordon {
namespace {

using google::protobuf::util::MessageDifferencer;

// What makes a listed document another version: chunks, vectors if they are brought, and source.
std::string ContentOf(const reference::Document& document, bool brings_vectors) {
  v1::Document all = ToWire("", document), content;
  content.mutable_chunks()->Swap(all.mutable_chunks());
  content.mutable_provenance()->set_source(document.source);
  for (auto& chunk : *content.mutable_chunks()) {
    if (!brings_vectors) chunk.clear_embedding();
  }
  return content.SerializeAsString();
}

bool SameDescription(const reference::Document& a, const reference::Document& b) {
  v1::Document left = ToWire("", a), right = ToWire("", b);
  left.clear_chunks();
  right.clear_chunks();
  return MessageDifferencer::Equals(left, right);
}

}  // namespace

void MirroredTenant::NoteListed(const std::string& collection, const std::string& id,
                                const reference::Document& before) {
  const reference::Collection& of = model_.collections.at(collection);
  const reference::Document& now = of.documents.at(id);
  if (ContentOf(before, !of.embeds) != ContentOf(now, !of.embeds)) {
    backup_.Replaced(model_, collection, id);
  } else if (!SameDescription(before, now)) {
    backup_.Changed(model_, collection, id);
  }
}

void MirroredTenant::Erase(const std::string& collection, const std::string& document) {
  v1::EraseRequest request;
  request.set_collection(collection);
  request.set_document(document);
  Sent<v1::EraseResponse>(Later<v1::EraseResponse>([&](auto done) {
                            cordon::Erase(engine_->Write(root_), request, done);
                          }),
                          [this, collection, document](const auto& response, auto* model) {
                            revision_ = response.revision();
                            model->collections.at(collection).documents.erase(document);
                            backup_.Gone(collection, document);
                          });
}

void MirroredTenant::Backup() {
  Settle();
  backed_up_ = engine_->Backup();
  backup_ = {model_.collections};
  runs_of_backup_ = runs_;
}

bool MirroredTenant::Restore() {
  Settle();
  if (!engine_->Restore(backed_up_)) return false;
  backup_.Restore(&model_);
  runs_ = runs_of_backup_;
  return true;
}

}  // namespace cordon
