// Embedding a batch by the endpoint of its collection. Internal to ingest/.
#pragma once

#include <string>

#include "engine/ingest/ingest.h"
#include "engine/ingest/validate.h"

namespace cordon {

// Embeds the texts of `validated` by the collection's endpoint, on behalf of the caller. A document
// with a text that the endpoint may not receive is refused, and none of its texts are sent. The
// error is that of the endpoint, and then nothing is embedded. The journal has
// a record of it before the first text goes, and `sent_to` then gets the endpoint's name, so also
// with an error; else it stays as it is.
Status EmbedDocuments(const WriteContext& context, const View& view,
                      const v1::CollectionConfig& config, Validated* validated,
                      std::string* sent_to);

// Refuses what EmbedDocuments would, as far as that can be known without sending a text.
Status RefuseUnreleased(const WriteContext& context, const View& view,
                        const v1::CollectionConfig& config, Validated* validated);

}  // namespace cordon
