// The end of every write: through the writer, or refused with its record. Internal to ingest/.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "engine/ingest/ingest.h"
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

// The collection, if the key may write into it; else it is hidden or absent, the same NOT_FOUND.
StatusOr<std::shared_ptr<const Collection>> Writable(const WriteContext& context, const View& view,
                                                     const std::string& name);

}  // namespace cordon
