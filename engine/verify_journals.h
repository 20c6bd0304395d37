// Verifies the journals of a data directory without a server.
#pragma once

#include "engine/engine.h"
#include "engine/journal/verify.h"

namespace cordon {

// Reads every tenant's journal and what the store remembers of it; the first finding ends it, and
// `records` counts all that were read. A running server does not mind, but may be writing the
// newest record meanwhile. An error means that they could not be read at all. Of a stopped server
// it is a finding, too, that a journal has changes that the store lacks: no start serves that.
StatusOr<Verification> VerifyJournals(const DataPaths& paths, bool stopped = false);

}  // namespace cordon
