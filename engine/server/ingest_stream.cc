#include "engine/server/ingest_stream.h"

#include <memory>

#include "engine/server/endpoint_wait.h"

namespace cordon {
namespace {

StatusOr<v1::IngestRequest> Parse(grpc::ByteBuffer* message) {
  v1::IngestRequest request;
  if (grpc::SerializationTraits<v1::IngestRequest>::Deserialize(message, &request).ok()) {
    return request;
  }
  return Invalid("", "the message is no IngestRequest; send one, as ingest.proto has it");
}

grpc::ByteBuffer Serialize(const v1::IngestResponse& response) {
  grpc::ByteBuffer bytes;
  bool own = false;
  const auto written =
      grpc::SerializationTraits<v1::IngestResponse>::Serialize(response, &bytes, &own);
  CORDON_CHECK(written.ok());
  return bytes;
}

}  // namespace

IngestStream::IngestStream(Front* front, grpc::CallbackServerContext* context)
    : front_(front),
      counted_(&front->counts, MethodOf(v1::IngestRequest::descriptor())),
      context_(context),
      ahead_(&front->ahead_bytes) {
  const bool serving = front_->streams.Add(this, [this] { Drain(); });
  std::lock_guard lock(mutex_);
  draining_ = draining_ || !serving;
  if (!front_->executor->Submit([this] { Begin(); })) {
    processing_ = false;
    Fail(Overloaded());
    MaybeFinish();
  }
}

void IngestStream::Begin() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return Begun(caller.status());
  caller_ = *caller;
  OpenIngest(front_->engine->WriteAs(*caller), [this](const Status& status) { Begun(status); });
}

void IngestStream::Begun(const Status& status) {
  std::lock_guard lock(mutex_);
  processing_ = false;
  if (!status.ok()) Fail(status);
  MaybeRead();
  MaybeFinish();
}

void IngestStream::Drain() {
  std::lock_guard lock(mutex_);
  draining_ = true;
  MaybeFinish();
}

void IngestStream::MaybeRead() {
  if (reading_ || read_all_ || draining_ || !failed_.ok()) return;
  if (!ahead_.MayRead()) return;
  reading_ = true;
  StartRead(&incoming_);
}

void IngestStream::OnReadDone(bool ok) {
  std::optional<uint64_t> turned_away;
  {
    std::lock_guard lock(mutex_);
    reading_ = false;
    if (ok) {
      ahead_.Read(incoming_.Length());
      unprocessed_.push_back(incoming_);
      incoming_.Clear();
      ++next_number_;
      turned_away = MaybeProcess();
      MaybeRead();
    } else {
      read_all_ = true;
    }
    MaybeFinish();
  }
  if (turned_away) TurnAway(*turned_away);
}

std::optional<uint64_t> IngestStream::MaybeProcess() {
  if (processing_ || refused_ || unprocessed_.empty() || !failed_.ok()) return std::nullopt;
  processing_ = true;
  const uint64_t number = next_process_++;
  const grpc::ByteBuffer message = unprocessed_.front();
  unprocessed_.pop_front();
  const bool admitted = front_->SubmitBulk([this, message, number] { Process(message, number); });
  return admitted ? std::nullopt : std::optional(number);
}

void IngestStream::TurnAway(uint64_t number) {
  RefuseEntered(EnteredCall{front_, context_, *caller_, "Ingest"}, Overloaded(),
                [this, number](const Status& refused) {
                  Acknowledge(number, refused);
                  Processed(refused);
                });
}

void IngestStream::Process(grpc::ByteBuffer message, uint64_t number) {
  // Each batch is authenticated anew: a key that is revoked in mid-stream writes nothing more.
  const auto caller = front_->Authenticate(*context_);
  Status refused = caller.status();
  if (refused.ok()) refused = front_->Admit(*caller);
  auto request = refused.ok() ? Parse(&message) : StatusOr<v1::IngestRequest>(refused);
  if (refused.ok()) refused = request.status();
  if (refused.ok()) refused = CheckBatch(*caller, *request, number);
  if (!caller.ok()) {
    Acknowledge(number, refused);
  } else if (!refused.ok()) {
    const auto tenant = front_->engine->FindTenant(caller->tenant());
    RefuseJournaled(tenant, *caller, "Ingest", refused,
                    [this, number](Result result) { Acknowledge(number, std::move(result)); });
  } else {
    return Hand(*caller, *std::move(request), number);
  }
  Processed(refused);
}

