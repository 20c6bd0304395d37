#include "engine/base/stand_back.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace cordon {
namespace {

constexpr int kNiceMost = 19;

// Steps below the process's own priority, which need not be 0. Of a busy processor whoever asks
// gets three times as much as a writer, and a writer three times as much as upkeep.
constexpr int kBehindReaders = 5;
constexpr int kBehindWriters = 10;

// A thread that wakes up takes the processor at once from one whose slice is longer than its own
// (Linux 6.12 and later); else it may wait for the next tick of 4 ms, at each step of a call. So
// this is longer than the kernel's own slice, 3 ms at most, and not much: the longer it is, the
// later its turn comes.
constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(5);

// As sched_setattr(2) has it; the C library does not before glibc 2.41.
struct Attributes {
  uint32_t size = sizeof(Attributes);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0x08;  // SCHED_FLAG_KEEP_POLICY: of who starts the server
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // the slice; kernels before 6.12 pass over it
  uint64_t deadline = 0;
  uint64_t period = 0;
};
static_assert(sizeof(Attributes) == 48);

}  // namespace

// Where it is refused, who waits for whom is another, and nothing else.
void StandBack(Behind whom) {
  const int steps = whom == Behind::kReaders ? kBehindReaders : kBehindWriters;
  Attributes attributes;
  attributes.nice = std::min(getpriority(PRIO_PROCESS, 0) + steps, kNiceMost);
  attributes.runtime = kSlice.count();
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return;
  // An old kernel, or a sandbox that knows the older call alone.
  setpriority(PRIO_PROCESS, 0, attributes.nice);
}

}  // namespace cordon
