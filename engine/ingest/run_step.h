// A batch of a run before it is validated: whether it was applied already. Internal to ingest/.
#pragma once

#include <optional>
#include <span>

#include "cordon/store/v1/mutation.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "engine/view/view.h"

namespace cordon {

// Neither is set for a batch of no run.
struct RunStep {
  std::optional<v1::IngestResponse> known;  // the answer: applied before, or where the run stands
  std::optional<store::v1::RunBatch> next;  // to be noted with a batch that was not applied
};

// Judges the batch by what the View has of its run, which the writer does once more: nobody else
// may be sending batches of the run then. FAILED_PRECONDITION for a batch that was applied with
// another content. May take the documents out of a request whose answer is known.
StatusOr<RunStep> StepOfRun(const View& view, const Collection& collection,
                            const Authenticated& caller, v1::IngestRequest* request);

// Remembers which documents were refused.
void NoteRefused(std::span<const v1::Refusal> refused, store::v1::RunBatch* run);

}  // namespace cordon
