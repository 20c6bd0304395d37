#include "engine/inspect/document_walk.h"

#include "engine/base/stop.h"

namespace cordon {

Status WalkDocuments(const View& view, const Collection& collection,
                     const std::function<bool()>& stop, const VisitRecord& visit) {
  constexpr size_t kEvery = 256;  // documents between two looks at the clock: under a millisecond
  size_t seen = 0;
  return view.documents().Scan(collection.id, [&](const auto& record) -> Status {
    if (seen++ % kEvery == 0) RETURN_IF_ERROR(CheckGoesOn(stop));
    return visit(record);
  });
}

}  // namespace cordon
