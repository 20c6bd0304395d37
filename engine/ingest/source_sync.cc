#include "engine/ingest/source_sync.h"

#include <fmt/format.h>

#include <cstring>
#include <map>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/ingest/embed_documents.h"
#include "engine/ingest/source_name.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

constexpr std::string_view kSyncSource = "SyncSource";

// The guard and a dry run tell of what is stored. Who may not learn it must say that there is no
// guard: a share of their own choice that is refused would count what is hidden.
Status CheckListingRights(const Authenticated& caller, const v1::SyncSourceBegin* begin) {
  RETURN_IF_ERROR(caller.Require(Right::kIngest));
  if (begin == nullptr || caller.grant().rights.Has(Right::kAudit)) return OkStatus();
  if (begin->dry_run()) {
    return Denied("begin.dry_run", "the key lacks the right 'audit', which a dry run needs");
  }
  if (begin->allow_removals()) return OkStatus();
  return Denied("begin.allow_removals",
                "the key lacks the right 'audit', which the guard against many removals needs; "
                "allow removals to do without it");
}

}  // namespace

void OpenSource(const WriteContext& context, std::function<void(Status)> done) {
  const Status held = context.caller.Require(Right::kIngest);
  if (held.ok()) return done(held);
  RefuseJournaled(context, kSyncSource, held, std::move(done));
}

Status SourceSync::Take(const WriteContext& context, v1::SyncSourceRequest request) {
  const auto* begin = request.has_begin() ? &request.begin() : tenant_ ? &begin_ : nullptr;
  RETURN_IF_ERROR(CheckListingRights(context.caller, begin));
  if (whole_) return Invalid("commit", "was the last message; open another stream");
  if (request.has_begin() == (tenant_ != nullptr)) {
    return Invalid("begin", tenant_ ? "was the first message; open another stream"
                                    : "missing; say whose listing it is in the first message");
  }
  if (tenant_ && !place_) return Invalid("begin", "the listing has ended; open another stream");
  RETURN_IF_ERROR(request.has_begin() ? Begin(context, request.begin()) : place_->Resume());
  if (context.tenant != tenant_) return Invalid("begin", "began for another tenant");
  RETURN_IF_ERROR(CheckSize(request));
  sent_to_.clear();
  any_ = false;
  const PinnedView view = tenant_->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection, Writable(context, *view.view, begin_.collection()));
  // Each time: it may have been dropped and made anew.
  RETURN_IF_ERROR(CheckModel(*collection, begin_.embedding_model()).Within("begin"));
  TakeUnchanged(context, *view.view, *collection, request);
  RETURN_IF_ERROR(TakeDocuments(context, *view.view, *collection, &request));
  if (!request.has_commit()) return OkStatus();
  const uint64_t come = documents_ + unchanged_ids_;
  if (request.commit().documents() != come) {
    return Invalid("commit.documents",
                   fmt::format("{} were sent and {} have come; send the listing again",
                               request.commit().documents(), come));
  }
  commit_ = request.commit();
  whole_ = true;
  return OkStatus();
}

Status SourceSync::CheckBegin(const WriteContext& context, const v1::SyncSourceBegin& begin) const {
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, begin.collection()).status());
  if (begin.source().empty()) return Invalid("source", "missing; give a value");
  RETURN_IF_ERROR(SourceCheck(*view->policy().rules)("source", begin.source()));
  RETURN_IF_ERROR(CheckReason(begin.reason()));
  if (begin.removals_max_percent() > 100) return Invalid("removals_max_percent", "not 0 to 100");
  return OkStatus();
}

Status SourceSync::Begin(const WriteContext& context, const v1::SyncSourceBegin& begin) {
  RETURN_IF_ERROR(CheckBegin(context, begin).Within("begin"));
  const Grant& grant = context.caller.grant();
  ASSIGN_OR_RETURN(place_,
                   open_->Enter({context.tenant->name, begin.collection(), begin.source(),
                                 grant.id_prefix, context.caller.key_id() + "/" + grant.principal},
                                context.clock->Now(), lost_));
  tenant_ = context.tenant;
  begin_ = begin;
  first_number_ = tenant_->publisher.Pin(context.clock)->state().next_document;
  return OkStatus();
}

namespace {

// Digests rather than ids: a listing has millions.
std::array<uint64_t, 2> ListedIdOf(const std::string& id) {
  const Digest digest = Sha256(id);
  std::array<uint64_t, 2> listed;
  std::memcpy(listed.data(), digest.data(), sizeof listed);
  return listed;
}

}  // namespace

