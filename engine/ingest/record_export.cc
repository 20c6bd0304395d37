#include "engine/ingest/ingest.h"

namespace cordon {

void RecordExport(const WriteContext& context, store::v1::ExportedBatch batch,
                  journal::v1::Record record, Writer::Done done) {
  store::v1::Mutation mutation;
  mutation.set_key_id(context.caller.key_id());
  mutation.set_actor(context.caller.grant().principal);
  mutation.set_reason(record.purpose());  // with every call of Retrieval, that is where it says why
  record.set_reason(record.purpose());
  *mutation.mutable_exported() = std::move(batch);
  context.writer->Submit(context.tenant, context.caller, std::move(mutation), std::move(record),
                         std::move(done));
}

}  // namespace cordon
