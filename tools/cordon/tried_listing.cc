#include "tools/cordon/tried_listing.h"

#include <fmt/format.h>

#include <utility>

#include "tools/cordon/listing_file.h"
#include "tools/cordon/message_size.h"

namespace cordon {
namespace {

void Add(ListedLine& line, Origin origin, TriedListing* listing) {
  if (!line.refused.ok()) {
    listing->refused.push_back({std::move(origin), line.document.id(),
                                std::string(line.refused.field()),
                                std::string(line.refused.message())});
  } else if (line.unchanged) {
    listing->unchanged.push_back(std::move(origin));
    listing->request.add_unchanged(line.document.id());
  } else {
    listing->documents.push_back(std::move(origin));
    listing->request.add_documents()->Swap(&line.document);
  }
}

}  // namespace

StatusOr<TriedListing> ReadTriedListing(const std::string& path) {
  ASSIGN_OR_RETURN(ListingFile file, ListingFile::Open(path));
  TriedListing listing;
  size_t bytes = 0;
  ListedLine line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, file.Next(line));
    if (!more) break;
    if (line.refused.ok()) bytes += BytesInMessage(line.document);
    if (bytes > kBatchBytesMax) {
      return Invalid("FILE", fmt::format("takes more than {} bytes, which is what a message may; "
                                         "'source sync --dry-run' tells the difference",
                                         kBatchBytesMax));
    }
    Origin origin;
    origin.line = line.line;
    Add(line, std::move(origin), &listing);
  }
  auto* commit = listing.request.mutable_commit();
  commit->set_documents(listing.documents.size() + listing.unchanged.size());
  commit->set_incomplete(!listing.refused.empty());
  return listing;
}

void MergeRefusals(const google::protobuf::RepeatedPtrField<v1::Refusal>& refusals,
                   TriedListing* listing) {
  google::protobuf::RepeatedPtrField<v1::Refusal> of_documents, of_ids;
  for (const v1::Refusal& refusal : refusals) {
    *(refusal.field() == "unchanged" ? of_ids : of_documents).Add() = refusal;
  }
  MergeRefusals(of_documents, listing->documents, &listing->refused);
  MergeRefusals(of_ids, listing->unchanged, &listing->refused);
}

}  // namespace cordon
