// What a tenant's journal tells of the numbers of documents, of which a backup, or a store that
// lost something, knows only the older ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cordon/journal/v1/record.pb.h"

namespace cordon {

class ToldNumbers {
 public:
  void Take(const journal::v1::Record& record) {
    const auto& replay = record.replay();
    for (const uint64_t number : replay.removed()) Name(number);
    for (const auto& access : replay.access()) Name(access.now());
    if (record.has_fork()) {
      forks_.push_back(record.fork());
      forked_at_ = record.sequence();
      end_ = std::max(end_, record.fork().lost_to());
    }
    if (!replay.erased()) return;
    erased_.insert(erased_.end(), replay.removed().begin(), replay.removed().end());
  }

  // Whose keys are to be destroyed, again and again: the keys may be an older copy.
  const std::vector<uint64_t>& erased() const { return erased_; }
  // What restores gave up: of these numbers, too.
  const std::vector<journal::v1::Fork>& forks() const { return forks_; }
  bool IsLost(uint64_t number) const {
    return std::any_of(forks_.begin(), forks_.end(), [&](const journal::v1::Fork& fork) {
      return number >= fork.lost_from() && number < fork.lost_to();
    });
  }
  // The record of the last restore; 0 if there was none.
  uint64_t forked_at() const { return forked_at_; }
  // The first number behind all that are named. None before it may be given once more.
  uint64_t end() const { return end_; }

 private:
  void Name(uint64_t number) { end_ = std::max(end_, number + 1); }

  std::vector<uint64_t> erased_;
  std::vector<journal::v1::Fork> forks_;
  uint64_t forked_at_ = 0;
  uint64_t end_ = 0;
};

}  // namespace cordon
