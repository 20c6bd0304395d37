#include "engine/ingest/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "engine/base/stop.h"
#include "engine/ingest/commit.h"

namespace cordon {
namespace {

// Ends a scan that has found enough; no error of the call.
Status Enough() { return Status(StatusCode::kOutOfRange, "", "enough"); }

}  // namespace

Status VisitSource(const View& view, uint32_t collection, const std::string& source,
                   const std::function<Status(const store::v1::DocumentRecord*)>& visit) {
  const Documents documents = view.documents();
  const std::string prefix =
      KindKey(view.state().id, collection, kSourceMark,
              view.vault().Pseudonym(view.state().id, collection, "source", source));
  store::v1::DocumentRecord record;
  return view.Scan(Family::kMarks, prefix, [&](auto key, auto) -> Status {
    // Versions that were replaced or deleted have marks as well, and no record.
    ASSIGN_OR_RETURN(const bool there,
                     documents.ReadNumbered(collection, LastLongNumber(key), &record));
    return visit(there ? &record : nullptr);
  });
}

Selection::Selection(const WriteContext& context, v1::SetAccessSelectedRequest request,
                     std::function<bool()> stop, size_t documents_max)
    : context_(context),
      request_(std::move(request)),
      stop_(std::move(stop)),
      documents_max_(documents_max),
      acl_(request_.acl().SerializeAsString()),
      label_(request_.label().SerializeAsString()) {}

bool Selection::Wants(const v1::Document& document) const {
  if (!document.id().starts_with(request_.id_prefix())) return false;
  if (!request_.source().empty() && document.provenance().source() != request_.source()) {
    return false;
  }
  return (request_.has_acl() && document.acl().SerializeAsString() != acl_) ||
         (request_.has_label() && document.label().SerializeAsString() != label_);
}

Status Selection::VisitPrefix(const View& view, const Collection& collection) {
  constexpr size_t kReadAtOnce = 256;  // documents: the reads share their way down
  constexpr size_t kAhead = 1 << 16;   // to find them costs a look at every id
  const DocumentNumbers& known = view.indexes_of(collection).documents;
  const auto visit = [this](size_t, const auto& record) { return Visit(record); };
  std::string_view after;
  while (true) {
    const std::vector<std::string_view> ids = known.Next(request_.id_prefix(), after, kAhead);
    if (ids.empty()) return OkStatus();
    for (size_t from = 0; from < ids.size(); from += kReadAtOnce) {
      const auto some = std::span(ids).subspan(from, std::min(kReadAtOnce, ids.size() - from));
      RETURN_IF_ERROR(view.documents().ReadMany(collection.id, some, visit));
    }
    after = ids.back();
  }
}

Status Selection::CheckTime() const {
  if (as_one_) return CheckGoesOn(stop_);
  if (!stop_ || !stop_()) return OkStatus();
  return Status(StatusCode::kDeadlineExceeded, "",
                "the time ran out; what is changed stays so, and the same call does the rest");
}

bool Selection::PageIsFull() const {
  return static_cast<size_t>(page_.documents_size()) == limits::kDocumentsPerBatch ||
         page_bytes_ >= limits::kSelectedPageBytes;
}

Status Selection::Visit(const store::v1::DocumentRecord& record) {
  RETURN_IF_ERROR(CheckTime());
  if (!Wants(record.document())) return OkStatus();
  const bool enough = sent_ + static_cast<size_t>(page_.documents_size()) == documents_max_;
  if (enough || PageIsFull()) {  // a full one is still here only if it is not sent
    response_.set_more(true);
    return Enough();
  }
  page_.add_documents(record.document().id());
  page_bytes_ += record.ByteSizeLong() + acl_.size() + label_.size();
  return PageIsFull() && !as_one_ ? Send() : OkStatus();
}

store::v1::Mutation Selection::TakePage() {
  store::v1::Mutation mutation;
  mutation.set_reason(request_.reason());
  auto* batch = mutation.mutable_set_access_selected();
  batch->Swap(&page_);
  batch->set_collection(request_.collection());
  if (request_.has_acl()) *batch->mutable_acl() = request_.acl();
  if (request_.has_label()) *batch->mutable_label() = request_.label();
  if (!request_.source().empty()) batch->set_only_source(request_.source());
  page_.Clear();
  page_bytes_ = 0;
  return mutation;
}

Status Selection::Send() {
  RETURN_IF_ERROR(Wait());
  RETURN_IF_ERROR(CheckTime());
  sent_ += static_cast<size_t>(page_.documents_size());
  auto promise = std::make_shared<std::promise<StatusOr<Committed>>>();
  waiting_ = promise->get_future();
  Commit<Committed>(
      context_, TakePage(),
      [promise](StatusOr<Committed> committed) { promise->set_value(std::move(committed)); },
      [](Committed& committed) { return std::move(committed); });
  return OkStatus();
}

Status Selection::Wait() {
  if (!waiting_) return OkStatus();
  auto committed = std::exchange(waiting_, std::nullopt)->get();
  RETURN_IF_ERROR(committed.status());
  response_.set_revision(committed->revision);
  for (const bool changed : committed->existed_each) changed_ += changed;
  return OkStatus();
}

Status Selection::Scan() {
  const PinnedView view = context_.tenant->publisher.Pin(context_.clock);
  const auto collection = view->state().FindCollection(request_.collection());
  if (!collection) return OkStatus();  // the writer says so
  if (request_.source().empty()) return VisitPrefix(*view.view, *collection);
  return VisitSource(*view.view, collection->id, request_.source(),
                     [this](const auto* record) { return record ? Visit(*record) : CheckTime(); });
}

StatusOr<store::v1::Mutation> Selection::AsOne() {
  as_one_ = true;
  const Status scanned = Scan();
  if (response_.more()) {
    return Invalid(request_.source().empty() ? "id_prefix" : "source",
                   fmt::format("selects more than the {} documents and {} MiB of them "
                               "that one revision changes; select fewer",
                               limits::kDocumentsPerBatch, limits::kSelectedPageBytes >> 20));
  }
  RETURN_IF_ERROR(scanned);
  return TakePage();
}

StatusOr<v1::SetAccessSelectedResponse> Selection::Change() {
  Status scanned = Scan();
  if (scanned.ok() || scanned.code() == StatusCode::kOutOfRange) {
    // The last page, or an empty one: a call takes a revision, whatever is selected.
    const bool any = sent_ > 0 && page_.documents().empty();
    scanned = any ? OkStatus() : Send();
  }
  const Status waited = Wait();
  RETURN_IF_ERROR(scanned);
  RETURN_IF_ERROR(waited);
  if (context_.caller.grant().rights.Has(Right::kAudit)) response_.set_changed(changed_);
  return std::move(response_);
}

}  // namespace cordon
