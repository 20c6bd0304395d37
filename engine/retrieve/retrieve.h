// Retrieval: entitled context for a model (docs/life-of-a-request.md follows one through here).
#pragma once

#include <functional>

#include "cordon/v1/retrieval.pb.h"
#include "engine/view/journaled.h"

namespace cordon {

template <typename Response>
using Respond = std::function<void(StatusOr<Response>)>;

// Each calls `done` exactly once, after the journal has the call's record; perhaps on the journal's
// thread, which it must not block. Thread-safe.
void Retrieve(const ReadContext& context, const v1::RetrieveRequest& request,
              Respond<v1::RetrieveResponse> done);
// Each question has a record of its own; a batch that is refused as a whole has one. Neighbours
// that are asked alike are searched together (shared_scans.h).
void BatchRetrieve(const ReadContext& context, const v1::BatchRetrieveRequest& request,
                   Respond<v1::BatchRetrieveResponse> done);
void GetDocument(const ReadContext& context, const v1::GetDocumentRequest& request,
                 Respond<v1::GetDocumentResponse> done);
void CheckAccess(const ReadContext& context, const v1::CheckAccessRequest& request,
                 Respond<v1::CheckAccessResponse> done);
void AllowedDestinations(const ReadContext& context, const v1::AllowedDestinationsRequest& request,
                         Respond<v1::AllowedDestinationsResponse> done);

}  // namespace cordon
