// By what a document is found without its id: its subjects, its source, and when it is due.
#include <algorithm>

#include "engine/store/codec.h"
#include "engine/store/document_writer.h"

namespace cordon {

Micros DocumentWriter::DueTime(const Record& record) const {
  const auto& document = record.document();
  Micros due = document.has_erase_after() ? *FromProto(document.erase_after()) : kNever;
  const Validity validity = *ValidityOf(document);
  if (collection_.config.has_erase_after_s() && validity.until != kNever) {
    // Both are bounded (codec.cc, CheckConfig): their sum is a time.
    const auto after = static_cast<Micros>(collection_.config.erase_after_s()) * 1'000'000;
    due = std::min(due, validity.until + after);
  }
  return due;
}

void DocumentWriter::EachMark(const Record& record, const PutKey& put) const {
  for (const auto& subject : record.document().subjects()) {
    put(Family::kMarks, MarkKey(tenant(), collection_.id, kSubjectMark,
                                Pseudonym("subject", subject), record.number()));
  }
  if (const auto& source = record.document().provenance().source(); !source.empty()) {
    put(Family::kMarks, MarkKey(tenant(), collection_.id, kSourceMark, Pseudonym("source", source),
                                record.number()));
  }
  if (const Micros due = DueTime(record); due != kNever) {
    put(Family::kDue, DueKey(tenant(), due, collection_.id, record.number()));
  }
}

void DocumentWriter::PutNames(const Record& record) {
  const std::string pseudonym = Pseudonym("document", record.document().id());
  store::v1::NumberRecord number;
  number.set_number(record.number());
  applied_->batch.Put(Family::kNumbers, PseudonymKey(tenant(), collection_.id, pseudonym), number);
  store::v1::MarkRecord mark;
  mark.set_document(pseudonym);
  EachMark(record,
           [&](Family family, const std::string& key) { applied_->batch.Put(family, key, mark); });
}

bool DocumentWriter::IsDue(const Record& record) const {
  return DueTime(record) <= applied_->next.time;
}

void DocumentWriter::PutOff(const Record& record) { PutNames(record); }

void DocumentWriter::MarkOld(const Record& old) {
  const std::string pseudonym = Pseudonym("document", old.document().id());
  store::v1::MarkRecord mark;
  mark.set_document(pseudonym);
  applied_->batch.Put(Family::kMarks,
                      MarkKey(tenant(), collection_.id, kDocumentMark, pseudonym, old.number()),
                      mark);
}

}  // namespace cordon
