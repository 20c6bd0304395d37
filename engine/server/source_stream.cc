#include "engine/server/source_stream.h"

#include "engine/server/endpoint_wait.h"

namespace cordon {
namespace {

// By what WhereItMayWait() judges a message.
v1::IngestRequest AskedOf(const std::string& collection, const v1::SyncSourceRequest& message) {
  v1::IngestRequest asked;
  asked.set_collection(collection);
  if (!message.documents().empty()) asked.add_documents();
  return asked;
}

}  // namespace

SourceStream::SourceStream(Front* front, grpc::CallbackServerContext* context,
                           v1::SyncSourceResponse* response)
    : ClientStream(front, context, response),
      // Another listing has got the place of this one. If it does not wait for its client, the next
      // message finds out.
      sync_(&front->listings, [this] { RefuseWaiting(ListingLost()); }) {
  Start();
}

void SourceStream::Open(const Authenticated& caller) {
  OpenSource(front_->engine->WriteAs(caller), [this](const Status& status) { ReadIfOk(status); });
}

void SourceStream::Process(const Authenticated& caller) {
  const std::string& collection =
      incoming_.has_begin() ? incoming_.begin().collection() : sync_.collection();
  WhereItMayWait(
      EnteredCall{front_, context_, caller, "SyncSource"}, AskedOf(collection, incoming_),
      [this](const Authenticated& now) { Take(now); },
      [this](const Status& refused) { End(refused); });
}

void SourceStream::Take(const Authenticated& caller) {
  const WriteContext write = front_->engine->WriteAs(caller);
  const bool last = incoming_.has_commit();
  const Status taken = sync_.Take(write, std::move(incoming_));
  if (!taken.ok()) return Refuse(caller, taken);
  if (!last) return sync_.Send(write, [this](const Status& status) { ReadIfOk(status); });
  sync_.Commit(
      write, [this, over = UncappedStopOf(context_)] { return draining() || over(); },
      [this](auto result) { Answer(std::move(result)); });
}

void SourceStream::Refuse(const Authenticated& caller, const Status& status) {
  sync_.Refuse(front_->engine->WriteAs(caller), status,
               [this](const Status& refused) { End(refused); });
}

Status SourceStream::Incomplete() const {
  return Invalid("commit",
                 "missing: the stream ended before it, and nothing was deleted; send the whole "
                 "listing again");
}

}  // namespace cordon
