// Figures for whoever operates an engine: of all its tenants together, so that they name nobody.
#pragma once

#include <cstdint>

#include "engine/ingest/writer.h"
#include "engine/journal/journal.h"
#include "engine/view/meters.h"

namespace cordon {

struct Figures {
  // Since the start.
  uint64_t canary_alerts = 0;
  uint64_t guard_rejections = 0;  // of all engines of the process
  Meters::Totals metered;
  Writer::Figures writer;
  Journal::Figures journal;  // of all journals: sums, and whether one of them has failed
  // Now.
  uint64_t tenants = 0;
  uint64_t revisions = 0;  // of all tenants: how many changes there have been
  uint64_t documents = 0;
  uint64_t chunks = 0;
  uint64_t documents_to_embed = 0;  // for a second embedding space
  uint64_t open_break_glass = 0;
  bool clock_in_doubt = false;
  bool keys_copy_behind = false;
};

}  // namespace cordon
