#include "tools/cordon/listed_lines.h"

#include <algorithm>
#include <string>

namespace cordon {

void ListedLines::Move(ListedLine& line, v1::SyncSourceRequest* message) {
  if (line.unchanged) {
    unchanged.push_back(line.line);
    message->add_unchanged(line.document.id());
  } else {
    documents.push_back(line.line);
    message->add_documents()->Swap(&line.document);
  }
}

void ListedLines::MergeRefusals(const google::protobuf::RepeatedPtrField<v1::Refusal>& refusals,
                                std::vector<RefusedDocument>* refused) const {
  for (const v1::Refusal& refusal : refusals) {
    const auto& lines = refusal.field() == "unchanged" ? unchanged : documents;
    const uint64_t line = refusal.index() < lines.size() ? lines[refusal.index()] : 0;
    refused->push_back({{line, "", "", {}}, refusal.id(), refusal.field(), refusal.message()});
  }
  std::stable_sort(refused->begin(), refused->end(),
                   [](const auto& a, const auto& b) { return a.origin.line < b.origin.line; });
}

RefusedDocument RefusedOf(const ListedLine& line) {
  return {{line.line, "", "", {}},
          line.document.id(),
          std::string(line.refused.field()),
          std::string(line.refused.message())};
}

}  // namespace cordon
