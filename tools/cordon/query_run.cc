#include "tools/cordon/query_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

using std::chrono::steady_clock;

// A server that cannot be reached and has not answered anything for so long is asked no more.
constexpr std::chrono::seconds kGiveUpAfter{5};

}  // namespace

void TellAnswer(Output& output, const std::optional<std::string>& id,
                const v1::RetrieveResponse& response, const Status& status) {
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Key("id");
    if (id) {
      json.String(*id);
    } else {
      json.Null();
    }
    if (status.ok()) {
      WriteRetrieve(json, response);
    } else {
      WriteError(json, status);
    }
    output.Line(json.EndObject());
    return;
  }
  if (id) output.Line(fmt::format("── {}", Printable(*id)));
  if (status.ok()) {
    output.Line(RetrieveText(response) + (id ? "\n" : ""));
  } else {
    output.Fail(status);
  }
}

QueryRun::QueryRun(const Connection& connection, Output& output, v1::RetrieveRequest defaults)
    : connection_(connection),
      output_(output),
      defaults_(std::move(defaults)),
      stub_(v1::Retrieval::NewStub(connection.channel())) {}

QueryRun::~QueryRun() {
  std::unique_lock lock(mutex_);
  for (const auto& slot : slots_) {
    if (slot->context && !slot->done) slot->context->TryCancel();
  }
  changed_.wait(lock, [this] { return open_calls_ == 0; });
}

StatusOr<int> QueryRun::Run(LineReader& reader) {
  bool more = true;
  Status broken;
  while (more || !slots_.empty()) {
    if (more) {
      const auto filled = Fill(reader);
      more = filled.ok() && *filled;
      if (!filled.ok()) broken = filled.status();
    }
    TellReady();
    if (!slots_.empty()) Advance();
  }
  if (!broken.ok()) return broken;
  return any_failed_ ? 1 : 0;
}

StatusOr<bool> QueryRun::Fill(LineReader& reader) {
  while (slots_.size() < window_) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(line_));
    if (!more) return false;
    if (line_.IsEmpty()) continue;
    auto slot = std::make_unique<Slot>();
    slot->query.request = defaults_;
    slot->status = line_.status.ok() ? ParseQuery(parser_, line_.text, &slot->query) : line_.status;
    if (slot->status.ok()) slot->status = gone_;
    slot->judged = !slot->status.ok();
    slots_.push_back(std::move(slot));
    if (!slots_.back()->judged) Ask(*slots_.back());
    if (slots_.front()->judged) return true;  // an answer that is ready does not wait for input
  }
  return true;
}

void QueryRun::Ask(Slot& slot) {
  slot.context = std::make_unique<grpc::ClientContext>();
  connection_.Prepare(slot.context.get(), kCallTimeout);
  slot.response.Clear();
  slot.retry_at.reset();
  {
    const std::lock_guard lock(mutex_);
    slot.done = false;
    if (open_calls_++ == 0) waiting_since_ = steady_clock::now();
  }
  stub_->async()->Retrieve(slot.context.get(), &slot.query.request, &slot.response,
                           [this, &slot](grpc::Status result) {
                             const std::lock_guard lock(mutex_);
                             slot.result = std::move(result);
                             slot.done = true;
                             --open_calls_;
                             changed_.notify_all();
                           });
}

void QueryRun::Advance() {
  if (slots_.front()->judged) return;
  std::vector<Slot*> finished;
  {
    std::unique_lock lock(mutex_);
    const auto any_done = [&] {
      return std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->done; });
    };
    std::optional<Time> due;
    for (const auto& slot : slots_) {
      if (slot->retry_at && (!due || *slot->retry_at < *due)) due = slot->retry_at;
    }
    if (due) {
      changed_.wait_until(lock, *due, any_done);
    } else {
      changed_.wait(lock, any_done);
    }
    for (const auto& slot : slots_) {
      if (std::exchange(slot->done, false)) finished.push_back(slot.get());
    }
  }
  for (Slot* slot : finished) Judge(*slot);
  const Time now = steady_clock::now();
  for (const auto& slot : slots_) {
    if (slot->retry_at && *slot->retry_at <= now) Ask(*slot);
  }
}

void QueryRun::Judge(Slot& slot) {
  const RpcOutcome outcome = connection_.Outcome(slot.result);
  const Time now = steady_clock::now();
  if (const auto delay = slot.retry.Next(outcome)) {
    window_ = std::max<size_t>(1, window_ / 2);
    slot.retry_at = now + *delay;
    return;
  }
  slot.judged = true;
  slot.status = outcome.status;
  if (outcome.status.code() == StatusCode::kUnavailable) {
    if (now - waiting_since_ >= kGiveUpAfter) gone_ = outcome.status;
  } else {
    waiting_since_ = now;
    window_ = std::min(kWindow, window_ + 1);
  }
}

void QueryRun::TellReady() {
  while (!slots_.empty() && slots_.front()->judged) {
    const Slot& slot = *slots_.front();
    any_failed_ = any_failed_ || !slot.status.ok();
    TellAnswer(output_, slot.query.id, slot.response, slot.status);
    slots_.pop_front();
  }
}

}  // namespace cordon
