// Where records lie: a mark for every so many of them, so that finding one reads little.
#pragma once

#include <mutex>
#include <vector>

#include "engine/journal/chain_reader.h"

namespace cordon::journal {

// Thread-safe.
class RecordIndex {
 public:
  // Notes the place of record `place.last + 1`; most are skipped. Called in order.
  void Note(const Mark& place);

  // The mark from which reading forward comes to `sequence`, which is at least 1 and was noted.
  Mark Before(uint64_t sequence) const;

 private:
  static constexpr uint64_t kEvery = 256;  // about 50 KiB of records between marks

  mutable std::mutex mutex_;
  std::vector<Mark> marks_;  // guarded by mutex_, ascending
};

}  // namespace cordon::journal
