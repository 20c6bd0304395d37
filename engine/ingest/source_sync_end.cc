// What follows the last message of a listing: what is missing goes, or the difference is told.
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/stop.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/ingest/selection.h"
#include "engine/ingest/source_sync.h"

namespace cordon {
namespace {

void TellIds(std::vector<std::string>* ids, google::protobuf::RepeatedPtrField<std::string>* out) {
  std::sort(ids->begin(), ids->end());
  out->Assign(ids->begin(), ids->end());
}

}  // namespace

void SourceSync::Commit(const WriteContext& context, std::function<bool()> stop,
                        Acknowledge<v1::SyncSourceResponse> done) {
  CORDON_CHECK(whole_ && context.background != nullptr);
  const bool queued = context.background->Submit(
      [this, context, stop = std::move(stop), done] { Finish(context, stop, done); });
  if (queued) return;
  Refuse(
      context,
      Status(StatusCode::kResourceExhausted, "", "too many listings wait to be ended; try again"),
      done);
}

void SourceSync::Finish(const WriteContext& context, const std::function<bool()>& stop,
                        const Acknowledge<v1::SyncSourceResponse>& done) {
  const auto goes_on = [&] {
    if (!stop || !stop()) return OkStatus();
    return Status(StatusCode::kUnavailable, "",
                  "broken off, and nothing was deleted; send the listing again");
  };
  Status found = commit_.incomplete() ? OkStatus() : FindMissing(context, goes_on);
  if (found.ok()) found = CheckRemovals();
  if (!found.ok()) return Refuse(context, found, done);
  if (begin_.dry_run()) return DryRun(context, done);
  SendRest(context, stop, done);
}

Status SourceSync::CheckOnePage() const {
  if (page_ends_.empty()) return OkStatus();
  return Invalid("commit",
                 fmt::format("deletes more than the {} documents and {} MiB of them that one "
                             "revision changes; a dry run tells the difference",
                             limits::kDocumentsPerBatch, limits::kSelectedPageBytes >> 20));
}

StatusOr<store::v1::Mutation> SourceSync::AsOne(const WriteContext& context,
                                                const std::function<bool()>& stop) {
  CORDON_CHECK(whole_);
  const auto goes_on = [&] {
    const Status going = CheckGoesOn(stop);
    // The guard counts all that is missing.
    return going.ok() && begin_.allow_removals() ? CheckOnePage() : going;
  };
  if (!commit_.incomplete()) RETURN_IF_ERROR(FindMissing(context, goes_on));
  RETURN_IF_ERROR(CheckRemovals());
  RETURN_IF_ERROR(CheckOnePage());
  if (response_.refused_documents() > static_cast<uint64_t>(response_.refused_size())) {
    return Invalid("documents", "more are refused than one answer tells of; mend some first");
  }
  for (const uint64_t number : missing_) page_.add_removed(number);
  return TakePage();
}

Status SourceSync::FindMissing(const WriteContext& context,
                               const std::function<Status()>& goes_on) {
  const PinnedView view = tenant_->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection, Writable(context, *view.view, begin_.collection()));
  const auto visit = [&](const store::v1::DocumentRecord* record) -> Status {
    RETURN_IF_ERROR(goes_on());
    if (record != nullptr) Visit(*record, context.caller.grant());
    return OkStatus();
  };
  return VisitSource(*view.view, collection->id, begin_.source(), visit);
}

void SourceSync::Visit(const store::v1::DocumentRecord& record, const Grant& grant) {
  const v1::Document& document = record.document();
  // A key that writes some ids only has a part of the source, and lists that part.
  if (document.provenance().source() != begin_.source() || !grant.MayWriteId(document.id())) return;
  if (IsListed(document.id())) {
    ++kept_;
  } else if (record.number() >= first_number_) {
    difference_.set_later(difference_.later() + 1);
  } else {
    AddMissing(record);
  }
}

void SourceSync::AddMissing(const store::v1::DocumentRecord& record) {
  const size_t begin = page_ends_.empty() ? 0 : page_ends_.back();
  const size_t documents = missing_.size() - begin;
  if (documents == limits::kDocumentsPerBatch ||
      (documents > 0 && page_bytes_ >= limits::kSelectedPageBytes)) {
    page_ends_.push_back(missing_.size());
    page_bytes_ = 0;
  }
  page_bytes_ += record.ByteSizeLong();
  missing_.push_back(record.number());
  Keep(&removed_, record.document().id());
}

// Of what the source had: what the listing brought to it does not make room for removals.
Status SourceSync::CheckRemovals() const {
  if (begin_.allow_removals()) return OkStatus();
  const uint64_t share_pct = begin_.removals_max_percent() == 0 ? limits::kSyncRemovalsDefault_pct
                                                                : begin_.removals_max_percent();
  const uint64_t removed = missing_.size();
  const uint64_t had = removed + kept_ - std::min(kept_, joined_);
  if (removed * 100 <= had * share_pct) return OkStatus();
  return Status(
      StatusCode::kFailedPrecondition, "begin.removals_max_percent",
      fmt::format("would delete {} of {} documents of '{}', more than {} %; nothing was deleted; "
                  "look at what a dry run shows, and allow removals if it is meant",
                  removed, had, begin_.source(), share_pct));
}

StatusOr<cordon::Committed> SourceSync::Committing(const WriteContext& context) {
  auto promise = std::make_shared<std::promise<StatusOr<cordon::Committed>>>();
  auto committed = promise->get_future();
  cordon::Commit<cordon::Committed>(
      context, TakePage(), [promise](auto result) { promise->set_value(std::move(result)); },
      [](cordon::Committed& result) { return std::move(result); },
      /*purpose=*/{}, std::exchange(sent_to_, ""));
  return committed.get();
}

void SourceSync::SendRest(const WriteContext& context, const std::function<bool()>& stop,
                          const Acknowledge<v1::SyncSourceResponse>& done) {
  page_ends_.push_back(missing_.size());
  size_t next = 0;
  for (const size_t end : page_ends_) {
    if (stop && stop()) {
      const Status broken_off(StatusCode::kUnavailable, "",
                              "broken off; what is deleted stays so, and the same listing does the "
                              "rest");
      return Refuse(context, broken_off, done);
    }
    for (; next < end; ++next) page_.add_removed(missing_[next]);
    const auto committed = Committing(context);
    if (!committed.ok()) {
      place_.reset();
      return done(committed.status());  // it has its record
    }
    Committed(*committed);
  }
  place_.reset();
  done(Response(context));
}

void SourceSync::DryRun(const WriteContext& context,
                        const Acknowledge<v1::SyncSourceResponse>& done) {
  place_.reset();
  difference_.set_removed(missing_.size());
  TellIds(&added_, difference_.mutable_added_ids());
  TellIds(&changed_, difference_.mutable_changed_ids());
  TellIds(&redescribed_, difference_.mutable_redescribed_ids());
  TellIds(&removed_, difference_.mutable_removed_ids());
  response_.set_revision(tenant_->publisher.Pin(context.clock)->revision());
  auto record = NewRecord(context);
  record.set_revision(response_.revision());
  record.set_collection(begin_.collection());
  AnswerJournaled(context, std::move(record), Response(context), done);
}

v1::SyncSourceResponse SourceSync::Response(const WriteContext& context) {
  v1::SyncSourceResponse response = response_;
  if (!MayLearn(context)) return response;
  difference_.set_undefined_principals(undefined_.size());
  TellIds(&missing_ids_, difference_.mutable_missing_ids());
  *response.mutable_difference() = difference_;
  return response;
}

}  // namespace cordon
