// Where a chain stood: what the store remembers so that a cut journal shows.
#pragma once

#include <cstdint>

#include "engine/crypto/digest.h"

namespace cordon {

// The number and MAC of a record. Number 0, with a MAC of zeros, is the journal without records.
struct JournalAnchor {
  uint64_t sequence = 0;
  Digest mac{};

  friend bool operator==(const JournalAnchor&, const JournalAnchor&) = default;
};

}  // namespace cordon
