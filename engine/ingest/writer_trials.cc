// The writer's part in what is only tried: a change is applied between two groups, and nothing of
// it is kept.
#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/ingest/writer.h"

namespace cordon {

StatusOr<Trial> Writer::Try(std::shared_ptr<Tenant> tenant, const Authenticated& caller,
                            store::v1::Mutation mutation) {
  WaitingTrial waiting{std::move(tenant), caller, std::move(mutation), {}};
  auto tried = waiting.tried.get_future();
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || trials_.size() >= limits::kTrials) {
      return Status(StatusCode::kResourceExhausted, "",
                    "too many changes wait to be tried; try again");
    }
    trials_.push_back(std::move(waiting));
    wake_.notify_one();
  }
  return tried.get();
}

void Writer::TryNext() {
  std::unique_lock lock(mutex_);
  WaitingTrial trial = std::move(trials_.front());
  trials_.pop_front();
  lock.unlock();
  trial.tried.set_value(TryOne(&trial));
}

// The head is what is published: all groups before are finished, and nothing is broken. Keys of
// documents' numbers that are still to come may be made: the next documents get them.
StatusOr<Trial> Writer::TryOne(WaitingTrial* waiting) {
  std::lock_guard lock(heads_mutex_);
  RETURN_IF_ERROR(broken());
  RETURN_IF_ERROR(clock_->Trusted());  // as a real one is refused
  const auto found = heads_.find(waiting->tenant->name);
  CORDON_CHECK(found != heads_.end());
  Head& head = found->second;
  const auto unnamed = [](std::string_view, std::string_view) { return std::string(); };
  Trial trial;
  trial.before = head.tenant->publisher.Pin(clock_);
  waiting->mutation.set_time_us(std::max(trial.now(), head.state.time));
  auto applied = Apply(ContextOf(&head, unnamed, {}), head.state, waiting->mutation);
  head.interner.Rollback();  // batch and new principals go as well: nothing of it was made
  RETURN_IF_ERROR(applied.status());
  RETURN_IF_ERROR(CheckNotRaised(head.state, applied->next, waiting->caller, applied->next.time));
  trial.after = std::move(applied->next);
  trial.collection = std::move(applied->collection);
  trial.rows = std::move(applied->rows);
  for (RowChange& change : trial.rows) {  // what they borrow goes with the mutation
    change.attributes = nullptr;
    for (auto& row : change.rows) row = {row.ordinal, row.class_id, nullptr, {}};
  }
  trial.more = applied->more;
  trial.sync = std::move(applied->sync);
  return trial;
}

}  // namespace cordon
