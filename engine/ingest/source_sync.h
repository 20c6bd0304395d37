// The full listing of a source on its way in (docs/decisions/source-sync.md).
//
//   begin → documents, message by message: compared with what is stored, and what differs becomes
//   a mutation → commit: what the source has no more goes, last of all
//
// What a message does not change is as it was in a View between its arrival and its answer. What
// another writes anew meanwhile stays: mutations name the versions that they are about.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "cordon/journal/v1/record.pb.h"
#include "cordon/store/v1/mutation.pb.h"
#include "engine/ingest/ingest.h"
#include "engine/ingest/listed_documents.h"
#include "engine/ingest/open_listings.h"
#include "engine/ingest/validate.h"

namespace cordon {

// Whether the caller may send a listing at all. `done` gets the refusal, once it has its record.
void OpenSource(const WriteContext& context, std::function<void(Status)> done);

// One listing. For one thread at a time. `open` outlives it, and has `lost`.
class SourceSync {
 public:
  explicit SourceSync(OpenListings* open, std::function<void()> lost = {})
      : open_(open), lost_(std::move(lost)) {}

  SourceSync(const SourceSync&) = delete;
  SourceSync& operator=(const SourceSync&) = delete;

  // The collection; empty before it has begun.
  const std::string& collection() const { return begin_.collection(); }

  // Takes the next message and finds out what of it must be changed. A refusal ends the listing; it
  // has no record yet: Refuse() makes it. The caller's rights are asked each time. Waits for the
  // endpoint that embeds, if the collection has one. No View outlives it: a slow client keeps none.
  Status Take(const WriteContext& context, v1::SyncSourceRequest request);

  // After each message but the last: changes what it found. `done` gets how that went, once it is
  // durable and visible or refused, and recorded.
  void Send(const WriteContext& context, std::function<void(Status)> done);

  // After the last message: the rest, and then what is missing, on the context's background thread.
  // `stop` says true when the server ends or nobody waits any more: what is done stays then. The
  // listing lives until `done` was called.
  void Commit(const WriteContext& context, std::function<bool()> stop,
              Acknowledge<v1::SyncSourceResponse> done);

  // Instead of that, of a listing in one message: all that it changes as one mutation, to be tried.
  // Refused if there would be several. DEADLINE_EXCEEDED once `stop` says true.
  StatusOr<store::v1::Mutation> AsOne(const WriteContext& context,
                                      const std::function<bool()>& stop);

  // The documents that are refused, as far as an answer tells of them.
  const google::protobuf::RepeatedPtrField<v1::Refusal>& refused() const {
    return response_.refused();
  }

  // Records a refusal of the call, which ends the listing: nothing of it may be on its way.
  void Refuse(const WriteContext& context, const Status& status, std::function<void(Status)> done);

 private:
  using ListedId = std::array<uint64_t, 2>;  // of a digest
  struct HashOf {
    size_t operator()(const ListedId& id) const { return id[0]; }
  };
  // The first ids of one kind of difference.
  using Ids = std::vector<std::string>;

  Status CheckBegin(const WriteContext& context, const v1::SyncSourceBegin& begin) const;
  Status Begin(const WriteContext& context, const v1::SyncSourceBegin& begin);
  Status CheckSize(const v1::SyncSourceRequest& request) const;
  // Remembers an id as listed: a refused document's, too.
  Status List(const std::string& id);
  bool IsListed(const std::string& id) const;
  void TakeUnchanged(const WriteContext& context, const View& view, const Collection& collection,
                     const v1::SyncSourceRequest& request);
  // The documents that may be judged at all, and their places in the listing.
  v1::IngestRequest Admitted(v1::SyncSourceRequest* request, std::vector<uint32_t>* places);
  Status TakeDocuments(const WriteContext& context, const View& view, const Collection& collection,
                       v1::SyncSourceRequest* request);
  // Whether the caller may learn what is stored.
  static bool MayLearn(const WriteContext& context);
  Status Embed(const WriteContext& context, const View& view, const Collection& collection,
               Validated* validated);
  // Sorts what was validated into what is to be written, redescribed, and left alone.
  Status Sort(const WriteContext& context, const View& view, const Collection& collection,
              Validated validated);
  static void Keep(Ids* ids, const std::string& id);
  void Count(const Listed& listed, const std::string& id);
  void AddRefusal(v1::Refusal refusal);
  store::v1::Mutation TakePage();

  void Finish(const WriteContext& context, const std::function<bool()>& stop,
              const Acknowledge<v1::SyncSourceResponse>& done);
  // `goes_on` is asked for each version that the source ever had; its error ends the walk.
  Status FindMissing(const WriteContext& context, const std::function<Status()>& goes_on);
  void Visit(const store::v1::DocumentRecord& record, const Grant& grant);
  void AddMissing(const store::v1::DocumentRecord& record);
  Status CheckRemovals() const;
  // INVALID_ARGUMENT if what is missing takes several revisions.
  Status CheckOnePage() const;
  // Sends the page and waits until it is committed; not on the writer's thread.
  StatusOr<cordon::Committed> Committing(const WriteContext& context);
  // Sends the pages, each once the one before is committed, and answers.
  void SendRest(const WriteContext& context, const std::function<bool()>& stop,
                const Acknowledge<v1::SyncSourceResponse>& done);
  void Committed(const cordon::Committed& committed);
  void DryRun(const WriteContext& context, const Acknowledge<v1::SyncSourceResponse>& done);
  v1::SyncSourceResponse Response(const WriteContext& context);
  // What the journal gets of this call, but for its outcome.
  journal::v1::Record NewRecord(const WriteContext& context) const;

  OpenListings* const open_;
  const std::function<void()> lost_;
  // Null before it has begun, and given back before its answer leaves: who has that may send again.
  std::unique_ptr<OpenListings::Place> place_;
  std::shared_ptr<Tenant> tenant_;  // null before it has begun
  v1::SyncSourceBegin begin_;
  v1::SyncSourceCommit commit_;
  bool whole_ = false;         // `commit` has come
  uint64_t first_number_ = 0;  // that no document had when it began
  std::unordered_set<ListedId, HashOf> listed_;
  uint64_t documents_ = 0;      // listed so far, in `documents`
  uint64_t unchanged_ids_ = 0;  // the same in `unchanged`

  store::v1::SourceBatch page_;  // what is to be sent next
  bool any_ = false;             // some document of the message was good
  std::string sent_to_;          // the endpoint that received texts of the message
  uint64_t joins_ = 0;           // of the page: documents that come to the source
  uint64_t joined_ = 0;          // the same of what is committed

  // Numbers of what is to be deleted, and where in them each page but the last ends: a page weighs
  // as much as one of a selection.
  std::vector<uint64_t> missing_;
  std::vector<size_t> page_ends_;
  size_t page_bytes_ = 0;  // of the records of the last page
  uint64_t kept_ = 0;      // stored documents of the source that are listed

  v1::SyncSourceResponse response_;
  size_t refusal_bytes_ = 0;         // of those in it
  v1::SourceDifference difference_;  // without ids
  std::set<std::string> undefined_;
  Ids added_, changed_, redescribed_, removed_, missing_ids_;
};

}  // namespace cordon