bool SourceSync::IsListed(const std::string& id) const { return listed_.contains(ListedIdOf(id)); }

Status SourceSync::List(const std::string& id) {
  if (!listed_.insert(ListedIdOf(id)).second) {
    return Invalid("id", "given twice; list each document once");
  }
  return OkStatus();
}

// What is wrong with a document may be as long as a message: told are those that fit.
void SourceSync::AddRefusal(v1::Refusal refusal) {
  response_.set_refused_documents(response_.refused_documents() + 1);
  if (static_cast<size_t>(response_.refused_size()) >= limits::kListedRefusals) return;
  const size_t bytes = refusal.ByteSizeLong();
  if (refusal_bytes_ + bytes > limits::kListedRefusalBytes) return;
  refusal_bytes_ += bytes;
  *response_.add_refused() = std::move(refusal);
}

// Before anything is remembered of it.
Status SourceSync::CheckSize(const v1::SyncSourceRequest& request) const {
  const auto documents = static_cast<size_t>(request.documents_size());
  const auto unchanged = static_cast<size_t>(request.unchanged_size());
  if (documents > limits::kDocumentsPerBatch) {
    return Invalid("documents",
                   fmt::format("more than {} in a message; split it", limits::kDocumentsPerBatch));
  }
  if (unchanged > limits::kListedUnchanged) {
    return Invalid("unchanged",
                   fmt::format("more than {} in a message; split it", limits::kListedUnchanged));
  }
  if (documents_ + unchanged_ids_ + documents + unchanged > limits::kListedDocuments) {
    return Invalid("documents", fmt::format("the listing has more than {}; split its source",
                                            limits::kListedDocuments));
  }
  return OkStatus();
}

void SourceSync::TakeUnchanged(const WriteContext& context, const View& view,
                               const Collection& collection, const v1::SyncSourceRequest& request) {
  const DocumentNumbers& stored = view.indexes_of(collection).documents;
  for (const auto& id : request.unchanged()) {
    const auto place = static_cast<uint32_t>(unchanged_ids_++);
    Status status = CheckWritableId("unchanged", context.caller.grant(), id);
    if (status.ok() && !List(id).ok()) {
      status = Invalid("unchanged", "given twice; list each document once");
    }
    if (!status.ok()) {
      AddRefusal(RefusalOf(place, id, status));
    } else if (stored.Find(id)) {
      difference_.set_unchanged(difference_.unchanged() + 1);
    } else {
      difference_.set_missing(difference_.missing() + 1);
      Keep(&missing_ids_, id);
    }
  }
}

v1::IngestRequest SourceSync::Admitted(v1::SyncSourceRequest* request,
                                       std::vector<uint32_t>* places) {
  v1::IngestRequest admitted;
  for (auto& document : *request->mutable_documents()) {
    const auto place = static_cast<uint32_t>(documents_++);
    Status status = List(document.id());
    const std::string& source = document.provenance().source();
    if (status.ok() && !source.empty() && source != begin_.source()) {
      status = Invalid("provenance.source",
                       "not the source of the listing; leave it out, or list it with its own");
    }
    if (!status.ok()) {
      AddRefusal(RefusalOf(place, document.id(), status));
      continue;
    }
    document.mutable_provenance()->set_source(begin_.source());
    admitted.add_documents()->Swap(&document);
    places->push_back(place);
  }
  return admitted;
}

Status SourceSync::TakeDocuments(const WriteContext& context, const View& view,
                                 const Collection& collection, v1::SyncSourceRequest* request) {
  std::vector<uint32_t> places;
  v1::IngestRequest admitted = Admitted(request, &places);
  Validated validated = Validate(view, collection, context.caller, &admitted);
  for (auto& refusal : validated.refused) {
    refusal.set_index(places[refusal.index()]);
    AddRefusal(std::move(refusal));
  }
  validated.refused.clear();
  for (uint32_t& place : validated.places) place = places[place];
  return Sort(context, view, collection, std::move(validated));
}

bool SourceSync::MayLearn(const WriteContext& context) {
  return context.caller.grant().rights.Has(Right::kAudit);
}

Status SourceSync::Embed(const WriteContext& context, const View& view,
                         const Collection& collection, Validated* validated) {
  const v1::CollectionConfig& config = collection.config;
  if (config.embedder() != v1::EMBEDDER_HTTP) return OkStatus();
  const Status embedded = begin_.dry_run()
                              ? RefuseUnreleased(context, view, config, validated)
                              : EmbedDocuments(context, view, config, validated, &sent_to_);
  for (auto& refusal : validated->refused) AddRefusal(std::move(refusal));
  validated->refused.clear();
  return embedded;
}

