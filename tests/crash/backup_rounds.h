// Rounds of kills in which backups are asked for beside all else, and what the last of them gives:
// what was acknowledged is offered and whole, and with the journal and the keys as the kill left
// them it makes a store that has all that the two know, and nothing that was revoked or erased.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/random.h"
#include "tests/crash/served_store.h"

namespace cordon {

class BackupRounds {
 public:
  // Of so many rounds the last ones have backups, and after the last of these one is restored.
  static constexpr uint64_t kEvery = 25;
  static constexpr uint64_t kWithBackups = 5;

  // `store` outlives it.
  BackupRounds(ServedStore* store, uint64_t seed) : store_(*store), random_(seed) {}
  ~BackupRounds() { Join(); }

  // What happens in each round, numbered from 1. Before the clients begin:
  void Begin(uint64_t round);
  // Just before the kill.
  void StopIsNear();
  // After it, when the clients have stopped.
  void Died();
  // When the store serves again and nothing is pending.
  void Restarted();

  uint64_t made() const { return made_; }              // and acknowledged
  uint64_t broken_off() const { return broken_off_; }  // by a kill
  uint64_t restored() const { return restored_; }

 private:
  bool HasBackups() const { return left_ < kWithBackups; }
  void Remember();
  void Call();
  void Join();
  void KeepWitnesses();
  v1::ListBackupsResponse CheckOffered();
  void CheckRefused(uint32_t backup);
  void RestoreAndCheck(const v1::Backup& backup);
  // What the lanes must have in a store whose backup holds the revisions up to `held`, and whose
  // journal tells those up to `told`.
  std::vector<Lane> Expected(uint64_t held, uint64_t told) const;
  void CheckFiles(const std::vector<Lane>& lanes) const;
  void CheckServed(std::vector<Lane> lanes, uint64_t revision) const;
  // The exit code of `cordond restore`, and what it says.
  int Restore(uint32_t backup, std::string* output) const;
  DataPaths paths() const;  // of the restored store

  ServedStore& store_;
  Random random_;
  uint64_t left_ = kEvery;  // rounds until one is restored
  std::thread caller_;
  std::atomic<bool> near_{false};
  std::atomic<bool> under_way_{false};
  std::string problem_;                   // the caller's, until it is joined
  std::vector<v1::Backup> acknowledged_;  // since Remember(); likewise
  std::vector<LaneState> remembered_;     // of each client, then
  uint64_t newest_ = 0;                   // revision that was acknowledged before the kill
  uint64_t made_ = 0;
  uint64_t broken_off_ = 0;
  uint64_t restored_ = 0;
};

}  // namespace cordon
