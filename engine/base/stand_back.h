// Which threads come first while processors are short: those of whoever asks (gRPC's, the
// executor's, the journal's), which are left as they are. All others stand back.
#pragma once

namespace cordon {

enum class Behind {
  kReaders,  // what is written is prepared, applied and stored
  kWriters,  // what is derived from it, for which nobody waits
};

// From now on the calling thread stands behind these, and so do those that it starts. There is no
// way back: an unprivileged process may not raise a priority again.
void StandBack(Behind whom);

}  // namespace cordon
