// What a key calls that may not know of a collection, with '$' for the collection's name.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cordon {

// Pairs of them.
using MethodsAndRequests = std::vector<std::pair<std::string, std::string>>;

inline MethodsAndRequests CallsOfApplications() {
  const std::string me = "scope { destination: 'chat' } ";
  const std::string acl = "acl { allow { principal: 'everyone' } } ";
  return {
      {"Retrieval/Retrieve", "collection: '$' text: 'a' " + me},
      {"Retrieval/Retrieve", "collection: '$' vector: 1 vector: 2 " + me},
      {"Retrieval/Retrieve", "collection: '$' " + me},
      {"Retrieval/Retrieve", "collection: '$' text: 'a' k: 20000 " + me},
      {"Retrieval/Retrieve", "collection: '$' text: 'a' scope { as: 'user:ana' }"},
      {"Retrieval/Retrieve", "collection: '$' text: 'a' scope { destination: 'gone' }"},
      {"Retrieval/BatchRetrieve", "queries { collection: '$' text: 'a' " + me + "}"},
      {"Retrieval/RetrieveStream", "query { collection: '$' text: 'a' " + me + "}"},
      {"Retrieval/Retrieve", "collection: '$' text: 'a' context { rerank: 'r' } " + me},
      {"Retrieval/Retrieve", "collection: '$' text: 'a' context { min_trust: 'r' } " + me},
      {"Retrieval/GetDocument", "collection: '$' document: 'd' " + me},
      {"Retrieval/GetDocument", "collection: '$' document: '' " + me},
      {"Retrieval/CheckAccess", "collection: '$' documents: 'd' documents: 'e' " + me},
      {"Retrieval/Export", "collection: '$' " + me},
      {"Retrieval/Export", "collection: '$' documents: 'd' scope { destination: 'trained' }"},
      {"Ingest/Ingest", "collection: '$' batch: 1 documents { id: 'd' text: 'a' }"},
      {"Ingest/Ingest", "collection: '$' documents { id: 'd' attributes { key: 'x' } }"},
      {"Ingest/Ingest", "collection: '$'"},
      {"Ingest/Ingest",
       "collection: '$' embedding_model: 'own' embeddings_only: true documents { id: 'd' }"},
      {"Ingest/SetAccess", "collection: '$' document: 'd' " + acl},
      {"Ingest/SetAccess", "collection: '$' document: 'd' label { level: 'absent' }"},
      {"Ingest/SetAccess", "collection: '$' document: 'd'"},
      {"Ingest/SetAccessMany", "collection: '$' changes { document: 'd' " + acl + "}"},
      {"Ingest/SetAccessMany", "collection: '$'"},
      {"Ingest/SetAccessSelected", "collection: '$' id_prefix: 'd' " + acl},
      {"Ingest/SetAccessSelected", "collection: '$' source: 's' label { level: 'absent' }"},
      {"Ingest/UpdateMetadata",
       "collection: '$' document: 'd' update_mask { paths: 'attributes.x' }"},
      {"Ingest/UpdateMetadata", "collection: '$' document: 'd'"},
      {"Ingest/Ingest", "collection: '$' run: 'r'"},
      {"Ingest/Ingest", "collection: '$' run: 'r' batch: 1 documents { id: 'd' text: 'a' }"},
      {"Ingest/SyncSource", "begin { collection: '$' source: 's' } commit { }"},
      {"Ingest/SyncSource", "begin { collection: '$' source: 's' dry_run: true } commit { }"},
      {"Ingest/SyncSource", "begin { collection: '$' removals_max_percent: 101 } commit { }"},
      {"Ingest/Delete", "collection: '$' document: 'd'"},
      {"Ingest/Delete", "collection: '$' document: ''"},
      {"Ingest/Erase", "collection: '$' document: 'd'"},
      {"Ingest/Erase", "collection: '$' subject: 'person:1'"},
      {"Ingest/Erase", "collection: '$' source: 's'"},
      {"Ingest/EraseStatus", "collection: '$' revision: 1"},
      {"Ingest/SetHold", "collection: '$' document: 'd' name: 'case'"},
      {"Ingest/SetHold", "collection: '$' subject: 'person:1' name: 'case' release: true"},
      {"Ingest/ListHolds", "collection: '$'"},
  };
}

// And of admins.
inline MethodsAndRequests CallsOfAuditors() {
  const std::string acl = "acl { allow { principal: 'everyone' } } ";
  return {
      {"Policy/Explain", "collection: '$' document: 'd' as: 'user:ana'"},
      {"Policy/Explain", "collection: '$' document: 'd' as: 'group:in'"},
      {"Policy/WhoCanSee", "collection: '$' document: 'd'"},
      {"Policy/WhoCanSee", "collection: '$' document: 'e' destination: 'gone'"},
      {"Policy/Explain", "collection: '$' document: 'd' as: 'user:ana' at { seconds: 1 }"},
      {"Policy/WhoCanSee", "collection: '$' document: 'd' at { seconds: 1 }"},
      {"Policy/AccessReport", "collection: '$' as: 'user:ana' at { seconds: 9999999999 }"},
      {"Policy/Explain", "collection: '$' document: 'd' as: 'user:ana' key_id: 'gone'"},
      {"Policy/WhoCanSee", "collection: '$' document: 'd' key_id: 'gone'"},
      {"Policy/AccessReport", "collection: '$' as: 'user:ana'"},
      {"Policy/AccessReport", "collection: '$' key_id: 'gone'"},
      {"Policy/Simulate", "set_access { collection: '$' document: 'd' " + acl + "}"},
      {"Policy/Simulate", "set_access_many { collection: '$' changes { document: 'd' } }"},
      {"Policy/Simulate", "set_access_selected { collection: '$' source: 's' " + acl + "}"},
      {"Policy/Simulate",
       "update_metadata { collection: '$' document: 'd' update_mask { paths: 'title' } }"},
      {"Policy/Simulate", "delete_document { collection: '$' document: 'd' }"},
      {"Policy/Simulate", "erase { collection: '$' document: 'd' }"},
      {"Policy/Simulate", "ingest { collection: '$' documents { id: 'd' text: 'a' } }"},
      {"Policy/Simulate", "listing { begin { collection: '$' source: 's' } commit { } }"},
      {"Policy/Simulate", "erase { collection: '$' source: 's' }"},
      {"Policy/Simulate", "delete_collection { name: '$' }"},
      {"Admin/Stats", "collection: '$'"},
      {"Admin/Stats", "collection: '$' as: 'user:ana' destination: 'chat'"},
      {"Admin/DeleteCollection", "name: '$'"},
      {"Admin/BeginEmbedding",
       "collection: '$' space { model: 'n' dimension: 2 embedder: EMBEDDER_BUILTIN }"},
      {"Admin/BeginEmbedding", "collection: '$'"},
      {"Admin/SwitchEmbedding", "collection: '$' model: 'n'"},
      {"Admin/SwitchEmbedding", "collection: '$' model: 'n' allow_missing: true"},
      {"Admin/DropEmbedding", "collection: '$' model: 'n'"},
      {"Admin/EmbeddingStatus", "collection: '$'"},
  };
}

// Calls of a key that holds every right for the collection docs, about another one.
inline MethodsAndRequests CallsAbout() {
  MethodsAndRequests calls = CallsOfApplications();
  for (auto& call : CallsOfAuditors()) calls.push_back(std::move(call));
  return calls;
}

}  // namespace cordon
