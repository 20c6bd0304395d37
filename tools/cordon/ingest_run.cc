#include "tools/cordon/ingest_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tools/cordon/human.h"
#include "tools/cordon/message_size.h"

namespace cordon {
namespace {

constexpr size_t kBatchTextMax = 16 << 20;  // of lines that are kept beside it

Status OtherInput() {
  return Status(StatusCode::kFailedPrecondition, "run",
                "the input is not the one that it began with; give this one another run");
}

}  // namespace

IngestRun::IngestRun(const Connection& connection, Output& output, IngestSettings settings)
    : output_(output),
      settings_(std::move(settings)),
      progress_(output),
      stream_(connection, [this](const DocumentBatch& batch, const v1::IngestResponse& response) {
        Complete(batch, response);
      }) {}

int IngestRun::Run(DocumentSource& source) {
  if (settings_.refused != nullptr) source.KeepLines();
  Status status = settings_.run.empty() ? OkStatus() : Resume();
  source.WaitWith([this](int descriptor) { return stream_.WaitForInput(descriptor); });
  if (status.ok()) status = ReadAll(source);
  // What was read before its source broke off is still good.
  Status sent = SendBatch();
  if (sent.ok() && status.ok() && !settings_.run.empty()) sent = End();
  if (sent.ok() && !sent_any_) sent = Send();  // so that the server judges key and collection
  if (sent.ok()) sent = stream_.Finish();
  if (status.ok()) status = CheckErrors();  // the last answers may have brought it
  if (!sent.ok()) status = sent;
  if (settings_.refused != nullptr) {
    const Status kept = settings_.refused->Close();
    if (status.ok()) status = kept;
  }
  if (!status.ok()) output_.Fail(status);
  TellSums();
  return status.ok() && refused_ == 0 ? 0 : 1;
}

Status IngestRun::ReadAll(DocumentSource& source) {
  SourceItem item;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, source.Next(item));
    if (!more) return OkStatus();
    if (item.refused.ok()) item.refused = CheckMessageSize(item.document);
    ASSIGN_OR_RETURN(const bool skipped, Skip(item));
    if (skipped) continue;
    RETURN_IF_ERROR(Add(item));
    RETURN_IF_ERROR(CheckErrors());
    progress_.Update({accepted_, refused_here_ + refused_by_server_, source.Fraction()});
  }
}

Status IngestRun::Resume() {
  sent_any_ = true;  // the server judges key and collection
  v1::IngestRequest first;
  first.set_collection(settings_.collection);
  first.set_run(settings_.run);
  ASSIGN_OR_RETURN(const v1::Checkpoint checkpoint, stream_.OpenRun(std::move(first)));
  ASSIGN_OR_RETURN(sent_, InputPosition::Parse(checkpoint.position()));
  accepted_ = accepted_before_ = checkpoint.accepted();
  refused_before_.insert(checkpoint.refused_places().begin(), checkpoint.refused_places().end());
  const uint64_t untold =
      checkpoint.refused() - std::min<uint64_t>(checkpoint.refused(), refused_before_.size());
  refused_ = untold;  // the others are counted as they are told again
  ended_ = checkpoint.ended();
  if (checkpoint.batch() > 0) {
    output_.Note(fmt::format("run {}: {} after line {}", Printable(settings_.run),
                             ended_ ? "ended" : "goes on", sent_.line()));
  }
  if (untold > 0) {
    output_.Note(fmt::format("run {}: {} refused long before {} told by an earlier start only",
                             Printable(settings_.run), Counted(untold, "document"),
                             untold == 1 ? "is" : "are"));
  }
  return OkStatus();
}

StatusOr<bool> IngestRun::Skip(SourceItem& item) {
  if (position_.line() >= sent_.line()) return false;
  Advance(item);
  if (item.refused.ok() && refused_before_.erase(place_++) > 0) {
    item.refused = Invalid("",
                           "was refused by an earlier start of the run; ingest it without the "
                           "run to learn why");
  }
  // Refused here, so the server does not know of it, or then: told as if it came now.
  if (!item.refused.ok()) {
    AddRefused(item);
    if (batch_.refused.size() >= kBatchDocuments) RETURN_IF_ERROR(SendBatch());
  }
  if (position_.line() < sent_.line() || position_ == sent_) return true;
  return OtherInput();
}

Status IngestRun::End() {
  if (position_.line() < sent_.line()) return OtherInput();
  if (ended_) return OkStatus();
  batch_.request.set_end_run(true);
  return Send();
}

