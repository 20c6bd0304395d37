#include "engine/ingest/embedding_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
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

// Ends a scan that has found enough; no error of the walk.
Status PageIsFull() { return Status(StatusCode::kOutOfRange, "", "enough"); }

std::string Bytes(const std::vector<float>& vector) {
  return std::string(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
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
  return number_ != 0 && space_.embedder() != v1::EMBEDDER_NONE &&
         !HasSpace(record, collection, number_);
}

StatusOr<EmbeddingWalk::Page> EmbeddingWalk::Find(const View& view) const {
  Page page;
  page.next = next_;
  const auto collection = view.state().FindCollection(name_);
  if (!collection || !IsFor(*collection)) return page;
  const ClassTable& classes = view.policy().classes;
  const Status scanned =
      view.documents().ScanFrom(id_, next_, [&](const store::v1::DocumentRecord& record) -> Status {
        const bool lacks = Lacks(record, *collection);
        const bool loses = gives_ == WalkGives::kVectors && HasDroppedSpace(record, *collection);
        if (lacks || loses) {
          page.full =
              page.documents.size() == page_max_ || page.bytes >= limits::kEmbeddedPageBytes;
          if (page.full) return PageIsFull();
          Found& found = page.documents.emplace_back(
              Found{record.number(), record.document().id(), {}, {}, lacks});
          for (const auto& chunk : record.chunks()) {
            found.ordinals.push_back(chunk.ordinal());
            found.labels.push_back(classes.labels[classes.classes[chunk.class_id()].label]);
          }
          page.bytes += found.ordinals.size() * space_.dimension() * sizeof(float);
          if (lacks) RETURN_IF_ERROR(ReadTexts(view, &found, &page.bytes));
        }
        page.next = record.number() + 1;
        return OkStatus();
      });
  if (!scanned.ok() && !page.full) return scanned;
  return page;
}

Status EmbeddingWalk::ReadTexts(const View& view, Found* document, size_t* bytes) const {
  std::vector<Documents::ChunkPlace> places;
  for (const uint32_t ordinal : document->ordinals) places.push_back({document->number, ordinal});
  return view.documents().ReadChunks(id_, places, [&](size_t, const auto* chunk) {
    // Of one that was erased meanwhile, which the mutation passes over, nothing is sent.
    document->texts.push_back(chunk == nullptr ? "" : chunk->text());
    *bytes += document->texts.back().size();
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
    if (AsksEndpoint()) RETURN_IF_ERROR(ReleaseTexts(*view.view, &page));
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

// On nobody's behalf: the endpoint is asked alone. Of kZeros those are left that it may not have.
Status EmbeddingWalk::ReleaseTexts(const View& view, Page* page) {
  std::deque<Found> kept;
  for (Found& document : page->documents) {
    Status refused;
    for (size_t i = 0; document.lacks && i < document.labels.size(); ++i) {
      const std::string_view text = document.texts.empty() ? "" : document.texts[i];
      auto released = Release(view.world(), space_.embedding_endpoint(), /*dev=*/false,
                              Clearance::Lowest(), document.labels[i], text);
      if (released.ok()) {
        if (!text.empty()) document.released.push_back(*std::move(released));
        continue;
      }
      if (released.status().code() != StatusCode::kPermissionDenied) return released.status();
      refused = released.status();
    }
    const bool wanted = gives_ == WalkGives::kZeros ? !refused.ok() : refused.ok();
    if (wanted) {
      kept.push_back(std::move(document));
    } else if (!refused.ok()) {
      LeaveOut(refused);
    }
  }
  page->documents = std::move(kept);
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
    for (const Found& document : page->documents) AddZeros(document, &batch);
    return batch;
  }
  std::deque<Found> lacking;
  for (Found& document : page->documents) {
    const size_t bytes = document.ordinals.size() * space_.dimension() * sizeof(float);
    if (!document.lacks) {
      batch.add_documents()->set_number(document.number);
    } else if (bytes > limits::kEmbeddedDocumentBytes) {
      LeaveOut(Invalid("space.dimension", "the vectors of a document are too large together"));
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
  std::vector<Released> all;
  std::vector<std::string> ids;
  for (const Found& document : page->documents) {
    all.insert(all.end(), document.released.begin(), document.released.end());
    ids.push_back(document.id);
  }
  const auto leave = [&] { return NoteLeaving(ids); };
  const auto made = EmbedTexts(endpoint, all, leave, tools_.stop);
  if (!made.ok()) {
    // One text may be what it refuses, such as one that is too long for the model.
    if (made.status().code() != StatusCode::kFailedPrecondition) return made.status();
    if (page->documents.size() > 1) return EmbedEach(endpoint, page, batch);
    LeaveOut(made.status());
    return OkStatus();
  }
  std::span<const std::vector<float>> rest(*made);
  for (const Found& document : page->documents) {
    AddVectors(document.number, document.texts, space_.dimension(), rest, batch);
    rest = rest.subspan(document.released.size());
  }
  return OkStatus();
}

Status EmbeddingWalk::EmbedEach(Endpoint* endpoint, Page* page, EmbeddingBatch* batch) {
  for (const Found& document : page->documents) {
    const auto leave = [&] { return NoteLeaving({document.id}); };
    const auto made = EmbedTexts(endpoint, document.released, leave, tools_.stop);
    if (made.ok()) {
      AddVectors(document.number, document.texts, space_.dimension(), *made, batch);
    } else if (made.status().code() == StatusCode::kFailedPrecondition) {
      LeaveOut(made.status());
    } else {
      return made.status();
    }
  }
  return OkStatus();
}

Status EmbeddingWalk::NoteLeaving(const std::vector<std::string>& ids) const {
  auto sending = SendingRecord(RecordOfPage(), space_.embedding_endpoint());
  for (const std::string& id : ids) {
    sending.add_documents(tenant_->pseudonyms.Of("document", id));
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
