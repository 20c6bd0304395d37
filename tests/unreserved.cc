// Stores of tests reserve no room on their disk. RocksDB reserves 70 MB for each log that it
// begins: nothing to a real disk, but on one in memory (TESTS_IN of the Makefile) as much work as
// to make a store. It passes over a refusal, and what is written takes its room all the same.
#include <sys/types.h>

// Found here before the C library's by everything in the process.
extern "C" int fallocate(int, int, off_t, off_t) { return 0; }
