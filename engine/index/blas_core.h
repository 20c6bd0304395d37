// Which of its kernels OpenBLAS uses.
#pragma once

#include <string>

namespace cordon {

// Debian's OpenBLAS (0.3.21, of 2022) takes a processor that it does not know for one of 2004, on
// which training takes several times as long. This has it use what the processor has: of AVX-512 or
// AVX2. Nothing is changed where it knows the processor, where OPENBLAS_CORETYPE says what to take,
// or where this is another OpenBLAS. Call it once, in main() before there are other threads: it
// sets that variable.
void ChooseBlasCore();

// The name of what it uses now, as OpenBLAS calls it.
std::string BlasCore();

}  // namespace cordon
