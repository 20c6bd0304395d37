// The expected state as a file: what a process that may die any moment says about its lanes, and
// how another process learns of it.
//
//   B LANE              the lane's next change is under way
//   A LANE REVISION ID  its oldest pending change was acknowledged; ID is of a created key, or "-"
//   S LANE COUNT        after a crash, so many of the lane's changes were found in the store
//   T NAME, U NAME      a tenant is being created; was acknowledged
//
// The changes themselves follow from the lane's seed.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/random_changes.h"

namespace cordon {

class ExpectedFile {
 public:
  // The lanes as the file, which may be absent, says.
  ExpectedFile(std::string file, uint64_t seed);

  struct Driven {
    Lane lane;
    RandomChanges changes;
  };
  std::vector<Driven>& lanes() { return lanes_; }
  // Acknowledged ones.
  const std::set<std::string>& tenants() const { return tenants_; }

  // Each says it in the file first, or last, so that a crash in between shows as pending.
  const Change& Begin(Driven* driven);
  void Acknowledge(Driven* driven, const Told& told);
  void Settled();
  void BeginTenant(const std::string& name);
  void AcknowledgeTenant(const std::string& name);

  // Key ids are given by the principal here, so that a lane knows those of pending keys too.
  static std::string KeyIdOf(const std::string& principal) { return "default." + principal; }

 private:
  void Say(const std::string& line);
  void Replay(const std::string& line);
  Driven* Find(const std::string& name);

  const std::string file_;
  std::vector<Driven> lanes_;
  std::set<std::string> tenants_;
};

}  // namespace cordon
