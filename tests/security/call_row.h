// A row of the table of S3 (every_call_table.h), and the pieces that its requests are made of.
#pragma once

#include <grpcpp/grpcpp.h>

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "cordon/v1/admin.pb.h"

namespace cordon {

using Code = grpc::StatusCode;

// What a call may reach, of which DESIGN says that it is not there for whoever may not.
enum class Touches {
  kTenant,       // nothing but the caller's own tenant
  kFirstTenant,  // a thing that only the first tenant has, by a name of which all may know
  kDocuments,    // a collection of the first tenant
  kContext,      // the same, and a destination
  kDestination,  // a destination alone
  kTenants,      // other tenants: the first one's admins only
  kAnothers,     // what another key of the first tenant has opened for itself alone
};

struct Row {
  std::string method;
  std::string what;  // which kind of request
  // In text format. Fresh for each call: $NEW a name, $COLLECTION a collection, $SPACE one with
  // a second embedding space of the model n, $KEY a key's id.
  // Nothing: a stream without a message.
  std::optional<std::string> request;
  std::vector<v1::Right> needs;
  Touches touches = Touches::kTenant;
  bool writes = false;
  // Without these the call succeeds, but its document is refused.
  std::vector<v1::Right> document_needs{};
};

// Changes that are judged otherwise than the others, also where they are only tried. A batch of a
// run is a mutation even if all of it is refused: it takes its number, or no next one could follow.
inline constexpr const char* kWholeCollection = "a whole collection";
inline constexpr const char* kEmergency = "an emergency";
inline constexpr const char* kNewDocuments = "new documents";  // refused one by one
inline constexpr const char* kWholeListing = "a listing";      // likewise
inline constexpr const char* kBatchOfARun = "a batch of a run";
// Vectors for the second embedding space, which the journal has under a name of their own. Auditors
// are told of a document that they do not meet.
inline constexpr const char* kFilling = "a filling";
inline constexpr const char* kFillingOfNone = "a filling that meets nothing";
inline bool IsFilling(const Row& row) { return row.what == kFilling || row.what == kFillingOfNone; }

// Pieces of requests.
namespace request_text {
inline const std::string kInDocs = "collection: 'docs' ";
inline const std::string kOpen = kInDocs + "document: 'open' ";
inline const std::string kLater = "at { seconds: 9999999999 } ";
inline const std::string kMany = kInDocs + "changes { document: 'open' ";
inline const std::string kSelected = kInDocs + "id_prefix: 'open' ";
inline const std::string kForAna = "scope { as: 'user:ana' } ";
inline const std::string kFill =
    "collection: 'filled' embedding_model: 'own' embeddings_only: true ";
inline const std::string kVectors = "chunks { text: 'a word' embedding: 1 embedding: 0 } ";
inline const std::string kFresh = kInDocs + "batch: 1 documents { id: '$NEW' text: 'a word' ";
inline const std::string kAcl = "acl { allow { principal: 'everyone' } } ";
inline const std::string kLabel = "label { level: 'public' } ";
inline const std::string kListing = "begin { " + kInDocs + "source: '$NEW' ";
inline const std::string kListed =
    "documents { id: 'listed' text: 'a word' } commit { documents: 1 }";
inline const std::string kToModel = "scope { ";  // the default destination is of scope 4
inline const std::string kTitle = "update_mask { paths: 'title' } metadata { title: 'a title' } ";
inline const std::string kReason =
    "reason: 'r' until { seconds: " + std::to_string(std::time(nullptr) + 3600) + " } ";
}  // namespace request_text

}  // namespace cordon
