#include "tools/cordon/message_size.h"

#include <fmt/format.h>

namespace cordon {

size_t BytesInMessage(const v1::Document& document) {
  return document.ByteSizeLong() + 8;  // with its tag and length
}

Status CheckMessageSize(const v1::Document& document) {
  const size_t bytes = BytesInMessage(document);
  if (bytes <= kBatchBytesMax) return OkStatus();
  return Invalid(
      "",
      fmt::format("takes {} bytes, which is more than a message may; split the document", bytes));
}

}  // namespace cordon
