#include "tools/cordon/tried_listing.h"

#include <fmt/format.h>

#include "tools/cordon/listing_file.h"
#include "tools/cordon/message_size.h"

namespace cordon {

StatusOr<TriedListing> ReadTriedListing(const std::string& path) {
  ASSIGN_OR_RETURN(ListingFile file, ListingFile::Open(path));
  TriedListing listing;
  size_t bytes = 0;
  ListedLine line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, file.Next(line));
    if (!more) break;
    if (!line.refused.ok()) {
      listing.refused.push_back(RefusedOf(line));
      continue;
    }
    bytes += BytesInMessage(line.document);
    if (bytes > kBatchBytesMax) {
      return Invalid("FILE", fmt::format("takes more than {} bytes, which is what a message may; "
                                         "'source sync --dry-run' tells the difference",
                                         kBatchBytesMax));
    }
    listing.lines.Move(line, &listing.request);
  }
  auto* commit = listing.request.mutable_commit();
  commit->set_documents(listing.lines.documents.size() + listing.lines.unchanged.size());
  commit->set_incomplete(!listing.refused.empty());
  return listing;
}

}  // namespace cordon
