// What a tenant is at one revision, without its chunks. Immutable once published; the parts are
// shared between versions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cordon/journal/v1/record.pb.h"
#include "cordon/store/v1/mutation.pb.h"
#include "engine/policy/decide.h"
#include "engine/store/database.h"

namespace cordon {

// The first tenant: the only one whose admins may create others.
inline constexpr std::string_view kFirstTenant = "default";

// An embedding space of a collection beside the one that is searched (embedding_spaces.h).
struct OtherSpace {
  uint32_t number;
  v1::EmbeddingSpace space;
  uint64_t documents = 0;  // that have vectors in it
};

struct Collection {
  uint32_t id;                  // never reused
  v1::CollectionConfig config;  // of the embedding, what is searched
  uint64_t documents = 0;       // all of them have vectors in the space that is searched
  uint64_t chunks = 0;
  uint32_t space = id;  // that is searched; its number is that of its index
  std::optional<OtherSpace> other = {};
  uint64_t stale = 0;  // documents with vectors in spaces that were dropped
};

struct Key {
  std::string digest;  // SHA-256 of the secret; empty if a certificate authenticates
  std::shared_ptr<const Grant> grant;
  Micros created;
  std::string previous_digest;  // of the secret before the last rotation
  Micros previous_until = 0;    // that one is accepted before then
};

// Where a source of the directory stands.
struct DirectorySource {
  uint64_t snapshot = 0;  // the sequence of its last snapshot: what it says is later
  uint64_t last = 0;      // the highest sequence that it has used
};

// The refusal of a certificate that another key has.
Status CertificateTaken();
Key ToKey(const store::v1::KeyRecord& record, Grant grant);

struct TenantState {
  using Collections = std::map<std::string, std::shared_ptr<const Collection>, std::less<>>;
  using Keys = std::map<std::string, Key, std::less<>>;
  using Certificates = std::map<std::string, std::string, std::less<>>;
  using Sources = std::map<std::string, DirectorySource, std::less<>>;

  uint32_t id = 0;
  std::string name;
  uint64_t revision = 0;
  Micros time = 0;
  uint32_t next_collection = 1;
  uint64_t next_document = 0;
  uint32_t spaces = 0;  // embedding spaces that were begun beside those of new collections
  PolicyState policy;
  std::shared_ptr<const Collections> collections = std::make_shared<Collections>();
  std::shared_ptr<const Keys> keys = std::make_shared<Keys>();
  // The ids of the keys that a certificate authenticates, by the certificate's name.
  std::shared_ptr<const Certificates> certificates = std::make_shared<Certificates>();

  // Of the directory, by name.
  std::shared_ptr<const Sources> sources = std::make_shared<Sources>();

  // Null if there is none.
  std::shared_ptr<const Collection> FindCollection(std::string_view collection) const;

  // Sets `keys`, and `certificates` as they follow from them.
  void SetKeys(std::shared_ptr<const Keys> all);
};

// What a mutation does to the rows of one document, for the indexes. Borrows embeddings, texts and
// attributes from the mutation, which must outlive it.
struct RowChange {
  // kErase: from memory, too. kSweep: dead rows of all documents leave memory, and nothing else
  // changes; of no document. kEmbed: vectors in the space that is not searched come to those of it.
  enum Kind { kReplace, kReclass, kRemove, kErase, kSweep, kEmbed };
  struct Row {
    uint32_t ordinal;
    ClassId class_id;
    const float* embedding;  // null for kReclass: the row keeps its own
    std::string_view text;
  };
  std::string document;
  Kind kind;
  bool may_exist;  // false: the document is new
  Micros valid_from;
  Micros valid_until;
  std::vector<Row> rows;  // of kReplace, kReclass and kEmbed
  // Null but for kReplace and some kReclass: the document keeps its own.
  const google::protobuf::Map<std::string, v1::AttributeValue>* attributes = nullptr;
  // Of kReclass: what `rows` borrow, read from the store; empty: they keep the words that the index
  // has.
  std::vector<std::string> texts = {};
  // Of kErase: versions that were replaced or deleted before went as well.
  bool older = false;
  // Of kReclass: the document has vectors in the space that is not searched, too.
  bool in_other = false;
  // Of kReplace, kReclass and kEmbed: the number of the document's newest version, if it is known.
  std::optional<uint64_t> stored = {};
  // What `attributes` borrows if the mutation has only some of them.
  std::shared_ptr<const google::protobuf::Map<std::string, v1::AttributeValue>> merged = {};
};

// What a mutation makes of a tenant.
struct Applied {
  TenantState next;
  Batch batch;
  std::string collection;              // whose rows change, if any do
  uint32_t dropped = 0;                // the number of one that goes, or is gone
  std::vector<RowChange> rows;         // in order
  std::vector<std::string> documents;  // ids touched
  std::vector<uint64_t> erased;        // numbers of documents whose keys are to be destroyed
  journal::v1::Replay replay;          // what a restored store must be told
  std::vector<std::string> names;      // their pseudonyms, for the journal
  bool existed = false;                // of SetAccess, UpdateMetadata and Delete
  std::vector<bool> existed_each;      // of SetAccessMany and SetAccessSelected, by place
  std::vector<uint32_t> stale;         // of Ingest: places of what was out of date, ascending
  // Of Ingest: groups and roles that have no record. Of ApplyPolicy: sources that no document had.
  std::vector<std::string> undefined;
  std::vector<std::string> look_alikes;  // of ApplyPolicy: sources that look like quarantined ones
  uint32_t parts = 0;  // of ApplyPolicy and ApplyDirectory: how many; of Erase and SyncSource
  bool more = false;   // of Erase: the limit left some
  v1::SyncDirectoryResponse sync;  // of SyncDirectory: all but the revision
  // What a restored store is told instead of the mutation, which alone would not do there.
  std::optional<store::v1::Mutation> told;
  std::shared_ptr<TenantState> created;  // of NewTenant
  std::optional<Label> model_label;      // of Export: of the model from now on
};

}  // namespace cordon
