#include "tools/cordon/batch_stream.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace cordon {
namespace {

// Whether the collection's embedding space was switched while a batch was on its way. It is nowhere
// then, and comes again with those behind it, in their order: of a run none of them is there, and
// elsewhere one that is gets the same content once more.
bool MetASwitch(const Status& status) {
  return status.code() == StatusCode::kAborted && status.field() == "collection";
}

// Vectors are of a model: those that were made for the space before have no place in another one,
// even if it has as many dimensions. Texts are embedded by the server for the one that is searched.
bool BringsVectors(const v1::IngestRequest& request) {
  for (const auto& document : request.documents()) {
    for (const auto& chunk : document.chunks()) {
      if (!chunk.embedding().empty()) return true;
    }
  }
  return false;
}

}  // namespace

void MergeRefusals(const google::protobuf::RepeatedPtrField<v1::Refusal>& refusals,
                   const std::vector<Origin>& origins, std::vector<RefusedDocument>* refused) {
  for (const v1::Refusal& refusal : refusals) {
    Origin origin;
    if (refusal.index() < origins.size()) origin = origins[refusal.index()];
    refused->push_back({std::move(origin), refusal.id(), refusal.field(), refusal.message()});
  }
  std::stable_sort(refused->begin(), refused->end(),
                   [](const auto& a, const auto& b) { return a.origin.line < b.origin.line; });
}

BatchStream::BatchStream(const Connection& connection, Completed completed)
    : connection_(connection),
      completed_(std::move(completed)),
      stub_(v1::Ingest::NewStub(connection.channel())),
      ended_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CORDON_CHECK(ended_event_ >= 0);
}

BatchStream::~BatchStream() {
  if (stream_) {
    context_->TryCancel();
    (void)Close();
  }
  close(ended_event_);
}

Status BatchStream::Send(DocumentBatch batch) {
  RETURN_IF_ERROR(failed_);
  if (!batch.Ours()) batch.request.set_batch(next_batch_++);
  {
    const std::lock_guard lock(mutex_);
    pending_.push_back(std::make_shared<DocumentBatch>(std::move(batch)));
    CompleteUnsent();
  }
  failed_ = Pump(kWindow - 1);
  return failed_;
}

StatusOr<v1::Checkpoint> BatchStream::OpenRun(v1::IngestRequest first) {
  constexpr int kTries = 20;  // 5 s
  constexpr std::chrono::milliseconds kPause{250};
  const auto asked = std::make_shared<DocumentBatch>();
  asked->request = std::move(first);
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) std::this_thread::sleep_for(kPause);
    {
      const std::lock_guard lock(mutex_);
      pending_ = {asked};
      written_ = 0;
      ended_ = false;
    }
    failed_ = Pump(0);
    if (failed_.code() != StatusCode::kAborted) break;
  }
  RETURN_IF_ERROR(failed_);
  const std::lock_guard lock(mutex_);
  if (!checkpoint_) {
    failed_ = Status(StatusCode::kUnimplemented, "run", "the server knows no runs; upgrade it");
    return failed_;
  }
  next_batch_ = checkpoint_->batch() + 1;
  return *checkpoint_;
}

Status BatchStream::WaitForInput(int descriptor) {
  RETURN_IF_ERROR(failed_);
  while (true) {
    pollfd events[] = {{descriptor, POLLIN, 0}, {ended_event_, POLLIN, 0}};
    if (poll(events, 2, /*timeout=*/-1) < 0) continue;  // interrupted
    if (events[1].revents == 0) return OkStatus();
    eventfd_t count;
    (void)eventfd_read(ended_event_, &count);
    failed_ = Pump(kWindow);  // opens another stream if the server only asked to wait
    RETURN_IF_ERROR(failed_);
  }
}

Status BatchStream::Finish() {
  RETURN_IF_ERROR(failed_);
  if (!stream_) Open();  // nothing to send is still a question to the server
  failed_ = Pump(0);
  RETURN_IF_ERROR(failed_);
  stream_->WritesDone();
  failed_ = connection_.Outcome(Close()).status;
  return failed_;
}

Status BatchStream::Pump(size_t pending_max) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (ended_) {
      lock.unlock();
      RETURN_IF_ERROR(Reopen());
      lock.lock();
    }
    if (written_ < pending_.size()) {
      const std::shared_ptr<DocumentBatch> batch = pending_[written_++];
      if (batch->Ours()) continue;
      lock.unlock();
      if (!stream_) Open();
      const bool alive = stream_->Write(batch->request);
      lock.lock();
      // A write fails only on a stream that is over; the reader sees the same.
      if (!alive) changed_.wait(lock, [this] { return ended_; });
      continue;
    }
    if (pending_.size() <= pending_max) return OkStatus();
    changed_.wait(lock, [&] { return ended_ || pending_.size() <= pending_max; });
  }
}

void BatchStream::Open() {
  context_ = std::make_unique<grpc::ClientContext>();
  connection_.Prepare(context_.get(), std::chrono::milliseconds(0));
  stream_ = stub_->Ingest(context_.get());
  reader_ = std::thread([this] { ReadAcknowledgements(); });
}

Status BatchStream::Reopen() {
  const RpcOutcome outcome = connection_.Outcome(Close());
  std::optional<std::chrono::milliseconds> delay;
  {
    const std::lock_guard lock(mutex_);
    if (out_of_order_) return Internal("the server acknowledged a batch that is not the next one");
    if (outcome.ok()) {
      return Status(StatusCode::kUnavailable, "", "the server ended the stream; run it again");
    }
    delay = DelayBefore(outcome);
    if (!delay) return outcome.status;
    written_ = 0;
    ended_ = false;
  }
  std::this_thread::sleep_for(*delay);
  Open();
  return OkStatus();
}

std::optional<std::chrono::milliseconds> BatchStream::DelayBefore(const RpcOutcome& outcome) {
  constexpr int kSwitchesMax = 5;
  if (!MetASwitch(outcome.status)) return retry_.Next(outcome);
  if (pending_.empty() || BringsVectors(pending_.front()->request)) return std::nullopt;
  if (switches_++ == kSwitchesMax) return std::nullopt;
  return std::chrono::milliseconds(0);
}

grpc::Status BatchStream::Close() {
  reader_.join();
  const grpc::Status status = stream_->Finish();
  stream_.reset();
  context_.reset();
  return status;
}

void BatchStream::ReadAcknowledgements() {
  v1::IngestResponse response;
  while (stream_->Read(&response)) {
    const std::lock_guard lock(mutex_);
    if (written_ == 0 || pending_.front()->request.batch() != response.batch()) {
      out_of_order_ = true;
      context_->TryCancel();
      break;
    }
    retry_.Reset();
    switches_ = 0;
    CompleteFront(response);
    CompleteUnsent();
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
  (void)eventfd_write(ended_event_, 1);
}

void BatchStream::CompleteFront(const v1::IngestResponse& response) {
  if (response.has_checkpoint()) {
    checkpoint_ = response.checkpoint();
  } else {
    completed_(*pending_.front(), response);
  }
  pending_.pop_front();
  if (written_ > 0) --written_;
}

void BatchStream::CompleteUnsent() {
  while (!pending_.empty() && pending_.front()->Ours()) CompleteFront({});
}

}  // namespace cordon
