// Proof that a record of a call was taken down: what a response must be written with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace cordon {

// Only a Journal makes one, once the record is durable (or queued, for a buffered one). Cheap to
// copy. Thread-safe.
class JournalReceipt {
 public:
  // The record's number in its tenant's journal.
  uint64_t sequence() const { return sequence_; }

  // "TENANT-SEQUENCE", the journal id of a response.
  std::string id() const { return *tenant_ + "-" + std::to_string(sequence_); }

 private:
  friend class Journal;
  JournalReceipt(std::shared_ptr<const std::string> tenant, uint64_t sequence)
      : tenant_(std::move(tenant)), sequence_(sequence) {}

  std::shared_ptr<const std::string> tenant_;
  uint64_t sequence_;
};

}  // namespace cordon
