// One piece of work on all processors, cut into slices that know nothing of each other.
#pragma once

#include <cstddef>
#include <functional>

namespace cordon {

// How many this process may use; at least one.
size_t Processors();

// Does the items [begin, end). May give up once `stop`, which is never empty, says true.
using SliceWork = std::function<void(size_t begin, size_t end, const std::function<bool()>& stop)>;

// Does the items [0, n) in slices of `of_slice`, the last one of what is left, on the calling
// thread and on up to `threads` - 1 others, which have its priority (stand_back.h) and end before
// this does. Which thread does a slice is chance; where slices begin is not, so that what is made
// of one may depend on that and is the same for any number of threads.
//
// `stop` (may be empty) is asked by the calling thread alone, which need not have a slice for that.
// False if it said true: some slices are not done then, and what others throw because of it is of
// no interest. Otherwise what a slice throws, this throws, once all threads have ended; no other
// slice is begun, and those that are may give up.
bool InSlices(size_t n, size_t of_slice, size_t threads, const std::function<bool()>& stop,
              const SliceWork& work);

}  // namespace cordon
