// The writer's part in the upkeep of its indexes: when it begins, and how what was made comes in.
#include <utility>

#include "engine/ingest/writer.h"

namespace cordon {
namespace {

// Rows whose lists are found while writes wait: some 25 ms. More are left to the worker, unless
// they come faster than it finds them.
constexpr uint64_t kListedAtOnce = 512;
constexpr int kCatchUps = 8;

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
  const Upkeep needed = NeededUpkeep(index, pinned);
  const IndexName index_name{head->tenant->name, space};
  if (needed == Upkeep::kNone || upkeep_->Busy(index_name, needed)) return;
  index = index.Frozen();
  upkeep_->Start(index_name, index, needed);
}

void Writer::LookAfterAll() {
  std::lock_guard lock(heads_mutex_);
  if (!broken_.ok()) return;
  for (auto& [name, head] : heads_) {
    LookAfter(&head);
    if (keeper_ == nullptr) continue;
    for (const auto& [id, index] : head.indexes) keeper_->Offer(head.state.id, id, index);
  }
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
  if (broken_.ok()) PublishChanged();
}

}  // namespace cordon
