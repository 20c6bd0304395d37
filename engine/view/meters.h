// What keys use and destinations receive, against the quotas of the keys.
//
// Counted is what leaves: passages and their approximate tokens in a day, calls in a minute, of UTC
// by the clock that never runs backwards. Whatever is counted has a journal record that is appended
// later; with the anchor the store keeps the counts (Writer::AnchorHead), and a start adds the
// records behind the anchor. So a restart, or a loop of crashes, forgets nothing that left under
// `journal: required`, and may count twice what was under way: never less than what left. Under
// `buffered` a crash loses what the journal loses, a second at most.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cordon/journal/v1/record.pb.h"
#include "cordon/store/v1/records.pb.h"
#include "engine/base/clock.h"
#include "engine/policy/grant.h"
#include "engine/store/database.h"
#include "engine/store/load.h"

namespace cordon {

// What one answer holds.
struct Amount {
  uint64_t passages = 0;
  uint64_t tokens = 0;

  // Without `part`, which is a part of it.
  Amount Without(Amount part) const { return {passages - part.passages, tokens - part.tokens}; }
};

// Of one tenant; at most one entry for each of its keys, issuers and destinations. Thread-safe.
class Meters {
 public:
  // Counts one call. RESOURCE_EXHAUSTED, with the rest of the minute as delay, beyond the quota.
  Status Admit(const Authenticated& caller, Micros now);

  // Counts what is about to leave for the destination, and what of it is not `counted` yet for the
  // key: the same text may leave for an endpoint and then for the caller. RESOURCE_EXHAUSTED, with
  // the rest of the day as delay, if that is beyond the quota: then nothing of it is counted, and
  // nothing may leave.
  Status Charge(const Authenticated& caller, const std::string& destination, Amount amount,
                Micros now, Amount counted = {});

  // At start: what the store kept, and then each record of the journal behind the anchor.
  void Load(UsageRecords keys, UsageRecords destinations);
  void Replay(const journal::v1::Record& record);

  // Puts what has changed since the last call into `batch`, and drops what is of past days.
  void PutChanged(uint32_t tenant, Micros now, Batch* batch);

  // What was counted and refused since the start, of all keys together; nothing that Load() and
  // Replay() bring.
  struct Totals {
    Amount left;
    uint64_t refused = 0;  // by a quota: calls and answers
  };
  Totals totals() const;

  // As of `now`: those of today.
  UsageRecords Keys(Micros now) const;
  UsageRecords Destinations(Micros now) const;

 private:
  struct Table {
    UsageRecords used;
    std::set<std::string, std::less<>> changed;  // since the last PutChanged()
    std::string (*key)(uint32_t tenant, std::string_view name);

    // The record of that name as of `now`: a new day or minute begins at 0.
    store::v1::UsageRecord& At(std::string_view name, Micros now);
    void Add(std::string_view name, Amount amount, Micros now);
    void CountCall(std::string_view name, Micros now);
    void Put(uint32_t tenant, Batch* batch);
    void DropBefore(int64_t day, uint32_t tenant, Batch* batch);
    UsageRecords Today(Micros now) const;
  };

  // Whether that much more is within the quota, counting a refusal. Requires mutex_.
  Status CheckQuota(std::string_view field, const std::optional<uint64_t>& bound, uint64_t used,
                    uint64_t more, Micros span, Micros now);

  mutable std::mutex mutex_;
  Totals totals_;                                    // guarded by mutex_
  Table keys_{{}, {}, KeyUsageKey};                  // guarded by mutex_
  Table destinations_{{}, {}, DestinationUsageKey};  // guarded by mutex_
  int64_t dropped_before_ = 0;                       // a day; guarded by mutex_
};

}  // namespace cordon
