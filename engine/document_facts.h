// What a start keeps of documents' records: what indexes are made of, and not the records.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cordon/store/v1/records.pb.h"
#include "engine/columns/columns.h"
#include "engine/store/codec.h"
#include "engine/store/state.h"
#include "engine/view/index_files.h"

namespace cordon {

// The refusal of a store that contradicts itself.
Status Inconsistent(std::string_view what);

// Whose facts they are to be, and for the index of which space. Borrows everything.
struct FactsFor {
  const TenantState& state;
  const Collection& collection;
  uint32_t space;
  bool searched() const { return space == collection.space; }
};

// Those of some documents, in a few pieces of memory. For one thread at a time.
class DocumentFacts {
 public:
  // Borrowed from this.
  struct Document {
    std::string_view id;
    uint64_t stored;  // its number in the store
    Validity valid;
    bool in_other;                          // it has vectors in the collection's other space
    bool stale;                             // it has some in spaces that were dropped
    const Attributes* attributes;           // null: none that are searched
    std::span<const StoredRows::Row> rows;  // those that have vectors in the space
  };

  // Takes what counts out of a record. DATA_LOSS if it cannot be.
  Status Add(const FactsFor& of, const store::v1::DocumentRecord& record);

  // Calls visit(document) for each, in the order in which they came.
  template <typename Visit>
  void ForEach(Visit visit) const {
    size_t id = 0, row = 0;
    for (const Kept& kept : documents_) {
      visit(Document{std::string_view(ids_).substr(id, kept.id_end - id), kept.stored, kept.valid,
                     kept.in_other, kept.stale,
                     kept.attributes == kNone ? nullptr : &attributes_[kept.attributes],
                     std::span(rows_).subspan(row, kept.rows_end - row)});
      id = kept.id_end;
      row = kept.rows_end;
    }
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;
  struct Kept {
    uint64_t stored;
    Validity valid;
    bool in_other;
    bool stale;
    size_t attributes;  // in attributes_, or kNone
    size_t id_end;      // in ids_
    size_t rows_end;    // in rows_
  };

  std::vector<Kept> documents_;
  std::string ids_;
  std::vector<StoredRows::Row> rows_;
  std::vector<Attributes> attributes_;
};

}  // namespace cordon
