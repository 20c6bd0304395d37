// Threads of tests have no names. RocksDB names its own through files below /proc, one for each,
// and to wait for a child to end is then to wait, at a processor's cost, until the kernel has
// forgotten these: 8 to 13 ms, a third of what it takes to open a store in a child.
#include <sys/types.h>

// Found here before the C library's by everything in the process.
extern "C" int pthread_setname_np(pthread_t, const char*) noexcept { return 0; }
