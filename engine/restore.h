// Makes a store of a backup, with the newest journal and the newest keys.
#pragma once

#include <cstdint>
#include <string>

#include "engine/engine.h"

namespace cordon {

struct Restored {
  uint64_t revision = 0;   // of the first tenant: the journal's last
  uint64_t backed_up = 0;  // up to here its content is in the backup
  uint64_t replayed = 0;   // changes of all tenants that the journal told
};

// Writes the backup `id` (0: the newest) of `from` to `paths.data_dir`, which must hold no store,
// and tells it all that the journals know and the backup does not; notes that in the journals. The
// store gets its name last, after its FORMAT: a killed restore leaves nothing that could be taken
// for one, and the next try takes that away; a failed one leaves nothing, but perhaps notes.
// FAILED_PRECONDITION if the keys or journals are missing, in use or another store's, if a journal
// ends before the backup, and if the backup holds what was given up since (--accept-loss-to, or an
// older backup that was restored); DATA_LOSS if something is damaged.
//
// From the notes on the new store is the one that goes on: the one before is refused by each start,
// and newer backups by each restore. Then the keys of all documents that were written after the
// backup are destroyed: the new store does not know them, so that no erasure would reach them in
// newer backups. If that fails, the store is there, and its start does it before it serves.
StatusOr<Restored> RestoreStore(const std::string& from, uint32_t id, const DataPaths& paths);

}  // namespace cordon
