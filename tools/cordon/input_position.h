// How far the input of a run has been read, and a digest of what it held up to there: a run goes on
// only with the input that it began with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/crypto/digest.h"
#include "tools/cordon/ingest_source.h"

namespace cordon {

class InputPosition {
 public:
  // At the beginning.
  InputPosition() = default;

  // Reads what Bytes() wrote. INVALID_ARGUMENT for "run" if it is something else.
  static StatusOr<InputPosition> Parse(std::string_view bytes);

  // Moves behind `item`, as its source gave it.
  void Add(const SourceItem& item);

  std::string Bytes() const;
  // The line of the last item; 0 at the beginning.
  uint64_t line() const { return line_; }

  bool operator==(const InputPosition&) const = default;

 private:
  uint64_t line_ = 0;
  Digest digest_{};  // of each item after the digest so far
};

}  // namespace cordon
