// Named places at which a process dies as by kill -9.
//
// A crash can only show in what lies on disk and in what was answered. So the places are every
// change of a file (before it, after it, and halfway through a write), caught at the system calls
// that engine, RocksDB and the standard library make in this process, and RocksDB's own sync
// points, which Debian's build has. What happens between two of them leaves the same files behind.
//
// Names: "KIND.CALL.WHEN", such as "wal.sync.before" or "journal.write.half"; or a sync point's.
//
// At a place of the files of the index and of the keys, other things may happen as well: the power
// goes off, and with it what of these files was not synced, or the call fails.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cordon {

enum class Mishap {
  kKilled,
  kPowerLost,  // what of index/ and keys/ was not synced is gone or garbled; the rest is as it was
  kFails,      // the call says EIO, done or not, and what comes later works
  kDiskFull,   // nothing can be created or written in index/ and keys/ any more, from then on
};

// What happens at the place that DieAt() names; kKilled if nothing was said. To be said before.
void HappensThere(Mishap mishap);
// Whether it has happened.
bool HasHappened();

// From now on the process dies when it comes to `name` for the `nth` time, from 1; an empty name
// only counts. `root` is the data directory whose files are watched.
void DieAt(const std::string& root, const std::string& name, uint64_t nth,
           const std::vector<std::string>& sync_points);

// Comes to a place of the test's own.
void ComeTo(const std::string& name);

// How often each place was come to.
std::map<std::string, uint64_t> PlacesSeen();

// Appends to a file past the watch, in one piece: what a process says before it dies.
void AppendUnwatched(const std::string& file, const std::string& text);

}  // namespace cordon
