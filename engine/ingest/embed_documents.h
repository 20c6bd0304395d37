// Embedding a batch by the endpoint of its collection. Internal to ingest/.
#pragma once

#include "engine/ingest/ingest.h"
#include "engine/ingest/validate.h"

namespace cordon {

// Embeds the texts of `validated` by the collection's endpoint, on behalf of the caller. A document
// with a text that the endpoint may not receive is refused, and none of its texts are sent. The
// error is that of the endpoint, and then nothing is embedded.
Status EmbedDocuments(const WriteContext& context, const View& view,
                      const v1::CollectionConfig& config, Validated* validated);

}  // namespace cordon
