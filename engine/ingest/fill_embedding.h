// Vectors that clients bring for the embedding space that is not searched
// (docs/decisions/re-embedding.md). Internal to ingest/.
#pragma once

#include "engine/ingest/ingest.h"

namespace cordon {

// Gives vectors of a batch that says `embeddings_only` to stored documents whose chunks have these
// ordinals and texts; whatever else there is stays as it is. Only auditors are told which documents
// were not met, as refused.
void FillEmbedding(const WriteContext& context, const v1::IngestRequest& request,
                   Acknowledge<IngestedBatch> done);

}  // namespace cordon
