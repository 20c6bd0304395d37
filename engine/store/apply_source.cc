#include <fmt/format.h>

#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"

namespace cordon {

Status ApplySource(const ApplyContext& context, const store::v1::SourceBatch& batch,
                   Applied* applied) {
  const store::v1::IngestBatch& written = batch.written();
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, written.collection(), applied));
  if (!written.documents().empty()) RETURN_IF_ERROR(writer.CheckSpace(written.space()));
  writer.ExpectRewrites(static_cast<size_t>(batch.redescribed_size()));
  for (int i = 0; i < batch.redescribed_size(); ++i) {
    const auto& change = batch.redescribed(i);
    RETURN_IF_ERROR(writer.Redescribe(change.number(), change.document())
                        .Within(fmt::format("redescribed[{}]", i)));
  }
  for (int i = 0; i < written.documents_size(); ++i) {
    RETURN_IF_ERROR(writer.WriteNewest(written.documents(), {i}));
  }
  for (const uint64_t number : batch.removed()) {
    ASSIGN_OR_RETURN(const bool was_there, writer.RemoveNumbered(number));
    applied->parts += was_there;
  }
  writer.TellUndefined();
  writer.Finish();
  return OkStatus();
}

}  // namespace cordon
