#include "engine/document_facts.h"

#include <spdlog/spdlog.h>

#include "engine/store/embedding_spaces.h"

namespace cordon {

Status Inconsistent(std::string_view what) {
  spdlog::error("the store is inconsistent: {}", what);
  return Corrupt("the store is inconsistent; restore from a backup");
}

Status DocumentFacts::Add(const FactsFor& of, const store::v1::DocumentRecord& record) {
  const auto& [state, collection, space] = of;
  const v1::Document& document = record.document();
  Kept kept;
  kept.stored = record.number();
  ASSIGN_OR_RETURN(kept.valid, ValidityOf(document));
  const bool embedded = HasSpace(record, collection, space);
  if (of.searched() && !embedded) return Inconsistent("a document that is not embedded");
  kept.in_other = collection.other && HasSpace(record, collection, collection.other->number);
  kept.stale = HasDroppedSpace(record, collection);
  kept.attributes = kNone;
  if (of.searched() && !document.attributes().empty()) {
    kept.attributes = attributes_.size();
    attributes_.push_back(document.attributes());
  }
  ids_ += document.id();
  kept.id_end = ids_.size();
  for (int i = 0; embedded && i < record.chunks_size(); ++i) {
    const auto& entry = record.chunks(i);
    if (entry.class_id() >= state.policy.classes.classes.size()) {
      return Inconsistent("a chunk's class");
    }
    if (i > 0 && entry.ordinal() <= record.chunks(i - 1).ordinal()) {
      return Inconsistent("a document's chunks");
    }
    rows_.push_back({entry.ordinal(), entry.class_id()});
  }
  kept.rows_end = rows_.size();
  documents_.push_back(kept);
  return OkStatus();
}

}  // namespace cordon
