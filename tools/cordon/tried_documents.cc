#include "tools/cordon/tried_documents.h"

#include <fmt/format.h>

#include <utility>

#include "tools/cordon/ingest_source.h"
#include "tools/cordon/message_size.h"

namespace cordon {

StatusOr<TriedDocuments> ReadTriedDocuments(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<DocumentSource> source, OpenLines(path));
  TriedDocuments documents;
  size_t bytes = 0;
  SourceItem item;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, source->Next(item));
    if (!more) return documents;
    if (!item.refused.ok()) {
      documents.refused.push_back({std::move(item.origin), item.document.id(),
                                   std::string(item.refused.field()),
                                   std::string(item.refused.message())});
      continue;
    }
    bytes += BytesInMessage(item.document);
    if (bytes > kBatchBytesMax) {
      return Invalid("FILE", fmt::format("takes more than {} bytes, which is what a message may; "
                                         "leave embeddings out, which are not needed, or split it",
                                         kBatchBytesMax));
    }
    documents.origins.push_back(std::move(item.origin));
    documents.request.mutable_documents()->Add(std::move(item.document));
  }
}

}  // namespace cordon
