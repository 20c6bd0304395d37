// From a call to the writer and back. Internal to ingest/.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "engine/ingest/ingest.h"
#include "engine/ingest/validate.h"
#include "engine/view/journaled.h"

namespace cordon {

template <typename Done>
void RefuseJournaled(const WriteContext& context, std::string_view call, const Status& status,
                     Done done) {
  RefuseJournaled(context.tenant, context.caller, call, status, std::move(done));
}

// Sends a mutation through the writer; `respond` makes the response of what was committed.
template <typename Response, typename Respond>
void Commit(const WriteContext& context, store::v1::Mutation mutation, Acknowledge<Response> done,
            Respond respond) {
  mutation.set_key_id(context.caller.key_id());
  mutation.set_actor(context.caller.grant().principal);
  auto record = RecordOf(CallOf(mutation), context.caller, *context.tenant);
  context.writer->Submit(
      context.tenant, context.caller, std::move(mutation), std::move(record),
      [done = std::move(done), respond = std::move(respond)](auto committed) mutable {
        if (!committed.ok()) return done(committed.status());
        done(respond(*committed));
      });
}

// For calls that answer with a revision only.
template <typename Response>
auto RevisionOnly() {
  return [](const Committed& committed) {
    Response response;
    response.set_revision(committed.revision);
    return response;
  };
}

// The collection, if the key may write into it.
inline StatusOr<std::shared_ptr<const Collection>> Writable(const WriteContext& context,
                                                            const View& view,
                                                            const std::string& name) {
  RETURN_IF_ERROR(context.caller.RequireCollection(name));
  auto collection = view.state().FindCollection(name);
  if (!collection) return CollectionNotFound();
  return collection;
}

}  // namespace cordon
