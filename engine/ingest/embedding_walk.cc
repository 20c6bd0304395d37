#include "engine/ingest/embedding_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <span>
#include <utility>

#include "engine/embed/builtin.h"
#include "engine/embed/embeddings.h"
#include "engine/store/embedding_spaces.h"
#include "engine/view/journaled.h"
#include "engine/view/leaving.h"

namespace cordon {
namespace {

using store::v1::EmbeddingBatch;

constexpr std::string_view kEmbedCall = "Embed";
constexpr std::string_view kOwnKey = "embedding";  // what the journal says instead of a key
// Records that a page looks at for each document that it may have: it holds a View meanwhile, and
// asks for no stop.
constexpr size_t kLookedAtEach = 80;

// Ends a scan that has found enough; no error of the walk.
Status PageIsFull() { return Status(StatusCode::kOutOfRange, "", "enough"); }

std::string Bytes(const std::vector<float>& vector) {
  return std::string(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
}

// Why the vectors of a document with as many chunks are not made; OK if they may be.
Status CheckSize(size_t chunks, size_t dimension) {
  if (chunks * dimension * sizeof(float) <= limits::kEmbeddedDocumentBytes) return OkStatus();
  return Invalid("space.dimension",
                 "the vectors of a document are too large together; split the document, or take a "
                 "model of a smaller dimension");
}

// Adds the vectors that were made of a document's texts, in their order; of a text that is empty
// zeros.
void AddVectors(uint64_t number, const std::vector<std::string>& texts, size_t dimension,
                std::span<const std::vector<float>> made, EmbeddingBatch* batch) {
  auto* const document = batch->add_documents();
  document->set_number(number);
  size_t next = 0;
  for (const std::string& text : texts) {
    document->add_vectors(text.empty() ? std::string(dimension * sizeof(float), '\0')
                                       : Bytes(made[next++]));
  }
}

// What nobody is served no endpoint is sent.
Status CheckQuarantine(const PolicyRules& rules, const std::string& source) {
  if (!rules.quarantined_sources.contains(source)) return OkStatus();
  return Denied("source", "the document's source is in quarantine; nothing of it was sent");
}

// The texts of documents that are sent together.
template <typename Document>
std::vector<Released> TextsOf(const std::deque<Document>& documents) {
  std::vector<Released> texts;
  for (const Document& document : documents) {
    texts.insert(texts.end(), document.released.begin(), document.released.end());
  }
  return texts;
}

// Of the document's chunks, in their order.
std::vector<Label> LabelsOf(const store::v1::DocumentRecord& record, const ClassTable& classes) {
  std::vector<Label> labels;
  for (const auto& chunk : record.chunks()) {
    labels.push_back(classes.labels[classes.classes[chunk.class_id()].label]);
  }
  return labels;
}

}  // namespace

EmbeddingWalk::EmbeddingWalk(EmbeddingTools tools, std::shared_ptr<Tenant> tenant,
                             const Collection& collection, WalkGives gives,
                             const Authenticated* caller, std::string reason, size_t page_max)
    : tools_(std::move(tools)),
      tenant_(std::move(tenant)),
      name_(collection.config.name()),
      id_(collection.id),
      number_(collection.other ? collection.other->number : 0),
      space_(collection.other ? collection.other->space : v1::EmbeddingSpace()),
      gives_(gives),
      caller_(caller == nullptr ? std::nullopt : std::optional<Authenticated>(*caller)),
      reason_(std::move(reason)),
      page_max_(page_max) {}

bool EmbeddingWalk::IsFor(const Collection& collection) const {
  return collection.id == id_ && (collection.other ? collection.other->number : 0) == number_;
}

void EmbeddingWalk::Restart() {
  next_ = 0;
  left_out_ = 0;
  why_left_out_ = OkStatus();
}

void EmbeddingWalk::LeaveOut(const Status& why) {
  ++left_out_;
  why_left_out_ = why;
}

// Vectors that nobody here can make are brought by who ingests, or by nobody.
bool EmbeddingWalk::Lacks(const store::v1::DocumentRecord& record,
                          const Collection& collection) const {
  return number_ != 0 && MadeHere(space_) && !HasSpace(record, collection, number_);
}

StatusOr<EmbeddingWalk::Page> EmbeddingWalk::Find(const View& view) const {
  Page page;
  page.next = next_;
  const auto collection = view.state().FindCollection(name_);
  if (!collection || !IsFor(*collection)) return page;
  const ClassTable& classes = view.policy().classes;
  size_t looked_at = 0;
  const Status scanned =
      view.documents().ScanFrom(id_, next_, [&](const store::v1::DocumentRecord& record) -> Status {
        const bool lacks = Lacks(record, *collection);
        const bool loses = gives_ == WalkGives::kVectors && HasDroppedSpace(record, *collection);
        page.full = looked_at++ == kLookedAtEach * page_max_ ||
                    ((lacks || loses) && (page.documents.size() == page_max_ ||
                                          page.bytes >= limits::kEmbeddedPageBytes));
        if (page.full) return PageIsFull();
        if (lacks || loses) {
          Found& found = page.documents.emplace_back(Found{record.number(),
                                                           record.document().id(),
                                                           record.document().provenance().source(),
                                                           {},
                                                           LabelsOf(record, classes),
                                                           lacks});
          for (const auto& chunk : record.chunks()) found.ordinals.push_back(chunk.ordinal());
          page.bytes += found.ordinals.size() * space_.dimension() * sizeof(float);
          RETURN_IF_ERROR(ReadContent(view, &found, &page.bytes));
        }
        page.next = record.number() + 1;
        return OkStatus();
      });
  if (!scanned.ok() && !page.full) return scanned;
  return page;
}

// Of one that only loses vectors the bytes alone: the writer has all of a page at once, too.
Status EmbeddingWalk::ReadContent(const View& view, Found* document, size_t* bytes) const {
  std::vector<Documents::ChunkPlace> places;
  for (const uint32_t ordinal : document->ordinals) places.push_back({document->number, ordinal});
  return view.documents().ReadChunks(id_, places, [&](size_t, const auto* chunk) {
    if (chunk != nullptr) *bytes += chunk->ByteSizeLong();
    // Of one that was erased meanwhile, which the mutation passes over, nothing is sent.
    if (document->lacks) document->texts.push_back(chunk == nullptr ? "" : chunk->text());
    return OkStatus();
  });
}

bool EmbeddingWalk::AsksEndpoint() const {
  return number_ != 0 && space_.embedder() == v1::EMBEDDER_HTTP;
}

StatusOr<bool> EmbeddingWalk::Step() {
  const uint64_t before = left_out_;
  auto more = TakePage();
  if (!more.ok()) left_out_ = before;  // the page comes again
  return more;
}

StatusOr<bool> EmbeddingWalk::TakePage() {
  Page page;
  {  // The View is not held while others are waited for.
    const PinnedView view = tenant_->publisher.Pin(tools_.clock);
    ASSIGN_OR_RETURN(page, Find(*view.view));
    page.revision = view->revision();
    if (AsksEndpoint()) RETURN_IF_ERROR(ReleaseTexts(*view.view, &page.documents));
  }
  if (!page.documents.empty()) {
    auto batch = Embed(&page);
    if (!batch.ok()) {
      // Texts may have left all the same.
      auto record = RecordOfPage();
      record.set_outcome(std::string(CodeName(batch.status().code())));
      tenant_->journal->Append(std::move(record), Durability::kRequired, [](const auto&) {});
      return batch.status();
    }
    if (!batch->documents().empty()) RETURN_IF_ERROR(Send(*std::move(batch)));
  }
  next_ = page.next;
  return page.full;
}

// Of kZeros those are left that it may not have. A quarantine ends, zeros stay: it gets none.
Status EmbeddingWalk::ReleaseTexts(const View& view, std::deque<Found>* documents) {
  std::deque<Found> kept;
  for (Found& document : *documents) {
    const Status held =
        document.lacks ? CheckQuarantine(*view.policy().rules, document.source) : OkStatus();
    Status refused = held;
    if (held.ok() && document.lacks) refused = ReleaseTextsOf(view, &document);
    if (!refused.ok() && refused.code() != StatusCode::kPermissionDenied) return refused;
    const bool wanted = gives_ == WalkGives::kZeros ? held.ok() && !refused.ok() : refused.ok();
    if (wanted) {
      kept.push_back(std::move(document));
    } else if (!refused.ok()) {
      LeaveOut(refused);
    }
  }
  *documents = std::move(kept);
  return OkStatus();
}

// On nobody's behalf: the endpoint is asked alone.
Status EmbeddingWalk::ReleaseTextsOf(const View& view, Found* document) const {
  document->released.clear();
  for (size_t i = 0; i < document->labels.size(); ++i) {
    const std::string_view text =
        document->texts.empty() ? std::string_view() : std::string_view(document->texts[i]);
    ASSIGN_OR_RETURN(Released released,
                     Release(view.world(), space_.embedding_endpoint(), /*dev=*/false,
                             Clearance::Lowest(), document->labels[i], text));
    if (!text.empty()) document->released.push_back(std::move(released));
  }
  return OkStatus();
}

// A slow endpoint has a page for minutes: meanwhile documents go, labels rise, sources come into
// quarantine, a ceiling falls, and by the clock alone an endpoint's terms end.
Status EmbeddingWalk::ReleaseAgain(uint64_t revision, std::deque<Found>* documents) {
  const PinnedView view = tenant_->publisher.Pin(tools_.clock);
  if (view->revision() != revision) RETURN_IF_ERROR(LookAgain(*view.view, documents));
  return ReleaseTexts(*view.view, documents);
}

Status EmbeddingWalk::LookAgain(const View& view, std::deque<Found>* documents) const {
  std::deque<Found> there;
  const auto collection = view.state().FindCollection(name_);
  if (collection && IsFor(*collection)) {
    for (Found& document : *documents) {
      store::v1::DocumentRecord record;
      ASSIGN_OR_RETURN(const bool found,
                       view.documents().ReadNumbered(id_, document.number, &record));
      if (!found) continue;  // what was written anew is further on
      document.source = record.document().provenance().source();
      document.labels = LabelsOf(record, view.policy().classes);
      there.push_back(std::move(document));
    }
  }
  *documents = std::move(there);
  return OkStatus();
}

void EmbeddingWalk::AddZeros(const Found& document, EmbeddingBatch* batch) const {
  AddVectors(document.number, std::vector<std::string>(document.ordinals.size()),
             space_.dimension(), {}, batch);
}

StatusOr<EmbeddingBatch> EmbeddingWalk::Embed(Page* page) {
  EmbeddingBatch batch;
  batch.set_collection(name_);
  batch.set_space(number_);
  if (gives_ == WalkGives::kZeros) {
    if (space_.embedder() != v1::EMBEDDER_HTTP) return batch;  // nothing is ever refused
    for (const Found& document : page->documents) {
      const Status fits = CheckSize(document.ordinals.size(), space_.dimension());
      if (fits.ok()) {
        AddZeros(document, &batch);
      } else {
        LeaveOut(fits);
      }
    }
    return batch;
  }
  std::deque<Found> lacking;
  for (Found& document : page->documents) {
    const Status fits = CheckSize(document.ordinals.size(), space_.dimension());
    if (!document.lacks) {
      batch.add_documents()->set_number(document.number);
    } else if (!fits.ok()) {
      LeaveOut(fits);
    } else {
      lacking.push_back(std::move(document));
    }
  }
  page->documents = std::move(lacking);
  if (space_.embedder() == v1::EMBEDDER_BUILTIN) {
    const BuiltinEmbedder embedder(space_.dimension());
    for (const Found& document : page->documents) {
      std::vector<std::vector<float>> made;
      for (const std::string& text : document.texts) {
        if (!text.empty()) made.push_back(embedder.Embed(text));
      }
      AddVectors(document.number, document.texts, space_.dimension(), made, &batch);
    }
  } else if (!page->documents.empty()) {
    ASSIGN_OR_RETURN(Endpoint * endpoint,
                     EmbeddingEndpoint(tools_.endpoints, space_.embedding_endpoint(),
                                       space_.model(), space_.dimension()));
    RETURN_IF_ERROR(EmbedBy(endpoint, page, &batch));
  }
  std::sort(batch.mutable_documents()->begin(), batch.mutable_documents()->end(),
            [](const auto& a, const auto& b) { return a.number() < b.number(); });
  return batch;
}

Status EmbeddingWalk::EmbedBy(Endpoint* endpoint, Page* page, EmbeddingBatch* batch) {
  const auto most = static_cast<size_t>(endpoint->config().batch);
  std::deque<Found>& documents = page->documents;
  while (!documents.empty()) {
    std::deque<Found> group;  // of one call; a document with more texts than that comes alone
    size_t texts = 0;
    do {
      texts += documents.front().released.size();
      group.push_back(std::move(documents.front()));
      documents.pop_front();
    } while (!documents.empty() && texts + documents.front().released.size() <= most);
    RETURN_IF_ERROR(EmbedGroup(endpoint, page->revision, &group, batch));
  }
  return OkStatus();
}

Status EmbeddingWalk::EmbedGroup(Endpoint* endpoint, uint64_t revision, std::deque<Found>* group,
                                 EmbeddingBatch* batch) {
  Status refused;
  ASSIGN_OR_RETURN(const Vectors made, SendGroup(endpoint, revision, group, &refused));
  if (!refused.ok()) {
    // One text may be what it refuses, such as one that is too long for the model.
    if (group->size() == 1) {
      LeaveOut(refused);
      return OkStatus();
    }
    for (Found& document : *group) {
      std::deque<Found> alone;
      alone.push_back(std::move(document));
      RETURN_IF_ERROR(EmbedGroup(endpoint, revision, &alone, batch));
    }
    return OkStatus();
  }
  std::span<const std::vector<float>> rest(made);
  for (const Found& document : *group) {
    AddVectors(document.number, document.texts, space_.dimension(), rest, batch);
    rest = rest.subspan(document.released.size());
  }
  return OkStatus();
}

StatusOr<EmbeddingWalk::Vectors> EmbeddingWalk::SendGroup(Endpoint* endpoint, uint64_t revision,
                                                          std::deque<Found>* group,
                                                          Status* refused) {
  const auto most = static_cast<size_t>(endpoint->config().batch);
  Vectors made;
  for (bool more = true; more;) {
    RETURN_IF_ERROR(ReleaseAgain(revision, group));
    if (group->empty()) return Vectors();
    const std::vector<Released> texts = TextsOf(*group);
    const auto rest = std::span(texts).subspan(made.size());
    Status left;
    const auto leave = [&] { return left = NoteLeaving(*group); };
    auto some = EmbedTexts(endpoint, rest.first(std::min(most, rest.size())), leave, tools_.stop);
    RETURN_IF_ERROR(left);  // of the journal, whatever its code
    if (!some.ok()) {
      if (some.status().code() != StatusCode::kFailedPrecondition) return some.status();
      *refused = some.status();
      return Vectors();
    }
    std::move(some->begin(), some->end(), std::back_inserter(made));
    more = made.size() < texts.size();
  }
  return made;
}

Status EmbeddingWalk::NoteLeaving(const std::deque<Found>& group) const {
  auto sending = SendingRecord(RecordOfPage(), space_.embedding_endpoint());
  for (const Found& document : group) {
    sending.add_documents(tenant_->pseudonyms.Of("document", document.id));
  }
  return LeaveForEndpoint(*tenant_, std::move(sending));
}

journal::v1::Record EmbeddingWalk::RecordOfPage() const {
  journal::v1::Record record;
  if (caller_) {
    record = RecordOf(kEmbedCall, *caller_, *tenant_);
    record.set_reason(reason_);
  } else {
    record.set_call(std::string(kEmbedCall));
    record.set_key_id(std::string(kOwnKey));
  }
  record.set_collection(name_);
  if (gives_ == WalkGives::kVectors && AsksEndpoint()) {
    record.add_endpoints(space_.embedding_endpoint());
  }
  return record;
}

Status EmbeddingWalk::Send(EmbeddingBatch batch) {
  store::v1::Mutation mutation;
  *mutation.mutable_embed() = std::move(batch);
  mutation.set_reason(reason_);
  if (caller_) {
    mutation.set_key_id(caller_->key_id());
    mutation.set_actor(caller_->grant().principal);
  } else {
    mutation.set_key_id(std::string(kOwnKey));
  }
  auto record = RecordOfPage();
  const auto promise = std::make_shared<std::promise<Status>>();
  auto sent = promise->get_future();
  const auto done = [promise](const StatusOr<Committed>& committed) {
    promise->set_value(committed.status());
  };
  if (caller_) {
    tools_.writer->Submit(tenant_, *caller_, std::move(mutation), std::move(record), done);
  } else {
    tools_.writer->SubmitOwn(tenant_, std::move(mutation), std::move(record), done);
  }
  return sent.get();
}

}  // namespace cordon
