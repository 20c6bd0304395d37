// What an index needs from time to time, and how it is done beside the writes and searches that go
// on. One at a time for an index:
//
//   writer      index = index.Frozen();              segments keep still
//   background  made = MakeLists(index, …);          seconds to minutes
//   writer      index = index.Frozen();              as long as many rows were written meanwhile
//   background  ListNewer(index, &made, …);
//   writer      index = index.With(made);            what was written meanwhile joins
//
// Pinned versions stay what they are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/index/lists.h"
#include "engine/index/vector_index.h"

namespace cordon {

enum class Upkeep : uint8_t {
  kNone,
  kMerge,  // many rows beside the lists, many dead ones in them, or erased ones: made again, same
           // geometry
  kTrain,  // about a third has changed, or there are no lists yet: a new geometry
};

// A collection whose geometry is `pinned` trains once. What is erased goes first.
Upkeep NeededUpkeep(const VectorIndex& index, bool pinned);

// How many rows of an index are written anew at most by one upkeep, each of which is in memory
// twice until it ends: an eighth of all, or four full segments. The rest is left to the next, which
// is necessary as long as something is erased.
uint64_t RewrittenMax(const VectorIndex& index);

// The lists of a frozen index; a new geometry gets the number after that of the last one. Segments
// from which something was erased, and those of which less than half is alive, are written anew, as
// far as RewrittenMax() goes. What is long is done on all processors, with the priority of the
// calling thread, which alone asks `stop`. Nothing if `stop` (may be empty) said true, which is
// asked many times a second and, once it has, goes on saying so. Throws if there is no memory, and
// what FAISS throws.
MadeLists MakeLists(const VectorIndex& index, Upkeep upkeep, const std::function<bool()>& stop);

// The same under a geometry that was trained before this index was loaded, and of which is known
// that at least `changed` vectors have changed since then; nothing as well if it is not of this
// index's metric and dimension.
MadeLists MakeListsUnder(std::shared_ptr<Geometry> geometry, uint64_t changed,
                         const VectorIndex& index, const std::function<bool()>& stop);

// Lists for the segments of a frozen later version that `made` does not know, so that With() need
// not find them. False if `stop` said true; then `made` is of no use.
bool ListNewer(const VectorIndex& index, const std::function<bool()>& stop, MadeLists* made);

}  // namespace cordon
