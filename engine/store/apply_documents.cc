#include <fmt/format.h>

#include <unordered_map>

#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"

namespace cordon {

Status ApplyIngest(const ApplyContext& context, const store::v1::IngestBatch& batch,
                   Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, batch.collection(), applied));
  std::unordered_map<std::string_view, int> last;
  for (int i = 0; i < batch.documents_size(); ++i) last[batch.documents(i).id()] = i;
  for (int i = 0; i < batch.documents_size(); ++i) {
    if (last.at(batch.documents(i).id()) != i) continue;
    RETURN_IF_ERROR(writer.Replace(batch.documents(i)).Within(fmt::format("documents[{}]", i)));
  }
  writer.Finish();
  return OkStatus();
}

Status ApplySetAccess(const ApplyContext& context, const v1::SetAccessRequest& request,
                      Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, request.collection(), applied));
  RETURN_IF_ERROR(writer.Reclass(request));
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