Status IngestRun::CheckErrors() const {
  const uint64_t refused = refused_here_ + refused_by_server_;
  if (!settings_.errors_max || refused < *settings_.errors_max) return OkStatus();
  return Status(StatusCode::kAborted, "max-errors",
                fmt::format("stopped: {} refused; correct them and run it again",
                            Counted(refused, "document")));
}

size_t IngestRun::BatchDocuments() const {
  // Whoever wants to stop early hears of refusals early.
  constexpr uint64_t kAtLeast = 16;
  if (!settings_.errors_max) return kBatchDocuments;
  return std::min<uint64_t>(kBatchDocuments, std::max(kAtLeast, *settings_.errors_max));
}

void IngestRun::Advance(const SourceItem& item) {
  if (!settings_.run.empty()) position_.Add(item);
}

void IngestRun::AddRefused(SourceItem& item) {
  batch_.refused.push_back({std::move(item.origin), item.document.id(),
                            std::string(item.refused.field()),
                            std::string(item.refused.message())});
}

Status IngestRun::Add(SourceItem& item) {
  const size_t bytes = BytesInMessage(item.document);
  batch_text_bytes_ += item.origin.text.size() + item.origin.vector.size() * sizeof(float);
  if (!item.refused.ok()) {
    ++refused_here_;
    Advance(item);
    AddRefused(item);
  } else {
    if (batch_bytes_ + bytes > kBatchBytes) RETURN_IF_ERROR(SendBatch());
    Advance(item);
    batch_bytes_ += bytes;
    batch_.origins.push_back(std::move(item.origin));
    batch_.request.mutable_documents()->Add(std::move(item.document));
  }
  const bool full = batch_.origins.size() + batch_.refused.size() >= BatchDocuments() ||
                    batch_text_bytes_ > kBatchTextMax;
  return full ? SendBatch() : OkStatus();
}

Status IngestRun::SendBatch() {
  return batch_.origins.empty() && batch_.refused.empty() ? OkStatus() : Send();
}

Status IngestRun::Send() {
  sent_any_ = true;
  batch_.request.set_collection(settings_.collection);
  batch_.request.set_reason(settings_.reason);
  batch_.request.set_embedding_model(settings_.model);
  batch_.request.set_embeddings_only(!settings_.model.empty());
  if (!settings_.run.empty()) {
    batch_.request.set_run(settings_.run);
    batch_.request.set_position(position_.Bytes());
  }
  batch_bytes_ = 0;
  batch_text_bytes_ = 0;
  return stream_.Send(std::exchange(batch_, DocumentBatch()));
}

void IngestRun::Complete(const DocumentBatch& batch, const v1::IngestResponse& response) {
  std::vector<RefusedDocument> refused = batch.refused;
  MergeRefusals(response.refused(), batch.origins, &refused);
  for (const RefusedDocument& document : refused) {
    if (settings_.refused != nullptr) settings_.refused->Add(document);
    TellRefused(output_, document);
  }
  // Whoever goes on after a kill asks for the last batches only.
  if (settings_.refused != nullptr && !refused.empty()) settings_.refused->Flush();
  accepted_ += response.accepted();
  refused_ += refused.size();
  refused_by_server_ += static_cast<uint64_t>(response.refused_size());
  // The server counts over a stream; a second stream after an overload counts anew.
  undefined_principals_ =
      std::max<uint64_t>(undefined_principals_, response.undefined_principals());
  stale_ += static_cast<uint64_t>(response.stale_size());
  revision_ = std::max(revision_, response.revision());
}

void IngestRun::TellSums() {
  if (output_.json()) {
    JsonWriter json;
    json.BeginObject().Key("accepted").Unsigned(accepted_);
    json.Key("refused").Unsigned(refused_);
    if (stale_ > 0) json.Key("stale").Unsigned(stale_);
    json.Key("undefined_principals").Unsigned(undefined_principals_);
    output_.Line(json.Key("revision").Unsigned(revision_).EndObject());
    return;
  }
  const double seconds = std::max(progress_.elapsed().count(), 1e-9);
  const auto here = static_cast<double>(accepted_ - accepted_before_);
  std::string text = fmt::format("accepted {} in {:.1f} s ({}/s)", Counted(accepted_, "document"),
                                 seconds, Grouped(static_cast<uint64_t>(here / seconds)));
  if (accepted_before_ > 0) text += fmt::format(", {} of them before", Grouped(accepted_before_));
  if (stale_ > 0) text += fmt::format(", {} out of date and left alone", Grouped(stale_));
  if (refused_ > 0) text += fmt::format(", refused {}", Grouped(refused_));
  if (undefined_principals_ > 0) {
    text += ", " + Counted(undefined_principals_, "undefined principal");
  }
  output_.Line(text + fmt::format(", revision {}", revision_));
}

}  // namespace cordon