void IngestStream::Hand(const Authenticated& caller, v1::IngestRequest request, uint64_t number) {
  const auto batch = std::make_shared<v1::IngestRequest>(std::move(request));
  WhereItMayWait(
      EnteredCall{front_, context_, caller, "Ingest"}, *batch,
      [this, batch, number](const Authenticated& now) {
        IngestDocuments(front_->engine->WriteAs(now), std::move(*batch),
                        [=, this](Result result) { Acknowledge(number, std::move(result)); });
        Processed(OkStatus());
      },
      [this, number](const Status& refused) {
        Acknowledge(number, refused);
        Processed(refused);
      });
}

void IngestStream::Processed(const Status& refused) {
  std::optional<uint64_t> turned_away;
  {
    std::lock_guard lock(mutex_);
    processing_ = false;
    refused_ = refused_ || !refused.ok();
    turned_away = MaybeProcess();
    MaybeFinish();
  }
  if (turned_away) TurnAway(*turned_away);
}

Status IngestStream::CheckBatch(const Authenticated& caller, const v1::IngestRequest& request,
                                uint64_t number) {
  RETURN_IF_ERROR(CheckMessage(request, limits::kIngestMessageBytes));
  std::lock_guard lock(mutex_);
  if (number == 0) collection_ = request.collection();
  if (request.collection() == collection_) return CheckRun(caller, request, number);
  return Invalid("collection", "differs from the stream's first; open another stream");
}

Status IngestStream::CheckRun(const Authenticated& caller, const v1::IngestRequest& request,
                              uint64_t number) {
  if (number == 0) run_ = request.run();
  if (request.run() != run_) {
    return Invalid("run", "differs from the stream's first; open another stream");
  }
  if (run_.empty()) return OkStatus();
  if (last_batch_ > 0 && request.batch() != last_batch_ + 1) {
    return Invalid("batch", "not the one after the last; number the batches of a run without gaps");
  }
  last_batch_ = request.batch();
  if (!open_run_.empty()) return OkStatus();
  std::string name;
  for (const std::string& part : {caller.tenant(), collection_, caller.key_id(), run_}) {
    name += std::to_string(part.size()) + ':' + part;
  }
  if (!front_->runs.Enter(name)) {
    return Status(StatusCode::kAborted, "run",
                  "another stream has it open; end that one, or give this input another run");
  }
  open_run_ = std::move(name);
  return OkStatus();
}

void IngestStream::LeaveRun() {
  if (open_run_.empty()) return;
  front_->runs.Leave(open_run_);
  open_run_.clear();
}

void IngestStream::Acknowledge(uint64_t number, Result result) {
  std::lock_guard lock(mutex_);
  acknowledged_.emplace(number, std::move(result));
  MaybeWrite();
  MaybeRead();
  MaybeFinish();
}

void IngestStream::MaybeWrite() {
  if (writing_) return;
  const auto next = acknowledged_.find(next_write_);
  if (next == acknowledged_.end()) return;
  ++next_write_;
  ahead_.Answered();
  if (!next->second.ok()) {
    Fail(next->second.status());
  } else if (failed_.ok()) {
    v1::IngestResponse& response = next->second->response;
    undefined_.insert(next->second->undefined.begin(), next->second->undefined.end());
    response.set_undefined_principals(static_cast<uint32_t>(undefined_.size()));
    outgoing_ = Serialize(response);
    writing_ = true;
    StartWrite(&outgoing_);
  }
  acknowledged_.erase(next);
  if (!writing_) MaybeWrite();
}

void IngestStream::OnWriteDone(bool ok) {
  std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) Fail(Status(StatusCode::kCancelled, "", "the client is gone"));
  MaybeWrite();
  MaybeRead();
  MaybeFinish();
}

void IngestStream::OnDone() {
  // Whoever called Finish did so with the lock held; wait until it has let go.
  { std::lock_guard lock(mutex_); }
  front_->streams.Remove(this);
  delete this;
}

void IngestStream::Fail(const Status& status) {
  if (failed_.ok()) failed_ = status;
  // What has not been handed to the writer is dropped; it was never acknowledged.
  unprocessed_.clear();
}

void IngestStream::MaybeFinish() {
  const bool idle =
      !processing_ && !writing_ && unprocessed_.empty() && next_write_ == next_process_;
  if (finished_) return;
  if (draining_ && idle && !read_all_) {
    Fail(Stopping());
  }
  if (!failed_.ok() && !processing_ && !writing_ && next_write_ == next_process_) {
    // A pending read ends by itself once the call is finished.
    finished_ = true;
    LeaveRun();  // first: who knows of the end may open the run anew
    Finish(counted_.Ended(failed_));
    return;
  }
  if (idle && !reading_ && read_all_) {
    finished_ = true;
    LeaveRun();
    Finish(counted_.Ended(OkStatus()));
  }
}

}  // namespace cordon
