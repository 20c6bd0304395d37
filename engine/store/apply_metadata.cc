// What is said of a document, without its content.
#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"

namespace cordon {
namespace {

using store::v1::DocumentRecord;

constexpr std::string_view kAttributePath = "attributes.";

void MergeAttribute(const std::string& name, const v1::Document& from, v1::Document* to) {
  const auto given = from.attributes().find(name);
  if (given == from.attributes().end()) {
    to->mutable_attributes()->erase(name);
  } else {
    (*to->mutable_attributes())[name] = given->second;
  }
}

// One field of the mask, which was checked before it came to the writer.
Status MergeField(const std::string& path, const v1::Document& from, v1::Document* to) {
  if (path == "title") {
    to->set_title(from.title());
  } else if (path == "uri") {
    to->set_uri(from.uri());
  } else if (path == "subjects") {
    *to->mutable_subjects() = from.subjects();
  } else if (path == "provenance.source") {
    to->mutable_provenance()->set_source(from.provenance().source());
  } else if (path == "provenance.trust") {
    to->mutable_provenance()->set_trust(from.provenance().trust());
  } else if (path == "valid_from") {
    to->clear_valid_from();
    if (from.has_valid_from()) *to->mutable_valid_from() = from.valid_from();
  } else if (path == "valid_until") {
    to->clear_valid_until();
    if (from.has_valid_until()) *to->mutable_valid_until() = from.valid_until();
  } else if (path == "erase_after") {
    to->clear_erase_after();
    if (from.has_erase_after()) *to->mutable_erase_after() = from.erase_after();
  } else if (path.starts_with(kAttributePath)) {
    MergeAttribute(path.substr(kAttributePath.size()), from, to);
  } else {
    return Internal("a field of a document that is no metadata");
  }
  return OkStatus();
}

}  // namespace

Status ApplyUpdateMetadata(const ApplyContext& context, const v1::UpdateMetadataRequest& request,
                           Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, request.collection(), applied));
  applied->documents.push_back(request.document());
  RETURN_IF_ERROR(
      writer.ReadEach({request.document()}, [&](size_t, DocumentRecord* record) -> Status {
        applied->existed = record != nullptr;
        if (record == nullptr) return OkStatus();
        v1::Document document = record->document();
        for (const auto& path : request.update_mask().paths()) {
          RETURN_IF_ERROR(MergeField(path, request.metadata(), &document));
        }
        return writer.Describe(*record, document);
      }));
  writer.Finish();
  return OkStatus();
}

}  // namespace cordon
