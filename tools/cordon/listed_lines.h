// The lines of a listing on their way to the server, and what it refuses of them.
#pragma once

#include <cstdint>
#include <vector>

#include "cordon/v1/ingest.pb.h"
#include "tools/cordon/batch_stream.h"
#include "tools/cordon/listing_file.h"

namespace cordon {

// Which lines were sent, by their places in the whole listing, which refusals name.
struct ListedLines {
  std::vector<uint64_t> documents;  // of `documents`
  std::vector<uint64_t> unchanged;  // of `unchanged`

  // Moves a line that is not refused to the end of a message.
  void Move(ListedLine& line, v1::SyncSourceRequest* message);

  // Adds what the server refuses; all are in the order of the input then.
  void MergeRefusals(const google::protobuf::RepeatedPtrField<v1::Refusal>& refusals,
                     std::vector<RefusedDocument>* refused) const;
};

// A line that this program refuses.
RefusedDocument RefusedOf(const ListedLine& line);

}  // namespace cordon
