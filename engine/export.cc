#include "engine/export.h"

#include <memory>

#include "engine/retrieve/outgoing_words.h"
#include "engine/store/codec.h"
#include "engine/view/journaled.h"

namespace cordon {
namespace {

using Done = std::function<void(StatusOr<ExportedMessage>)>;

store::v1::ExportedBatch BatchOf(const v1::ExportRequest& request, const std::string& destination,
                                 const ExportPart& part) {
  store::v1::ExportedBatch batch;
  batch.set_collection(request.collection());
  batch.set_destination(destination);
  for (const auto& document : part.documents) batch.add_documents(document->document.id());
  for (const Label& label : part.labels) *batch.add_labels() = ToProto(label);
  return batch;
}

// Like those of a passage (engine/retrieve/answer.cc).
uint32_t SeeToHidden(bool strip, v1::Document* document) {
  OutgoingWords words(strip);
  words.SeeId(document->id());
  words.See(document->mutable_title());
  words.See(document->mutable_uri());
  if (document->has_provenance()) words.See(document->mutable_provenance());
  for (auto& [name, value] : *document->mutable_attributes()) words.See(&value);
  for (auto& chunk : *document->mutable_chunks()) words.See(chunk.mutable_text());
  return words.hidden();
}

ExportedMessage ToMessage(ExportPart part, bool strip, const Committed& committed) {
  ExportedMessage message;
  message.next = part.next;
  v1::ExportResponse& response = message.response.emplace();
  for (Cleared<ExportedDocument>& cleared : part.documents) {
    v1::Document* const document = response.add_documents();
    *document = std::move(cleared).Take().document;
    response.add_hidden_characters(SeeToHidden(strip, document));
  }
  if (committed.model_label) *response.mutable_model_label() = ToProto(*committed.model_label);
  response.set_revision(committed.revision);
  response.set_journal_id(committed.receipt.id());
  return message;
}

}  // namespace

void ExportNext(const ReadContext& read, const WriteContext& write,
                const v1::ExportRequest& request, const ExportPlace& place, Done done) {
  auto record = RecordOf("Export", read.caller, *read.tenant);
  auto part = ReadExportPart(read, request, place, &record);
  if (part.ok()) {
    if (const Status charged = Charge(read, &record); !charged.ok()) part = charged;
  }
  if (!part.ok() || part->documents.empty()) {
    // Nothing leaves and nothing rises; that too has its record.
    const Status outcome = part.status();
    record.set_outcome(std::string(CodeName(outcome.code())));
    record.set_refused_field(std::string(outcome.field()));
    read.tenant->journal->Append(std::move(record), Durability::kRequired,
                                 [outcome, done = std::move(done)](const auto& receipt) {
                                   if (!receipt.ok()) return done(receipt.status());
                                   if (!outcome.ok()) return done(outcome);
                                   ExportedMessage end;
                                   end.next.ended = true;
                                   done(std::move(end));
                                 });
    return;
  }
  const bool alert = RaisesAlert(record);
  auto batch = BatchOf(request, record.destination(), *part);
  const auto kept = std::make_shared<ExportPart>(*std::move(part));
  RecordExport(
      write, std::move(batch), std::move(record),
      [kept, alert, strip = request.strip_hidden_characters(), alerts = read.tenant->canary_alerts,
       done = std::move(done)](const StatusOr<Committed>& committed) {
        if (!committed.ok()) return done(committed.status());
        if (alert) alerts->Raise(committed->receipt.id());
        done(ToMessage(std::move(*kept), strip, *committed));
      });
}

}  // namespace cordon
