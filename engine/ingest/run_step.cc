#include "engine/ingest/run_step.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"
#include "engine/ingest/validate.h"
#include "engine/store/ingest_runs.h"

namespace cordon {
namespace {

using store::v1::AppliedBatch;
using store::v1::RunRecord;

Status CheckRunFields(const v1::IngestRequest& request) {
  if (request.run().empty()) {
    if (request.end_run()) return Invalid("end_run", "needs a run; name it in `run`");
    if (!request.position().empty()) return Invalid("position", "needs a run; name it in `run`");
    return OkStatus();
  }
  RETURN_IF_ERROR(CheckName("run", request.run(), limits::kRunBytes));
  if (request.position().size() > limits::kRunPositionBytes) {
    return Invalid("position", fmt::format("more than {} bytes", limits::kRunPositionBytes));
  }
  if (request.batch() > 0) return OkStatus();
  if (request.documents().empty() && !request.end_run() && request.position().empty()) {
    return OkStatus();
  }
  return Invalid("batch", "0 only asks where the run stands; number the batches of a run from 1");
}

// Of all that the client sent but where it goes on, and why: equal contents are equal, whatever the
// order of their attributes.
Digest ContentOf(v1::IngestRequest* request) {
  std::string position, reason;
  position.swap(*request->mutable_position());
  reason.swap(*request->mutable_reason());
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    CORDON_CHECK(request->SerializeToCodedStream(&coded));
  }
  position.swap(*request->mutable_position());
  reason.swap(*request->mutable_reason());
  return Sha256(bytes);
}

StatusOr<RunRecord> ReadRun(const View& view, const Collection& collection,
                            const Authenticated& caller, const std::string& run) {
  const std::string key =
      RunKeyOf(view.vault(), view.state().id, collection.id, caller.key_id(), run);
  RunRecord record;
  RETURN_IF_ERROR(view.Scan(Family::kHeads, key,
                            [&](auto, auto payload) { return ParseRecord(payload, &record); }));
  return record;
}

bool BitOf(const std::string& bits, size_t i) {
  return i / 8 < bits.size() && (static_cast<unsigned char>(bits[i / 8]) >> i % 8 & 1) != 0;
}

// The refused documents of the batches that are remembered, by their places in the run.
void TellPlaces(const RunRecord& record, v1::Checkpoint* checkpoint) {
  const auto documents = [](const AppliedBatch& batch) {
    return batch.accepted() + CountRefused(batch);
  };
  uint64_t place = record.accepted() + record.refused();
  for (const AppliedBatch& batch : record.batches()) place -= documents(batch);
  checkpoint->set_places_from(place);
  for (const AppliedBatch& batch : record.batches()) {
    for (size_t i = 0; i < 8 * batch.refused().size(); ++i) {
      if (BitOf(batch.refused(), i)) checkpoint->add_refused_places(place + i);
    }
    place += documents(batch);
  }
}

StatusOr<v1::IngestResponse> CheckpointOf(const View& view, const RunRecord& record) {
  v1::IngestResponse response;
  v1::Checkpoint* const checkpoint = response.mutable_checkpoint();
  if (record.batches().empty()) return response;
  checkpoint->set_batch(record.batches().rbegin()->batch());
  checkpoint->set_accepted(record.accepted());
  checkpoint->set_refused(record.refused());
  ASSIGN_OR_RETURN(*checkpoint->mutable_position(),
                   view.vault().OpenFor("run position", record.position()));
  checkpoint->set_ended(record.ended());
  TellPlaces(record, checkpoint);
  response.set_revision(record.batches().rbegin()->revision());
  return response;
}

// The refusals as they were, with the reasons that they have now: none are stored. What was written
// is not judged again, nor embedded.
void TellRefusedAgain(const View& view, const Collection& collection, const Authenticated& caller,
                      const std::string& refused, v1::IngestRequest* request,
                      v1::IngestResponse* response) {
  v1::IngestRequest again;
  std::vector<v1::Refusal> told;
  for (int i = 0; i < request->documents_size(); ++i) {
    const auto place = static_cast<uint32_t>(i);
    if (!BitOf(refused, place)) continue;
    v1::Document* const document = request->mutable_documents(i);
    told.push_back(
        RefusalOf(place, document->id(),
                  Invalid("", "was refused when the batch came first; send it in another")));
    again.add_documents()->Swap(document);
  }
  for (auto& now : Validate(view, collection, caller, &again).refused) {
    v1::Refusal& then = told[now.index()];
    now.set_index(then.index());
    then = std::move(now);
  }
  response->mutable_refused()->Assign(told.begin(), told.end());
}

StatusOr<v1::IngestResponse> AppliedAnswer(const View& view, const Collection& collection,
                                           const Authenticated& caller, const RunRecord& record,
                                           const Digest& content, v1::IngestRequest* request) {
  for (const AppliedBatch& applied : record.batches()) {
    if (applied.batch() != request->batch()) continue;
    if (applied.digest() != RunDigestOf(view.vault(), AsBytes(content))) {
      return Status(StatusCode::kFailedPrecondition, "run",
                    fmt::format("batch {} was applied with another content; give a changed input "
                                "another run",
                                applied.batch()));
    }
    v1::IngestResponse response;
    response.set_accepted(applied.accepted());
    response.set_revision(applied.revision());
    TellRefusedAgain(view, collection, caller, applied.refused(), request, &response);
    return response;
  }
  return Status(StatusCode::kFailedPrecondition, "batch",
                fmt::format("applied too long ago to be compared; the run stands at batch {}, go "
                            "on from there",
                            record.batches().rbegin()->batch()));
}

}  // namespace

StatusOr<RunStep> StepOfRun(const View& view, const Collection& collection,
                            const Authenticated& caller, v1::IngestRequest* request) {
  RunStep step;
  RETURN_IF_ERROR(CheckRunFields(*request));
  if (request->run().empty()) return step;
  ASSIGN_OR_RETURN(const RunRecord record, ReadRun(view, collection, caller, request->run()));
  if (request->batch() == 0) {
    ASSIGN_OR_RETURN(step.known, CheckpointOf(view, record));
    return step;
  }
  const Digest content = ContentOf(request);
  const uint64_t last = record.batches().empty() ? 0 : record.batches().rbegin()->batch();
  if (request->batch() <= last && !Planted(Bug::kBatchAppliedTwice)) {
    ASSIGN_OR_RETURN(step.known, AppliedAnswer(view, collection, caller, record, content, request));
    step.known->set_batch(request->batch());
    return step;
  }
  // More may be on their way to the writer, who knows whether this one is the next.
  auto& next = step.next.emplace();
  next.set_run(request->run());
  next.set_batch(request->batch());
  next.set_digest(std::string(AsBytes(content)));
  next.set_position(request->position());
  next.set_end(request->end_run());
  return step;
}

void NoteRefused(std::span<const v1::Refusal> refused, store::v1::RunBatch* run) {
  std::string* const bits = run->mutable_refused();
  for (const auto& refusal : refused) {
    const size_t byte = refusal.index() / 8;
    if (byte >= bits->size()) bits->resize(byte + 1);
    (*bits)[byte] = static_cast<char>((*bits)[byte] | 1 << refusal.index() % 8);
  }
}

}  // namespace cordon
