// Validation of documents: everything that can be judged on the request, the key and the policy.
#pragma once

#include <string>
#include <vector>

#include "cordon/store/v1/mutation.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "engine/view/view.h"

namespace cordon {

// The good documents of a batch, complete (defaults filled in, text cut into chunks, ordinals
// given, texts embedded, save by an endpoint), and the refusals of the others.
struct Validated {
  store::v1::IngestBatch batch;
  std::vector<v1::Refusal> refused;
  std::vector<uint32_t> places;  // of the batch's documents, in the request
};

// Whether documents are to be searched, or only to be judged: then texts are not embedded, and
// embeddings that are left out are not missed. What is given is checked all the same.
enum class Embeddings { kNeeded, kLeftOut };

// Judges each document by itself; attributes that the caller does not dominate are as if they were
// not declared. Takes the documents out of `request`.
Validated Validate(const View& view, const Collection& collection, const Authenticated& caller,
                   v1::IngestRequest* request, Embeddings embeddings = Embeddings::kNeeded);

// Judges what is said of a document as that does: texts, subjects, trust, validity, and attributes,
// which it completes. `cleared` are names of further attributes, which must be known as well.
Status CheckMetadata(const View& view, const Collection& collection, const Authenticated& caller,
                     const std::vector<std::string>& cleared, v1::Document* metadata);

// The refusal of the document at `index` of a request.
v1::Refusal RefusalOf(uint32_t index, const std::string& id, const Status& status);

// Refuses a list or label that the key may not set or that is malformed; shared with SetAccess.
Status CheckGivenAcl(const PolicyRules& rules, const Grant& grant, const v1::Acl& acl);
Status CheckGivenLabel(const PolicyRules& rules, const Grant& grant, const v1::Label& label);

// Refuses an id that is malformed or outside the key's prefix.
Status CheckWritableId(std::string_view field, const Grant& grant, const std::string& id);

// Refuses a batch of too many documents.
Status CheckBatchSize(const v1::IngestRequest& request);

// Refuses the embedding that came with a chunk unless it is one of a space of this dimension.
Status CheckEmbedding(const v1::Chunk& chunk, uint32_t dimension);

}  // namespace cordon