Status SourceSync::Sort(const WriteContext& context, const View& view, const Collection& collection,
                        Validated validated) {
  // Whether the endpoint refuses a text, fails or takes its time must say nothing of what is stored
  // to who may not learn it: of theirs it gets all, as of an Ingest, and of others what differs.
  if (!MayLearn(context)) RETURN_IF_ERROR(Embed(context, view, collection, &validated));
  auto* const documents = validated.batch.mutable_documents();
  any_ = !documents->empty();
  ASSIGN_OR_RETURN(std::vector<Listed> listed, CompareListed(view, collection, *documents));
  Validated written;
  written.batch.set_collection(begin_.collection());
  written.batch.set_space(validated.batch.space());
  std::map<std::string, Listed> counted;  // by id, of what is written
  for (size_t i = 0; i < listed.size(); ++i) {
    v1::Document* document = documents->Mutable(static_cast<int>(i));
    if (listed[i].kind == Listed::kAdded || listed[i].kind == Listed::kChanged) {
      counted.emplace(document->id(), listed[i]);
      written.places.push_back(validated.places[i]);
      written.batch.add_documents()->Swap(document);
      continue;
    }
    Count(listed[i], document->id());
    if (listed[i].kind == Listed::kUnchanged) continue;
    document->clear_chunks();
    auto* redescribed = page_.add_redescribed();
    redescribed->set_number(listed[i].number);
    redescribed->mutable_document()->Swap(document);
  }
  if (MayLearn(context)) RETURN_IF_ERROR(Embed(context, view, collection, &written));
  for (const auto& document : written.batch.documents()) {
    Count(counted.at(document.id()), document.id());
  }
  *page_.mutable_written() = std::move(written.batch);
  return OkStatus();
}

void SourceSync::Keep(Ids* ids, const std::string& id) {
  if (ids->size() < limits::kSyncNames) ids->push_back(id);
}

void SourceSync::Count(const Listed& listed, const std::string& id) {
  joins_ += !listed.of_source && listed.kind != Listed::kUnchanged;  // out of date: another's still
  switch (listed.kind) {
    case Listed::kAdded:
      difference_.set_added(difference_.added() + 1);
      return Keep(&added_, id);
    case Listed::kChanged:
      difference_.set_changed(difference_.changed() + 1);
      return Keep(&changed_, id);
    case Listed::kRedescribed:
      difference_.set_redescribed(difference_.redescribed() + 1);
      return Keep(&redescribed_, id);
    case Listed::kUnchanged:
      difference_.set_unchanged(difference_.unchanged() + 1);
  }
}

store::v1::Mutation SourceSync::TakePage() {
  store::v1::Mutation mutation;
  mutation.set_reason(begin_.reason());
  page_.mutable_written()->set_collection(begin_.collection());
  mutation.mutable_source()->Swap(&page_);
  page_.Clear();
  return mutation;
}

void SourceSync::Committed(const cordon::Committed& committed) {
  response_.set_revision(committed.revision);
  undefined_.insert(committed.undefined.begin(), committed.undefined.end());
  difference_.set_removed(difference_.removed() + committed.parts);
  joined_ += std::exchange(joins_, 0);
}

void SourceSync::Send(const WriteContext& context, std::function<void(Status)> done) {
  if (begin_.dry_run() || !any_) {
    page_.Clear();
    place_->Rest(context.clock->Now());
    return done(OkStatus());
  }
  // Whatever there was to change: how many revisions it takes says nothing of what was stored.
  cordon::Commit<cordon::Committed>(
      context, TakePage(),
      [this, clock = context.clock, done = std::move(done)](StatusOr<cordon::Committed> committed) {
        if (committed.ok()) {
          Committed(*committed);
          place_->Rest(clock->Now());
        } else {
          place_.reset();
        }
        done(committed.status());
      },
      [](cordon::Committed& committed) { return std::move(committed); },
      /*purpose=*/{}, sent_to_);
}

journal::v1::Record SourceSync::NewRecord(const WriteContext& context) const {
  auto record = RecordOf(kSyncSource, context.caller, *context.tenant);
  record.set_reason(begin_.reason());
  return record;
}

void SourceSync::Refuse(const WriteContext& context, const Status& status,
                        std::function<void(Status)> done) {
  place_.reset();
  auto record = NewRecord(context);
  if (!sent_to_.empty()) record.add_endpoints(sent_to_);
  RefuseJournaled(context.tenant, std::move(record), status, std::move(done));
}

}  // namespace cordon
