#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"

namespace cordon {
namespace {

using store::v1::DocumentRecord;

NewAccess AccessOf(const auto& request) {
  return {request.has_acl() ? &request.acl() : nullptr,
          request.has_label() ? &request.label() : nullptr};
}

}  // namespace

Status ApplyIngest(const ApplyContext& context, const store::v1::IngestBatch& batch,
                   Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, batch.collection(), applied));
  if (!batch.documents().empty()) RETURN_IF_ERROR(writer.CheckSpace(batch.space()));
  std::unordered_map<std::string_view, std::vector<int>> places;  // by id, ascending
  for (int i = 0; i < batch.documents_size(); ++i) places[batch.documents(i).id()].push_back(i);
  for (int i = 0; i < batch.documents_size(); ++i) {
    const std::vector<int>& of_id = places.at(batch.documents(i).id());
    if (of_id.back() == i) RETURN_IF_ERROR(writer.WriteNewest(batch.documents(), of_id));
  }
  std::sort(applied->stale.begin(), applied->stale.end());
  writer.TellUndefined();
  writer.Finish();
  return OkStatus();
}

Status ApplySetAccess(const ApplyContext& context, const v1::SetAccessRequest& request,
                      Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, request.collection(), applied));
  applied->documents.push_back(request.document());
  RETURN_IF_ERROR(writer.ReadEach({request.document()}, [&](size_t, DocumentRecord* record) {
    applied->existed = record != nullptr;
    return writer.Reclass(AccessOf(request), record);
  }));
  writer.Finish();
  return OkStatus();
}

Status ApplySetAccessMany(const ApplyContext& context, const v1::SetAccessManyRequest& request,
                          Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, request.collection(), applied));
  DocumentWriter::Ids ids;
  for (const auto& change : request.changes()) {
    ids.push_back(change.document());
    applied->documents.push_back(change.document());
  }
  RETURN_IF_ERROR(writer.ReadEach(ids, [&](size_t i, DocumentRecord* record) {
    applied->existed_each.push_back(record != nullptr);
    return writer.Reclass(AccessOf(request.changes(static_cast<int>(i))), record)
        .Within(fmt::format("changes[{}]", i));
  }));
  writer.Finish();
  return OkStatus();
}

Status ApplyAccessBatch(const ApplyContext& context, const store::v1::AccessBatch& batch,
                        Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, batch.collection(), applied));
  DocumentWriter::Ids ids;
  for (const auto& id : batch.documents()) {
    ids.push_back(id);
    applied->documents.push_back(id);
  }
  // A batch of none is judged like one of some.
  RETURN_IF_ERROR(writer.Reclass(AccessOf(batch), nullptr));
  RETURN_IF_ERROR(writer.ReadEach(ids, [&](size_t, DocumentRecord* record) -> Status {
    const bool still =
        record != nullptr && (!batch.has_only_source() ||
                              record->document().provenance().source() == batch.only_source());
    applied->existed_each.push_back(still);
    return still ? writer.Reclass(AccessOf(batch), record) : OkStatus();
  }));
  writer.Finish();
  return OkStatus();
}

Status ApplyDelete(const ApplyContext& context, const v1::DeleteRequest& request,
                   Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, request.collection(), applied));
  RETURN_IF_ERROR(writer.Remove(request.document()));
  writer.Finish();
  return OkStatus();
}

}  // namespace cordon
