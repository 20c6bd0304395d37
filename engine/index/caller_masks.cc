#include "engine/index/caller_masks.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "engine/base/planted.h"

namespace cordon {
namespace {

// Four chains, so that they overlap. Equality decides; this only finds.
uint64_t Hash(std::span<const uint64_t> words, uint64_t events) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  uint64_t h[4] = {events, 1, 2, 3};
  size_t i = 0;
  for (; i + 4 <= words.size(); i += 4) {
    for (size_t j = 0; j < 4; ++j) h[j] = std::rotl((h[j] ^ words[i + j]) * kOdd, 29);
  }
  for (; i < words.size(); ++i) h[i % 4] = std::rotl((h[i % 4] ^ words[i]) * kOdd, 29);
  return ((h[0] * kOdd ^ h[1]) * kOdd ^ h[2]) * kOdd ^ h[3];
}

}  // namespace

CallerMasks::CallerMasks(const ListPart& part, size_t lists, Bitmap rows, Total total)
    : part_(part), rows_(std::move(rows)), total_(std::move(total)), lists_(lists) {
  Hold(sizeof(*this) + lists * sizeof(lists_[0]) + rows_.words().size_bytes());
}

CallerMasks::~CallerMasks() {
  for (const auto& list : lists_) delete list.load(std::memory_order_relaxed);
  if (total_ != nullptr) total_->fetch_sub(bytes_, std::memory_order_relaxed);
}

void CallerMasks::Hold(size_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (total_ != nullptr) total_->fetch_add(bytes, std::memory_order_relaxed);
}

const ListMask& CallerMasks::Of(uint32_t list) {
  const ListMask* known = lists_[list].load(std::memory_order_acquire);
  if (known != nullptr) return *known;
  std::unique_ptr<const ListMask> made(Make(list));
  if (!lists_[list].compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
    return *known;  // another thread was quicker
  }
  Hold(sizeof(ListMask) + made->masks.size() * sizeof(uint32_t));
  return *made.release();
}

const ListMask* CallerMasks::Make(uint32_t list) const {
  auto mask = std::make_unique<ListMask>();
  const ListRange range = part_.Find(list);
  mask->masks.resize(range.end_block() - range.first_block());
  for (size_t entry = range.begin; entry < range.end; ++entry) {
    const auto bit = static_cast<uint32_t>(rows_.Test(part_.blocks().id(entry)));
    mask->masks[entry / kBlockEntries - range.first_block()] |= bit << entry % kBlockEntries;
    mask->count += bit;
  }
  return mask.release();
}

std::optional<CallerMasks::CoveredRows> CallerMasks::covered_rows() const {
  std::lock_guard lock(covered_mutex_);
  return covered_;
}

void CallerMasks::SetCoveredRows(CoveredRows rows) {
  std::lock_guard lock(covered_mutex_);
  covered_ = rows;
}

// Masks are made without the lock: all rows may be looked at for them, and others search meanwhile.
std::shared_ptr<CallerMasks> MaskCache::Find(
    std::span<const uint64_t> classes, uint64_t events,
    const std::function<std::shared_ptr<CallerMasks>()>& make) {
  if (Planted(Bug::kMasksWithoutCaller)) classes = {};
  const uint64_t hash = Hash(classes, events);
  {
    std::lock_guard lock(mutex_);
    if (auto known = Known(hash, classes, events)) return known;
  }
  Entry entry{{classes.begin(), classes.end()}, make()};
  if (entry.masks == nullptr) return nullptr;
  entry.key.push_back(events);
  std::lock_guard lock(mutex_);
  if (auto known = Known(hash, classes, events)) return known;  // another thread was faster
  entries_.push_front(std::move(entry));
  by_hash_.emplace(hash, entries_.begin());
  std::shared_ptr<CallerMasks> masks = entries_.front().masks;
  Evict();
  return masks;
}

// Requires mutex_. Null if there are none.
std::shared_ptr<CallerMasks> MaskCache::Known(uint64_t hash, std::span<const uint64_t> classes,
                                              uint64_t events) {
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto found = begin; found != end; ++found) {
    const std::vector<uint64_t>& key = found->second->key;
    if (key.size() != classes.size() + 1 || key.back() != events) continue;
    if (!std::equal(classes.begin(), classes.end(), key.begin())) continue;
    entries_.splice(entries_.begin(), entries_, found->second);
    Evict();  // it may have grown since, and others
    return entries_.front().masks;
  }
  return nullptr;
}

// Requires mutex_. The one in use stays, however large.
void MaskCache::Evict() {
  while (bytes() > bytes_max_ && entries_.size() > 1) {
    const auto gone = std::prev(entries_.end());
    const uint64_t events = gone->key.back();
    const std::span<const uint64_t> classes(gone->key.data(), gone->key.size() - 1);
    const auto [begin, end] = by_hash_.equal_range(Hash(classes, events));
    by_hash_.erase(std::find_if(begin, end, [&](const auto& e) { return e.second == gone; }));
    entries_.erase(gone);
  }
}

}  // namespace cordon
