// Export: documents to a model that is trained on them (DESIGN §5). Raise, then send: a message
// leaves only after the mutation is durable and published by which the model's label has risen to
// the message's. A crash in between errs on the high side.
#pragma once

#include <functional>

#include "cordon/v1/retrieval.pb.h"
#include "engine/ingest/ingest.h"
#include "engine/retrieve/export.h"

namespace cordon {

struct ExportedMessage {
  std::optional<v1::ExportResponse> response;  // nothing: there is nothing more to send
  ExportPlace next;
};

// The message at `place`. Calls `done` exactly once, after the journal has its record, perhaps on
// the writer's or the journal's thread. Thread-safe.
void ExportNext(const ReadContext& read, const WriteContext& write,
                const v1::ExportRequest& request, const ExportPlace& place,
                std::function<void(StatusOr<ExportedMessage>)> done);

}  // namespace cordon
