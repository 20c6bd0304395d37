// The reads that do not search: one document, access to some, receivers of a label.
#include <fmt/format.h>

#include <map>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/base/stop.h"
#include "engine/base/text_check.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/outgoing_words.h"
#include "engine/retrieve/pack.h"
#include "engine/retrieve/retrieve.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

struct Document {
  Access access;
  Context context;
  bool strip = false;  // hidden characters are taken out
};

StatusOr<Document> ReadDocument(const ReadContext& context, const v1::GetDocumentRequest& request,
                                journal::v1::Record* record) {
  Document document;
  ASSIGN_OR_RETURN(document.access, Enter(context, &request.collection(), request.scope(), record));
  RETURN_IF_ERROR(CheckName("document", request.document(), limits::kIdBytes));
  Guard guard(*document.access.view.view, *document.access.collection, document.access.subject, {});
  ASSIGN_OR_RETURN(auto cleared, guard.ClearDocument(request.document()));
  if (cleared.empty()) return DocumentNotFound();
  document.strip = request.strip_hidden_characters();
  document.context = PackAll(document.access, context.caller, std::move(cleared));
  NoteContext(document.context, context.tenant->pseudonyms, record);
  return document;
}

// What all chunks of the document bring alike.
void DescribeDocument(const ClearedChunk& chunk, bool strip, v1::GetDocumentResponse* response) {
  OutgoingWords words(strip);
  words.SeeId(chunk.document);
  response->set_document(chunk.document);
  response->set_title(chunk.title);
  words.See(response->mutable_title());
  response->set_uri(chunk.uri);
  words.See(response->mutable_uri());
  if (!chunk.source.empty() || !chunk.trust.empty()) {
    response->mutable_provenance()->set_source(chunk.source);
    response->mutable_provenance()->set_trust(chunk.trust);
    words.See(response->mutable_provenance());
  }
  response->set_hidden_characters(words.hidden());
  if (chunk.version) response->set_version(*chunk.version);
}

v1::GetDocumentResponse ToDocument(const Document& document, const JournalReceipt& receipt) {
  v1::GetDocumentResponse response;
  DescribeDocument(*document.context.passages.front(), document.strip, &response);
  for (const Passage& chunk : document.context.passages) {
    v1::DocumentChunk* out = response.add_chunks();
    OutgoingWords words(document.strip);
    out->set_chunk(chunk->ordinal);
    out->set_text(chunk->text);
    words.See(out->mutable_text());
    out->set_hidden_characters(words.hidden());
    *out->mutable_label() = ToProto(chunk->label);
  }
  *response.mutable_context_label() = ToProto(*document.context.label);
  response.mutable_destinations()->Assign(document.context.destinations.begin(),
                                          document.context.destinations.end());
  response.set_revision(document.access.view->revision());
  *response.mutable_as_of() = ToProtoTime(document.access.view.as_of);
  response.set_journal_id(receipt.id());
  response.set_break_glass(document.access.break_glass());
  return response;
}

StatusOr<v1::CheckAccessResponse> Check(const ReadContext& context,
                                        const v1::CheckAccessRequest& request,
                                        journal::v1::Record* record) {
  ASSIGN_OR_RETURN(const Access access,
                   Enter(context, &request.collection(), request.scope(), record));
  if (static_cast<size_t>(request.documents_size()) > limits::kCheckAccessDocuments) {
    return Invalid("documents", fmt::format("more than {}", limits::kCheckAccessDocuments));
  }
  for (int i = 0; i < request.documents_size(); ++i) {
    RETURN_IF_ERROR(
        CheckName(fmt::format("documents[{}]", i), request.documents(i), limits::kIdBytes));
  }
  v1::CheckAccessResponse response;
  Guard guard(*access.view.view, *access.collection, access.subject, {});
  // An id that is named many times is read once: else the time that it takes would tell whether it
  // is hidden or absent.
  std::map<std::string_view, bool> seen;
  for (const std::string& id : request.documents()) {
    const auto [document, is_new] = seen.try_emplace(id, false);
    if (is_new) {
      RETURN_IF_ERROR(CheckGoesOn(context.stop));
      ASSIGN_OR_RETURN(document->second, guard.Sees(id));
    }
    if (document->second) response.add_permitted(id);
  }
  for (const std::string& id : response.permitted()) {
    record->add_documents(context.tenant->pseudonyms.Of("document", id));
  }
  response.set_revision(access.view->revision());
  return response;
}

StatusOr<v1::AllowedDestinationsResponse> Allowed(const ReadContext& context,
                                                  const v1::AllowedDestinationsRequest& request,
                                                  journal::v1::Record* record) {
  ASSIGN_OR_RETURN(const Access access, Enter(context, nullptr, request.scope(), record));
  const Label label = FromProto(request.label());
  RETURN_IF_ERROR(access.view->policy().rules->scheme.CheckLabel(label).Within("label"));
  *record->mutable_context_label() = request.label();
  v1::AllowedDestinationsResponse response;
  for (auto& name : Receivers(access.view->world(), context.caller, access.subject, label)) {
    response.add_destinations(std::move(name));
  }
  response.set_revision(access.view->revision());
  return response;
}

// Responses that need nothing but the record's name to be complete.
template <typename Response>
Response Named(Response response, const JournalReceipt& receipt) {
  response.set_journal_id(receipt.id());
  return response;
}

}  // namespace

void GetDocument(const ReadContext& context, const v1::GetDocumentRequest& request,
                 Respond<v1::GetDocumentResponse> done) {
  Journaled(
      context, "GetDocument",
      [&](journal::v1::Record* record) { return ReadDocument(context, request, record); },
      ToDocument, std::move(done));
}

void CheckAccess(const ReadContext& context, const v1::CheckAccessRequest& request,
                 Respond<v1::CheckAccessResponse> done) {
  Journaled(
      context, "CheckAccess",
      [&](journal::v1::Record* record) { return Check(context, request, record); },
      Named<v1::CheckAccessResponse>, std::move(done));
}

void AllowedDestinations(const ReadContext& context, const v1::AllowedDestinationsRequest& request,
                         Respond<v1::AllowedDestinationsResponse> done) {
  Journaled(
      context, "AllowedDestinations",
      [&](journal::v1::Record* record) { return Allowed(context, request, record); },
      Named<v1::AllowedDestinationsResponse>, std::move(done));
}

}  // namespace cordon
