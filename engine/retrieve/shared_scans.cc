#include "engine/retrieve/shared_scans.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/base/planted.h"
#include "engine/index/scan.h"

namespace cordon {
namespace {

bool MayShare(const v1::RetrieveRequest& question) {
  return !question.has_filter() && question.rank() != v1::RANK_LEXICAL &&
         question.context().rerank().empty();
}

// The whole scope, whatever it comes to hold.
bool AskAlike(const v1::RetrieveRequest& a, const v1::RetrieveRequest& b) {
  return a.collection() == b.collection() && a.mode() == b.mode() &&
         a.recall_target() == b.recall_target() &&
         (a.scope().SerializeAsString() == b.scope().SerializeAsString() ||
          Planted(Bug::kScanOfAnother));
}

// Whether both may see the same rows of the same index.
bool SeeAlike(const PreparedQuestion& a, const PreparedQuestion& b) {
  return a.access.view.view == b.access.view.view && a.access.collection == b.access.collection &&
         a.allowed.now == b.allowed.now &&
         (std::ranges::equal(a.allowed.classes.words(), b.allowed.classes.words()) ||
          Planted(Bug::kScanOfAnother));
}

}  // namespace

SharedScans::SharedScans(const ReadContext& context, const v1::BatchRetrieveRequest& batch)
    : context_(context), batch_(batch), places_(static_cast<size_t>(batch.queries_size())) {}

SharedScans::Share SharedScans::Alone() const {
  return {RecordOf("BatchRetrieve", context_.caller, *context_.tenant), std::nullopt};
}

SharedScans::Share SharedScans::Take(int i) {
  Place& place = places_[static_cast<size_t>(i)];
  if (!place.tried) Search(i);
  if (!place.share) return Alone();
  Share share = *std::move(place.share);
  place.share.reset();  // its View may go
  return share;
}

// The questions from the first to before this one may share a scan.
int SharedScans::EndOfGroup(int first) const {
  int end = first;
  while (end < batch_.queries_size() && static_cast<size_t>(end - first) < Scan::kQueriesMax &&
         MayShare(batch_.queries(end)) && AskAlike(batch_.queries(first), batch_.queries(end))) {
    ++end;
  }
  return end;
}

// Those of the group that share, up to the first that does not: it may be answered slowly. What is
// refused is refused again, with its record, in its turn.
std::vector<int> SharedScans::PrepareGroup(int first) {
  const int end = EndOfGroup(first);
  std::vector<int> sharers;
  if (end - first < 2) return sharers;
  for (int i = first; i < end; ++i) {
    Place& place = places_[static_cast<size_t>(i)];
    Share share = Alone();
    auto prepared = Prepare(context_, batch_.queries(i), &share.record);
    if (!prepared.ok() || prepared->embeds()) {
      place.tried = true;
      break;
    }
    if (!sharers.empty()) {
      const Place& other = places_[static_cast<size_t>(sharers.front())];
      if (!SeeAlike(*other.share->prepared, *prepared)) break;  // of a later View
    }
    share.prepared = *std::move(prepared);
    place.share = std::move(share);
    sharers.push_back(i);
  }
  return sharers;
}

// True if each has what is found for it.
bool SharedScans::SearchFor(const std::vector<int>& sharers) {
  std::vector<PreparedQuestion*> prepared;
  std::vector<VectorQuestion> questions;
  for (const int i : sharers) {
    PreparedQuestion& its = *places_[static_cast<size_t>(i)].share->prepared;
    prepared.push_back(&its);
    const size_t count = FirstByVector(its.question, its.plan.BeforeDiversity());
    questions.push_back({its.question.vector, count, its.question.rank == v1::RANK_HYBRID});
  }
  const PreparedQuestion& any = *prepared.front();
  const SearchOptions options{
      .mode = any.question.mode, .recall = any.question.recall, .stop = context_.stop};
  auto answers =
      any.access.view->index(*any.access.collection).SearchMany(any.allowed, questions, options);
  if (!answers.ok()) return false;
  for (size_t i = 0; i < prepared.size(); ++i) {
    prepared[i]->question.ahead =
        std::make_shared<const FoundAhead>(FoundAhead{questions[i].k, std::move((*answers)[i])});
  }
  return true;
}

void SharedScans::Search(int first) {
  const std::vector<int> sharers = PrepareGroup(first);
  places_[static_cast<size_t>(first)].tried = true;
  for (const int i : sharers) places_[static_cast<size_t>(i)].tried = true;
  if (sharers.size() > 1 && SearchFor(sharers)) return;
  // Each finds out by itself what is wrong, and holds no View until then.
  for (const int i : sharers) places_[static_cast<size_t>(i)].share.reset();
}

}  // namespace cordon
