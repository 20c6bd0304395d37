// A walk through a collection's documents that gives those their vectors which lack them in the
// embedding space that is not searched (docs/decisions/re-embedding.md). Internal to ingest/.
//
// It goes by documents' numbers, page by page: each is found in a View, embedded while no View is
// held, and sent as one mutation, which passes over documents that went or were written anew
// meanwhile: these have greater numbers, and are further on. What is embedded is told by the stored
// documents alone, so that a walk that begins anew, after a restart too, does nothing twice.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cordon/store/v1/mutation.pb.h"
#include "engine/base/limits.h"
#include "engine/embed/endpoint.h"
#include "engine/ingest/writer.h"
#include "engine/policy/release.h"
#include "engine/view/tenant.h"

namespace cordon {

// What walks work with. All of it outlives them; `endpoints` may be null.
struct EmbeddingTools {
  Writer* writer;
  Clock* clock;
  Endpoints* endpoints;
  std::function<bool()> stop;  // ends a page early
};

// What a walk gives.
enum class WalkGives {
  kVectors,  // what the space's embedder makes of the texts; vectors of dropped spaces go
  kZeros,    // zeros, to documents that the space's endpoint may not receive by their labels, alone
};

// For one thread, which it blocks while an endpoint or the writer is at work.
class EmbeddingWalk {
 public:
  // Of the space that the collection `id` of the tenant has when the walk begins; of none it only
  // takes away what was dropped. `caller` is who asks for it, with a reason: null, and the engine
  // does it by itself. Only tests choose another number of documents in a page.
  EmbeddingWalk(EmbeddingTools tools, std::shared_ptr<Tenant> tenant, const Collection& collection,
                WalkGives gives, const Authenticated* caller = nullptr, std::string reason = {},
                size_t page_max = limits::kEmbeddedPage);

  // Whether the walk is for the space that the collection has now.
  bool IsFor(const Collection& collection) const;

  // The next page; false at the end, where later calls find what has come since. After an error the
  // page is tried again.
  StatusOr<bool> Step();

  // Begins anew at the first document.
  void Restart();

  // Documents that it has passed because the endpoint may not have their texts or refused them,
  // because their source is in quarantine, or because they are too large. And why the last one was.
  uint64_t left_out() const { return left_out_; }
  const Status& why_left_out() const { return why_left_out_; }

 private:
  // A document of a page. Stays where it is: what is released borrows the texts.
  struct Found {
    uint64_t number;
    std::string id;
    std::string source;
    std::vector<uint32_t> ordinals;
    std::vector<Label> labels;
    bool lacks;  // vectors; else it only loses some
    std::vector<std::string> texts = {};
    std::vector<Released> released = {};  // of texts that are not empty
  };
  struct Page {
    std::deque<Found> documents;
    size_t bytes = 0;       // of what is stored of them, and of the vectors that come
    uint64_t next = 0;      // the number behind it
    uint64_t revision = 0;  // of the View in which it was found
    bool full = false;
  };

  bool Lacks(const store::v1::DocumentRecord& record, const Collection& collection) const;
  StatusOr<bool> TakePage();
  // The documents of the next page, with their texts.
  StatusOr<Page> Find(const View& view) const;
  Status ReadContent(const View& view, Found* document, size_t* bytes) const;
  // Releases what the endpoint may have, leaves the rest out.
  Status ReleaseTexts(const View& view, std::deque<Found>* documents);
  // PERMISSION_DENIED for a document with a text that it may not have.
  Status ReleaseTextsOf(const View& view, Found* document) const;
  // ReleaseTexts() in the newest View, and without what has gone since the one of this revision.
  Status ReleaseAgain(uint64_t revision, std::deque<Found>* documents);
  // Takes out what has gone, and the others as they are now.
  Status LookAgain(const View& view, std::deque<Found>* documents) const;
  // The page as a mutation, embedded; with nothing in it if nothing is left of it.
  StatusOr<store::v1::EmbeddingBatch> Embed(Page* page);
  Status EmbedBy(Endpoint* endpoint, Page* page, store::v1::EmbeddingBatch* batch);
  // Documents whose texts are sent together, or each alone once that is refused.
  Status EmbedGroup(Endpoint* endpoint, uint64_t revision, std::deque<Found>* group,
                    store::v1::EmbeddingBatch* batch);
  // One for each text of documents that the endpoint may still have before each call; of the others
  // none. What the endpoint refuses is told in `refused`.
  using Vectors = std::vector<std::vector<float>>;
  StatusOr<Vectors> SendGroup(Endpoint* endpoint, uint64_t revision, std::deque<Found>* group,
                              Status* refused);
  void AddZeros(const Found& document, store::v1::EmbeddingBatch* batch) const;
  Status Send(store::v1::EmbeddingBatch batch);
  // What the journal has of a page; and of texts that leave, before they do.
  journal::v1::Record RecordOfPage() const;
  Status NoteLeaving(const std::deque<Found>& group) const;
  bool AsksEndpoint() const;
  void LeaveOut(const Status& why);

  const EmbeddingTools tools_;
  const std::shared_ptr<Tenant> tenant_;
  const std::string name_;  // the collection's
  const uint32_t id_;
  const uint32_t number_;  // the space's; 0: none
  const v1::EmbeddingSpace space_;
  const WalkGives gives_;
  const std::optional<Authenticated> caller_;
  const std::string reason_;
  const size_t page_max_;
  uint64_t next_ = 0;  // the number of the document where it goes on
  uint64_t left_out_ = 0;
  Status why_left_out_;
};

}  // namespace cordon
