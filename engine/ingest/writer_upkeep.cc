// The writer's part in the upkeep of its indexes: when it begins, and how what was made comes in.
#include <chrono>
#include <utility>

#include "engine/ingest/writer.h"

namespace cordon {
namespace {

// Rows whose lists are found while writes wait: some 25 ms. More are left to the worker, unless
// they come faster than it finds them.
constexpr uint64_t kListedAtOnce = 512;
constexpr int kCatchUps = 8;

constexpr std::chrono::minutes kInRush{1};  // between two looks at files while much is written

}  // namespace

void Writer::LookAfter(Head* head) {
  for (const auto& [name, collection] : *head->state.collections) {
    const bool pinned = collection->config.pin_geometry();
    LookAfter(head, collection->space, pinned);
    // Its lists are to be there when it is switched to.
    if (collection->other) LookAfter(head, collection->other->number, pinned);
  }
}

void Writer::LookAfter(Head* head, uint32_t space, bool pinned) {
  const auto found = head->indexes.find(space);
  if (found == head->indexes.end()) return;
  VectorIndex& index = found->second.vectors;
  const bool trains = TrainsNow(index);
  const Upkeep needed = NeededUpkeep(index, pinned || !trains);
  if (needed == Upkeep::kTrain && !trains) return;  // there are no lists yet
  const IndexName index_name{head->tenant->name, space};
  if (needed == Upkeep::kNone || upkeep_->Busy(index_name, needed)) return;
  index = index.Frozen();
  upkeep_->Start(index_name, index, needed);
}

// A training that a third more rows makes due is of use for a quarter of the next ones: while they
// rush in, lists wait until they would be of half of the rows, and the first ones for the end.
bool Writer::TrainsNow(const VectorIndex& index) const {
  if (!rush_.on()) return true;
  if (index.lists() == nullptr) return rush_.HasLasted(Rush::kLong, Rush::Clock::now());
  return index.changed() > index.lists()->geometry().rows();
}

void Writer::LookAfterAll() {
  std::lock_guard lock(heads_mutex_);
  if (!broken().ok()) return;
  rush_.Look(Rush::Clock::now());
  HoldSnapshot();
  for (auto& [name, head] : heads_) LookAfter(&head);
  if (keeper_ != nullptr) KeepFiles();
}

// While much is written, segments come and go.
void Writer::KeepFiles() {
  const auto now = Rush::Clock::now();
  if (rush_.on() && now - files_kept_ < kInRush) return;
  files_kept_ = now;
  for (auto& [name, head] : heads_) {
    const PinnedView published = head.tenant->publisher.Pin(clock_);  // all of it is on the disk
    for (const auto& [id, index] : published->indexes()) keeper_->Offer(head.state.id, id, index);
  }
}

// RocksDB writes each file of the lowest level anew as soon as nobody sees an older state than all
// of it, to do without sequence numbers: with a View for each group, everything twice, at once.
// While there is a rush an old snapshot puts that off.
void Writer::HoldSnapshot() {
  const auto now = Rush::Clock::now();
  if (!rush_.on()) return held_.reset();
  if (held_ != nullptr && now - held_since_ < kInRush) return;
  held_ = database_->TakeSnapshot();
  held_since_ = now;
}

// Writes wait meanwhile, so lists for more than a few rows are found beside them. What is finished
// is taken under the lock: until its lists are in, nobody may freeze the index anew.
void Writer::TakeIn() {
  std::lock_guard lock(heads_mutex_);
  for (FinishedUpkeep& done : upkeep_->TakeFinished()) {
    const auto head = heads_.find(done.name.tenant);
    if (head == heads_.end()) continue;
    const auto index = head->second.indexes.find(done.name.collection);
    if (index == head->second.indexes.end()) continue;  // the collection is gone
    VectorIndex& vectors = index->second.vectors;
    if (done.made.lists != nullptr && done.catch_ups < kCatchUps &&
        vectors.RowsToList(done.made) > kListedAtOnce) {
      vectors = vectors.Frozen();
      upkeep_->CatchUp(std::move(done), vectors);
      continue;
    }
    vectors = done.made.lists == nullptr ? vectors.Thawed() : vectors.With(done.made);
    head->second.changed = true;
  }
}

}  // namespace cordon
