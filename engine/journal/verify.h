// Reads a whole journal and says whether it is what was written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

#include "engine/crypto/secret_key.h"
#include "engine/journal/anchor.h"

namespace cordon {

struct Verification {
  uint64_t records = 0;  // good ones, from the first on
  bool ok = false;
  std::optional<uint64_t> first_bad;  // the number of the first record that is not good
  std::string problem;                // why it is not; empty when ok
  uint64_t last_revision = 0;         // of the last change, when ok
};

// Checks every record of `tenant` in `directory` up to and including `up_to_sequence`, and that the
// chain passes through `anchor` if that lies within. Reads only, with or without a server running;
// with one, `up_to_sequence` is its Journal::synced().sequence, since the record after may be half
// written. Ending before `up_to_sequence` (when given) or before `anchor` is a finding, as are an
// absent directory and an incomplete last record. Thread-safe.
Verification Verify(const std::filesystem::path& directory, const std::string& tenant,
                    const SecretKey& key, const std::optional<JournalAnchor>& anchor,
                    uint64_t up_to_sequence = std::numeric_limits<uint64_t>::max());

}  // namespace cordon
