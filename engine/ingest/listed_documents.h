// Listed documents beside what is stored of them. Internal to ingest/.
#pragma once

#include <cstdint>
#include <vector>

#include "cordon/v1/types.pb.h"
#include "engine/view/view.h"

namespace cordon {

// How a listed document stands to what is stored.
struct Listed {
  enum Kind {
    kAdded,        // nothing is
    kChanged,      // content, subjects or source is another: it must be written anew
    kRedescribed,  // all but those is another
    kUnchanged,    // or the listed one is out of date
  };
  Kind kind = kAdded;
  uint64_t number = 0;     // of what is stored
  bool of_source = false;  // what is stored comes from the same source
};

// One for each of `documents`, each of another id, as Validate() completes them. Embeddings that
// the collection makes of its texts are not looked at: the same text has the same one. Reads what
// is stored, content included, in `view`.
StatusOr<std::vector<Listed>> CompareListed(
    const View& view, const Collection& collection,
    const google::protobuf::RepeatedPtrField<v1::Document>& documents);

}  // namespace cordon
