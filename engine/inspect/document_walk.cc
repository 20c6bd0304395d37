#include "engine/inspect/document_walk.h"

namespace cordon {

Status CheckGoesOn(const std::function<bool()>& stop) {
  if (!stop || !stop()) return OkStatus();
  return Status(StatusCode::kDeadlineExceeded, "",
                "the deadline has passed; ask about less, or allow more time");
}

Status WalkDocuments(const View& view, const Collection& collection,
                     const std::function<bool()>& stop, const VisitRecord& visit) {
  constexpr size_t kEvery = 256;  // documents between two looks at the clock: under a millisecond
  size_t seen = 0;
  store::v1::DocumentRecord record;
  return view.Scan(Family::kDocuments, CollectionPrefix(view.state().id, collection.id),
                   [&](std::string_view, std::string_view payload) -> Status {
                     if (seen++ % kEvery == 0) RETURN_IF_ERROR(CheckGoesOn(stop));
                     RETURN_IF_ERROR(ParseRecord(payload, &record));
                     return visit(record);
                   });
}

}  // namespace cordon
