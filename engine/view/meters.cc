#include "engine/view/meters.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/planted.h"

namespace cordon {
namespace {

constexpr Micros kSecond = 1'000'000;
constexpr Micros kMinute = 60 * kSecond;
constexpr Micros kDay = 24 * 60 * kMinute;

// Until the next begins.
int64_t RestOf(Micros span, Micros now) { return (span - now % span) / 1000 + 1; }

Status Within(std::string_view field, const std::optional<uint64_t>& bound, uint64_t used,
              uint64_t more, Micros span, Micros now) {
  if (!bound || (used <= *bound && more <= *bound - used)) return OkStatus();
  return Exhausted(field,
                   fmt::format("the key's quota of {} has {} left, and this takes {}; wait, ask "
                               "for less, or ask an admin for more",
                               *bound, *bound - std::min(used, *bound), more),
                   RestOf(span, now));
}

}  // namespace

store::v1::UsageRecord& Meters::Table::At(std::string_view name, Micros now) {
  auto it = used.find(name);
  if (it == used.end()) it = used.emplace(std::string(name), store::v1::UsageRecord()).first;
  auto& record = it->second;
  if (record.day() < now / kDay) {
    record.set_day(now / kDay);
    record.set_passages(0);
    record.set_tokens(0);
  }
  if (record.minute() < now / kMinute) {
    record.set_minute(now / kMinute);
    record.set_requests(0);
  }
  return record;
}

void Meters::Table::Add(std::string_view name, Amount amount, Micros now) {
  auto& record = At(name, now);
  record.set_passages(record.passages() + amount.passages);
  record.set_tokens(record.tokens() + amount.tokens);
  if (!changed.contains(name)) changed.emplace(name);
}

void Meters::Table::CountCall(std::string_view name, Micros now) {
  auto& record = At(name, now);
  record.set_requests(record.requests() + 1);
  if (!changed.contains(name)) changed.emplace(name);
}

void Meters::Table::Put(uint32_t tenant, Batch* batch) {
  for (const auto& name : changed) {
    batch->Put(Family::kHeads, key(tenant, name), used.find(name)->second);
  }
  changed.clear();
}

void Meters::Table::DropBefore(int64_t day, uint32_t tenant, Batch* batch) {
  std::erase_if(used, [&](const auto& entry) {
    if (entry.second.day() >= day) return false;
    batch->Delete(Family::kHeads, key(tenant, entry.first));
    return true;
  });
}

UsageRecords Meters::Table::Today(Micros now) const {
  UsageRecords today;
  for (const auto& [name, record] : used) {
    if (record.day() < now / kDay) continue;
    auto& copy = today[name] = record;
    if (record.minute() < now / kMinute) copy.set_requests(0);
  }
  return today;
}

Status Meters::CheckQuota(std::string_view field, const std::optional<uint64_t>& bound,
                          uint64_t used, uint64_t more, Micros span, Micros now) {
  Status within = Within(field, bound, used, more, span, now);
  if (!within.ok()) ++totals_.refused;
  return within;
}

Status Meters::Admit(const Authenticated& caller, Micros now) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckQuota("quota.requests_per_minute", caller.grant().quota.requests_per_minute,
                             keys_.At(caller.key_id(), now).requests(), 1, kMinute, now));
  keys_.CountCall(caller.key_id(), now);
  return OkStatus();
}

Status Meters::Charge(const Authenticated& caller, const std::string& destination, Amount amount,
                      Micros now, Amount counted) {
  if (Planted(Bug::kQuotaNotCharged)) return OkStatus();
  CORDON_CHECK(counted.passages <= amount.passages && counted.tokens <= amount.tokens);
  const Amount more = amount.Without(counted);
  const Quota& quota = caller.grant().quota;
  std::lock_guard lock(mutex_);
  const auto& used = keys_.At(caller.key_id(), now);
  RETURN_IF_ERROR(CheckQuota("quota.passages_per_day", quota.passages_per_day, used.passages(),
                             more.passages, kDay, now));
  RETURN_IF_ERROR(CheckQuota("quota.tokens_per_day", quota.tokens_per_day, used.tokens(),
                             more.tokens, kDay, now));
  keys_.Add(caller.key_id(), more, now);
  destinations_.Add(destination, amount, now);
  totals_.left.passages += more.passages;
  totals_.left.tokens += more.tokens;
  return OkStatus();
}

void Meters::Load(UsageRecords keys, UsageRecords destinations) {
  if (Planted(Bug::kUsageForgotten)) return;
  std::lock_guard lock(mutex_);
  keys_.used = std::move(keys);
  destinations_.used = std::move(destinations);
}

void Meters::Replay(const journal::v1::Record& record) {
  if (record.key_id().empty() || Planted(Bug::kUsageForgotten)) return;
  std::lock_guard lock(mutex_);
  const Amount amount{record.passages(), record.tokens()};
  keys_.CountCall(record.key_id(), record.time_us());
  if (amount.passages == 0) return;
  const Amount counted{std::min<uint64_t>(record.counted_passages(), amount.passages),
                       std::min(record.counted_tokens(), amount.tokens)};
  keys_.Add(record.key_id(), amount.Without(counted), record.time_us());
  destinations_.Add(record.destination(), amount, record.time_us());
}

void Meters::PutChanged(uint32_t tenant, Micros now, Batch* batch) {
  std::lock_guard lock(mutex_);
  keys_.Put(tenant, batch);
  destinations_.Put(tenant, batch);
  if (dropped_before_ >= now / kDay) return;
  dropped_before_ = now / kDay;
  keys_.DropBefore(dropped_before_, tenant, batch);
  destinations_.DropBefore(dropped_before_, tenant, batch);
}

Meters::Totals Meters::totals() const {
  std::lock_guard lock(mutex_);
  return totals_;
}

UsageRecords Meters::Keys(Micros now) const {
  std::lock_guard lock(mutex_);
  return keys_.Today(now);
}

UsageRecords Meters::Destinations(Micros now) const {
  std::lock_guard lock(mutex_);
  return destinations_.Today(now);
}

}  // namespace cordon
