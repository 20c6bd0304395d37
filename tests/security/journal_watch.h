// What calls left in the journal, for tests that compare it with what they called.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/security/credentials.h"

namespace cordon {

// The records of one tenant that calls left, the watch's own and its admin's aside.
class JournalWatch {
 public:
  JournalWatch(ServedStore* store, const ServedStore::Key& admin, std::string helper = "")
      : store_(store),
        admin_(admin.id),
        helper_(std::move(helper)),
        key_(store->MakeKey(admin, GrantOf(EveryRight(), kEveryReach))) {
    New();
  }

  // Those since the last call, oldest first.
  std::vector<v1::JournalLine> New() {
    auto read = Newest(kUsual);
    const uint64_t since = NumberOf(read.journal_id()) - last_;  // its own record is one of them
    if (since > kUsual) read = Newest(std::min(since, kMost));
    std::vector<v1::JournalLine> lines;
    for (const auto& line : read.lines()) {
      const bool own = line.key_id() == key_.id || line.key_id() == admin_ ||
                       line.key_id() == helper_ ||
                       line.call() == "ErasureVerified";  // which nobody called
      if (NumberOf(line.journal_id()) > last_ && !own) lines.push_back(line);
    }
    last_ = NumberOf(read.journal_id());
    return lines;
  }

  uint64_t Revision() {
    return store_->Do<v1::ListKeysResponse>(key_, "Admin/ListKeys", "").revision();
  }

 private:
  static constexpr uint64_t kUsual = 20;   // mostly a call or two have come
  static constexpr uint64_t kMost = 1000;  // that can be asked for

  v1::QueryJournalResponse Newest(uint64_t count) {
    return store_->Do<v1::QueryJournalResponse>(key_, "Admin/QueryJournal",
                                                "limit: " + std::to_string(count));
  }
  static uint64_t NumberOf(const std::string& journal_id) {
    return std::stoull(journal_id.substr(journal_id.rfind('-') + 1));
  }

  ServedStore* const store_;
  const std::string admin_;
  const std::string helper_;
  const ServedStore::Key key_;
  uint64_t last_ = 0;
};

}  // namespace cordon
