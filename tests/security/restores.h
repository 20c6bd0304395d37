// The backups of one world, and the restores from which it goes on.
#pragma once

#include <cstdint>

#include "tests/security/draw.h"
#include "tests/security/mirrored_tenant.h"

namespace cordon {

// Borrows both.
class Restores {
 public:
  Restores(Draw* draw, MirroredTenant* tenant) : draw_(*draw), tenant_(*tenant) { Wait(); }

  // After each step of the world: sometimes a backup, an erasure of what it may hold, or the
  // restore of it, of which a second one may follow. False if the engine did not start again.
  bool Step();

  uint64_t made() const { return made_; }

 private:
  void Wait() { wait_ = 3 + draw_.Below(9); }
  void EraseSomething();

  Draw& draw_;
  MirroredTenant& tenant_;
  size_t wait_ = 0;         // steps to the next backup or restore
  bool backed_up_ = false;  // a backup is there
  bool restored_ = false;   // and was restored already
  uint64_t made_ = 0;
};

}  // namespace cordon
