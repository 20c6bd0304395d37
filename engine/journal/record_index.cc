#include "engine/journal/record_index.h"

#include <algorithm>
#include <iterator>

namespace cordon::journal {

void RecordIndex::Note(const Mark& place) {
  if (place.last % kEvery != 0) return;
  std::lock_guard lock(mutex_);
  CORDON_CHECK(marks_.empty() ? place.last == 0 : place.last == marks_.back().last + kEvery);
  marks_.push_back(place);
}

Mark RecordIndex::Before(uint64_t sequence) const {
  std::lock_guard lock(mutex_);
  CORDON_CHECK(sequence >= 1 && !marks_.empty());
  const auto after =
      std::upper_bound(marks_.begin(), marks_.end(), sequence - 1,
                       [](uint64_t last, const Mark& mark) { return last < mark.last; });
  return *std::prev(after);
}

}  // namespace cordon::journal
