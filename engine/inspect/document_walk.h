// Reads every document of a collection for an auditor's question, in the order in which they were
// written.
#pragma once

#include <functional>

#include "cordon/store/v1/records.pb.h"
#include "engine/view/view.h"

namespace cordon {

// Calls `visit` for each document of the View's collection until it returns an error, asking `stop`
// every now and then. DATA_LOSS if a record is damaged.
using VisitRecord = std::function<Status(const store::v1::DocumentRecord&)>;
Status WalkDocuments(const View& view, const Collection& collection,
                     const std::function<bool()>& stop, const VisitRecord& visit);

}  // namespace cordon
