// What one message of an export holds: read and decided anew for each.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cordon/v1/retrieval.pb.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/guard.h"

namespace cordon {

// Where an export stands between two messages.
struct ExportPlace {
  int next_document = 0;             // of those that are named
  std::string after;                 // else the last id that was looked at
  std::vector<std::string> ahead{};  // and some that come next
  size_t next_ahead = 0;
  bool ended = false;
};

struct ExportPart {
  std::vector<Cleared<ExportedDocument>> documents;  // none: there are no more
  std::set<Label> labels;                            // of all that they hold
  ExportPlace next;
};

// The next message's documents, at most limits::kExportDocuments and about kExportPartBytes of
// them. Notes in `record` what the journal keeps of it. PERMISSION_DENIED unless the destination is
// registered and of scope 4 or 5; NOT_FOUND for a named document that is hidden or absent.
StatusOr<ExportPart> ReadExportPart(const ReadContext& context, const v1::ExportRequest& request,
                                    const ExportPlace& place, journal::v1::Record* record);

}  // namespace cordon
